"""Gradients are clipped."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, norm: float) -> Recipe | None:
    """The recipe with gradients scaled down to that norm; None where they are clipped as hard already."""
    if recipe.clip_norm is not None and recipe.clip_norm <= norm:
        return None
    return changed(recipe, {"clip_norm": norm})


TREATMENT = Treatment(
    name="gradient clipping",
    says="one huge gradient no longer throws away what many small ones have learned",
    answers=("exploding gradients", "diverged", "oscillation"),
    fields=("clip_norm",),
    strengths=(1.0,),
    apply=apply,
)
