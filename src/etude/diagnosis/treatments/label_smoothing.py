"""Labels that are not quite sure."""

from etude.data.load import kind_of
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, smoothing: float) -> Recipe | None:
    """The recipe with labels smoothed by so much; None where they are as smooth, or where numbers are predicted."""
    loss = recipe.loss in ("bce", "cross_entropy", "mse") and kind_of(recipe.data) != "regression"
    return changed(recipe, {"label_smoothing": smoothing}) if loss and recipe.label_smoothing < smoothing else None


TREATMENT = Treatment(
    name="label smoothing",
    says="a network that need not be certain does not grow its weights to be so, and wrong labels pull less",
    answers=("overconfident", "label noise memorised", "overfit"),
    fields=("label_smoothing",),
    strengths=(0.1,),
    apply=apply,
)
