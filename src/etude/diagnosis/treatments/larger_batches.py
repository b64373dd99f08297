"""Larger batches: steps with less noise."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, by: float) -> Recipe | None:
    """The recipe with batches `by` times as large; None where a step takes all rows already."""
    return None if recipe.batch_size is None else changed(recipe, {"batch_size": round(by * recipe.batch_size)})


TREATMENT = Treatment(
    name="larger batches",
    says="the gradient of more rows is less noisy, so that the loss settles lower",
    answers=("oscillation", "learning rate too high", "underfit (optimisation)"),
    fields=("batch_size",),
    strengths=(8.0,),
    apply=apply,
)
