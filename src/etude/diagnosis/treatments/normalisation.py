"""Units normalised over the batch."""

from etude.values.model import Convnet, Mlp
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, _: float) -> Recipe | None:
    """The recipe with batch normalisation before each activation; None where it is there, or has no place."""
    model = recipe.model
    if not isinstance(model, Mlp | Convnet) or model.norm != "none" or (isinstance(model, Mlp) and not model.hidden):
        return None
    return changed(recipe, {"model.norm": "batch"})


TREATMENT = Treatment(
    name="batch normalisation",
    says="every layer sees inputs of one size, however deep it is and however it started",
    answers=("vanishing gradients", "exploding gradients", "saturation", "underfit (optimisation)", "not learning"),
    fields=("model.norm",),
    strengths=(1.0,),
    apply=apply,
)
