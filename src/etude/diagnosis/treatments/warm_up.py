"""A learning rate that first rises from nothing."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, share: float) -> Recipe | None:
    """The recipe with that share of its epochs as warm-up; None where it has as much already."""
    epochs = round(share * recipe.epochs, 2)
    return changed(recipe, {"schedule.warm_up": epochs}) if epochs > recipe.schedule.warm_up else None


TREATMENT = Treatment(
    name="warm-up",
    says="the first steps are the most uncertain, and small ones do no harm",
    answers=("schedule", "diverged", "learning rate too high", "exploding gradients", "dying relu"),
    fields=("schedule.warm_up",),
    strengths=(0.1,),
    apply=apply,
)
