"""The hidden widths of any architecture, changed alike."""

from collections.abc import Callable

from etude.values.model import Attention, Convnet, Mlp, Recurrent
from etude.values.recipe import Recipe, changed


def widened(recipe: Recipe, by: Callable[[int], int]) -> Recipe | None:
    """The recipe with each hidden width w as by(w); None where that changes nothing or there is none."""
    model = recipe.model
    if isinstance(model, Mlp):
        wide = changed(recipe, {"model.hidden": tuple(by(width) for width in model.hidden)})
    elif isinstance(model, Convnet):
        wide = changed(recipe, {"model.channels": tuple(by(width) for width in model.channels)})
    elif isinstance(model, Recurrent):
        wide = changed(recipe, {"model.hidden": by(model.hidden)})
    elif isinstance(model, Attention):
        wide = changed(recipe, {"model.width": max(1, by(model.width) // model.heads) * model.heads})
    else:
        return None
    return None if wide == recipe else wide
