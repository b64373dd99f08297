"""Train longer."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, by: float) -> Recipe:
    """The recipe with `by` times the epochs."""
    return changed(recipe, {"epochs": round(by * recipe.epochs)})


TREATMENT = Treatment(
    name="more epochs",
    says="a curve that is still falling when training stops goes on falling",
    answers=("not converged", "learning rate too low", "plateau then drop", "schedule"),
    fields=("epochs",),
    strengths=(3.0, 10.0),
    apply=apply,
)
