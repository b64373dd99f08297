"""Every class counts alike."""

from etude.data.load import kind_of
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, _: float) -> Recipe | None:
    """The recipe with each class weighed by how rare it is; None where it is, or where numbers are predicted."""
    loss = recipe.loss in ("bce", "cross_entropy", "mse") and kind_of(recipe.data) != "regression"
    return changed(recipe, {"class_weights": "balanced"}) if loss and recipe.class_weights == "none" else None


TREATMENT = Treatment(
    name="class weights",
    says="a rare class is not drowned by a frequent one",
    answers=("class imbalance",),
    fields=("class_weights",),
    strengths=(1.0,),
    apply=apply,
)
