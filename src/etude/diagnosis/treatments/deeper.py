"""More layers."""

from etude.values.model import Attention, Convnet, Mlp, Recurrent
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, by: float) -> Recipe | None:
    """The recipe with `by` further layers like its last; None where the network has no layers of its own kind."""
    model, more = recipe.model, round(by)
    if isinstance(model, Mlp) and model.hidden:
        return changed(recipe, {"model.hidden": (*model.hidden, *[model.hidden[-1]] * more)})
    if isinstance(model, Convnet):
        return changed(recipe, {"model.depth": model.depth + more})
    if isinstance(model, Recurrent | Attention):
        return changed(recipe, {"model.layers": model.layers + more})
    return None


TREATMENT = Treatment(
    name="deeper network",
    says="layers put simple parts together, which one layer would need very many units for",
    answers=("underfit (capacity)", "good fit"),
    fields=("model.hidden", "model.depth", "model.layers"),
    strengths=(1.0, 2.0),
    apply=apply,
)
