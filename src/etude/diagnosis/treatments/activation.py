"""An activation that passes gradients on."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment

INSTEAD = {"sigmoid": "relu", "tanh": "relu", "relu": "gelu"}


def apply(recipe: Recipe, _: float) -> Recipe | None:
    """The recipe with ReLU in the place of what saturates, and GELU in the place of ReLU, whose units can die."""
    now = str(dict(recipe.model).get("activation", ""))
    return changed(recipe, {"model.activation": INSTEAD[now]}) if now in INSTEAD else None


TREATMENT = Treatment(
    name="another activation",
    says="a unit that is saturated or dead passes no gradient on",
    answers=("vanishing gradients", "dying relu", "saturation", "underfit (optimisation)", "not learning", "good fit"),
    fields=("model.activation",),
    strengths=(1.0,),
    apply=apply,
)
