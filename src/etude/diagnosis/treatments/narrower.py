"""A narrower network."""

from etude.diagnosis.widths import widened
from etude.values.recipe import Recipe
from etude.values.treatment import Treatment


def apply(recipe: Recipe, by: float) -> Recipe | None:
    """The recipe with every hidden width divided by `by`, at least 2; None where none can be narrower."""
    return widened(recipe, lambda width: max(min(2, width), round(width / by)))


TREATMENT = Treatment(
    name="narrower network",
    says="a small network cannot learn its rows by heart",
    answers=("overfit", "double descent"),
    fields=("model.hidden", "model.channels", "model.width"),
    strengths=(4.0,),
    apply=apply,
)
