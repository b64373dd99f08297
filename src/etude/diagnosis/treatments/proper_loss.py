"""The loss of a probability."""

from etude.data.load import kind_of
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, _: float) -> Recipe | None:
    """The recipe with cross-entropy in the place of a squared error of classes; None where it has it, or numbers."""
    if recipe.loss not in ("mse", "l1", "huber"):
        return None
    loss = {"binary": "bce", "multiclass": "cross_entropy"}.get(kind_of(recipe.data))
    return None if loss is None else changed(recipe, {"loss": loss})


TREATMENT = Treatment(
    name="cross-entropy",
    says="the gradient of a confidently wrong answer is large under cross-entropy and nothing under a squared error",
    answers=("saturation", "not learning", "underfit (optimisation)", "not converged", "learning rate too low"),
    fields=("loss",),
    strengths=(1.0,),
    apply=apply,
)
