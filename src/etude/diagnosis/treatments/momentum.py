"""Momentum."""

from etude.values.optimizer import Sgd
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, momentum: float) -> Recipe | None:
    """The recipe with that momentum; None where it has some, or an optimiser of another kind."""
    if not isinstance(recipe.optimizer, Sgd) or recipe.optimizer.momentum:
        return None
    return changed(recipe, {"optimizer.momentum": momentum})


TREATMENT = Treatment(
    name="momentum",
    says="steps that agree add up, and those that fight cancel",
    answers=("not converged", "learning rate too low", "underfit (optimisation)", "oscillation"),
    fields=("optimizer.momentum",),
    strengths=(0.9,),
    apply=apply,
)
