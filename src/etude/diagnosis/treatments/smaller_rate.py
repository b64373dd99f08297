"""Smaller steps."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, by: float) -> Recipe:
    """The recipe with the learning rate divided by `by`."""
    return changed(recipe, {"optimizer.learning_rate": recipe.optimizer.learning_rate / by})


TREATMENT = Treatment(
    name="smaller learning rate",
    says="steps that are too large jump over what they should settle in",
    answers=("learning rate too high", "diverged", "not learning", "oscillation", "dying relu", "exploding gradients"),
    fields=("optimizer.learning_rate",),
    strengths=(3.0, 10.0, 100.0),
    apply=apply,
)
