"""A way around each hidden layer."""

from itertools import pairwise

from etude.values.model import Mlp
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, _: float) -> Recipe | None:
    """The recipe with skip connections; None where no two hidden layers in a row are of one width."""
    model = recipe.model
    if not isinstance(model, Mlp) or model.residual or not any(one == next_ for one, next_ in pairwise(model.hidden)):
        return None
    return changed(recipe, {"model.residual": True})


TREATMENT = Treatment(
    name="residual connections",
    says="gradients reach the first layers on a short way",
    answers=("vanishing gradients", "underfit (optimisation)", "not learning"),
    fields=("model.residual",),
    strengths=(1.0,),
    apply=apply,
)
