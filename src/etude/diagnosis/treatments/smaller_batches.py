"""Smaller batches: more steps an epoch."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, size: float) -> Recipe | None:
    """The recipe with batches of that size; None where they are as small already."""
    if recipe.batch_size is not None and recipe.batch_size <= size:
        return None
    return changed(recipe, {"batch_size": round(size)})


TREATMENT = Treatment(
    name="smaller batches",
    says="each pass over the rows makes more steps, and their noise leads out of poor minima",
    answers=(
        "not converged",
        "learning rate too low",
        "underfit (optimisation)",
        "not learning",
        "overfit",
        "good fit",
    ),
    fields=("batch_size",),
    strengths=(128.0, 32.0),
    apply=apply,
)
