"""Initial weights that suit the activation."""

from etude.values.model import Mlp
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, _: float) -> Recipe | None:
    """The recipe with He's initial weights, or Glorot's for what saturates; None where it has them."""
    model = recipe.model
    if not isinstance(model, Mlp):
        return None
    name = "xavier" if model.activation in ("sigmoid", "tanh") else "he"
    return None if model.initialisation == name else changed(recipe, {"model.initialisation": name})


TREATMENT = Treatment(
    name="other initial weights",
    says="signals neither fade nor grow from layer to layer where weights start at the right size",
    answers=("bad initialisation", "vanishing gradients", "exploding gradients", "plateau then drop", "not learning"),
    fields=("model.initialisation",),
    strengths=(1.0,),
    apply=apply,
)
