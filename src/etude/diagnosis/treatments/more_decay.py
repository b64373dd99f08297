"""Stronger weight decay."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment

LEAST = 1e-4
"""What a recipe without decay starts from, before the strength multiplies it."""


def apply(recipe: Recipe, by: float) -> Recipe:
    """The recipe with `by` times the weight decay that it has, of the kind its optimiser has."""
    kind = "decoupled" if recipe.optimizer.name == "adamw" else "coupled"
    path = f"optimizer.{kind}_weight_decay"
    now = dict(recipe.optimizer)[f"{kind}_weight_decay"]
    return changed(recipe, {path: by * max(now, LEAST)})


TREATMENT = Treatment(
    name="more weight decay",
    says="small weights make smooth functions, which hold on rows that were not seen",
    answers=("overfit", "label noise memorised", "overconfident", "saturation", "distractor features"),
    fields=("optimizer.coupled_weight_decay", "optimizer.decoupled_weight_decay"),
    strengths=(3.0, 10.0, 100.0),
    apply=apply,
)
