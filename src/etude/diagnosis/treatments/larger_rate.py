"""Larger steps."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, by: float) -> Recipe:
    """The recipe with `by` times the learning rate."""
    return changed(recipe, {"optimizer.learning_rate": by * recipe.optimizer.learning_rate})


TREATMENT = Treatment(
    name="larger learning rate",
    says="as many steps that are larger get further",
    answers=("learning rate too low", "not converged", "not learning", "underfit (optimisation)"),
    fields=("optimizer.learning_rate",),
    strengths=(3.0, 10.0),
    apply=apply,
)
