"""The weights of the best validation epoch are kept."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment

LEAST = 5
"""Epochs of patience at least: below, noise alone stops a run."""


def apply(recipe: Recipe, share: float) -> Recipe | None:
    """The recipe with that share of its epochs as patience; None where it stops early already."""
    if recipe.early_stopping is not None or recipe.epochs <= LEAST:
        return None
    return changed(recipe, {"early_stopping": {"patience": max(LEAST, round(share * recipe.epochs))}})


TREATMENT = Treatment(
    name="early stopping",
    says="after the best epoch the network learns its rows by heart",
    answers=("overfit", "label noise memorised", "overconfident", "double descent", "learning rate too high"),
    fields=("early_stopping",),
    strengths=(0.1,),
    apply=apply,
)
