"""A wider network."""

from etude.diagnosis.widths import widened
from etude.values.recipe import Recipe
from etude.values.treatment import Treatment

WIDEST = 256
"""No layer is made wider than this: beyond, small networks gain little and cost much."""


def apply(recipe: Recipe, by: float) -> Recipe | None:
    """The recipe with every hidden width times `by`; None where none can be wider."""
    return widened(recipe, lambda width: max(width, min(round(by * width), WIDEST)))


TREATMENT = Treatment(
    name="wider network",
    says="more units fit a pattern that few cannot",
    answers=("underfit (capacity)", "not converged", "underfit (optimisation)", "spread over initialisations"),
    fields=("model.hidden", "model.channels", "model.width"),
    strengths=(4.0, 16.0),
    apply=apply,
)
