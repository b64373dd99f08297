"""Less dropout, or none."""

from etude.values.code import Code
from etude.values.model import Pretrained
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, share: float) -> Recipe | None:
    """The recipe with that share of its dropout; None where it has none."""
    if isinstance(recipe.model, Code | Pretrained) or not dict(recipe.model)["dropout"]:
        return None
    return changed(recipe, {"model.dropout": share * dict(recipe.model)["dropout"]})


TREATMENT = Treatment(
    name="less dropout",
    says="a network that is silenced too often never sees its own best",
    answers=("over-regularised", "unnecessary regularisation", "not learning"),
    fields=("model.dropout",),
    strengths=(0.3, 0.0),
    apply=apply,
)
