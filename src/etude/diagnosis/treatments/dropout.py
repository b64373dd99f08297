"""Dropout."""

from etude.values.model import Attention, Convnet, Mlp, Recurrent
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, probability: float) -> Recipe | None:
    """The recipe with that dropout; None where the network has no place for it, or as much already."""
    model = recipe.model
    fits = isinstance(model, Convnet | Attention) or (isinstance(model, Mlp) and bool(model.hidden))
    if not fits and not (isinstance(model, Recurrent) and model.layers > 1):
        return None
    now = float(dict(model)["dropout"])
    return changed(recipe, {"model.dropout": probability}) if probability > now else None


TREATMENT = Treatment(
    name="dropout",
    says="units that may be silenced cannot rely on one another to remember single rows",
    answers=("overfit", "label noise memorised", "overconfident"),
    fields=("model.dropout",),
    strengths=(0.1, 0.3),
    apply=apply,
)
