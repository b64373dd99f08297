"""Weaker weight decay, or none."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, share: float) -> Recipe | None:
    """The recipe with that share of its weight decay; None where it has none."""
    kind = "decoupled" if recipe.optimizer.name == "adamw" else "coupled"
    now = dict(recipe.optimizer)[f"{kind}_weight_decay"]
    return changed(recipe, {f"optimizer.{kind}_weight_decay": share * now}) if now else None


TREATMENT = Treatment(
    name="less weight decay",
    says="decay holds the weights below what the pattern needs",
    answers=("over-regularised", "unnecessary regularisation", "not learning", "dying relu"),
    fields=("optimizer.coupled_weight_decay", "optimizer.decoupled_weight_decay"),
    strengths=(0.1, 0.0),
    apply=apply,
)
