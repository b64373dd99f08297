"""Images that are never the same twice."""

from etude.values.augment import Augment
from etude.values.data import Images
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, shift: float) -> Recipe | None:
    """The recipe with images moved by up to so many pixels; None where rows are no images, or are changed already."""
    if not isinstance(recipe.data, Images) or recipe.augment is not None:
        return None
    return changed(recipe, {"augment": Augment(shift=round(shift))})


TREATMENT = Treatment(
    name="augmentation",
    says="what is never the same twice cannot be learned by heart",
    answers=("overfit",),
    fields=("augment",),
    strengths=(2.0,),
    apply=apply,
)
