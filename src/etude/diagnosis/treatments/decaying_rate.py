"""A learning rate that falls to nothing over the run."""

from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, _: float) -> Recipe | None:
    """The recipe with half a cosine from the full rate down to 0; None where its rate falls already."""
    if recipe.schedule.name != "constant":
        return None
    return changed(recipe, {"schedule": {"name": "cosine", "warm_up": recipe.schedule.warm_up}})


TREATMENT = Treatment(
    name="decaying learning rate",
    says="large steps first get far, small ones at the end settle",
    answers=("oscillation", "learning rate too high", "overfit", "underfit (optimisation)", "good fit"),
    fields=("schedule",),
    strengths=(1.0,),
    apply=apply,
)
