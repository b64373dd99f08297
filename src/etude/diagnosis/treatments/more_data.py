"""More rows, where the source can give them."""

from etude.values.data import Images, Memory, Task
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, by: float) -> Recipe | None:
    """The recipe with `by` times the rows; None where the source has no more."""
    data = recipe.data
    if not isinstance(data, Task | Memory | Images) or data.rows is None:
        return None
    return changed(recipe, {"data.rows": round(by * data.rows)})


TREATMENT = Treatment(
    name="more data",
    says="more rows leave less that can be learned by heart",
    answers=("overfit", "validation too small", "distractor features", "label noise memorised"),
    fields=("data.rows",),
    strengths=(2.0,),
    apply=apply,
)
