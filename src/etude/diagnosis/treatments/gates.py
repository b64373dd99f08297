"""Gates that remember."""

from etude.values.model import Recurrent
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, _: float) -> Recipe | None:
    """The recipe with a GRU in the place of a plain cell; None for other networks."""
    if not isinstance(recipe.model, Recurrent) or recipe.model.cell != "rnn":
        return None
    return changed(recipe, {"model.cell": "gru"})


TREATMENT = Treatment(
    name="gated cells",
    says="a gate carries a state over many steps that a plain cell loses",
    answers=("underfit (optimisation)", "not learning", "vanishing gradients", "underfit (capacity)", "diverged"),
    fields=("model.cell",),
    strengths=(1.0,),
    apply=apply,
)
