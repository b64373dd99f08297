"""Adam in the place of plain steps."""

from etude.values.optimizer import Adam, AdamW
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, rate: float) -> Recipe | None:
    """The recipe with Adam of that rate and the same L2 penalty; None where it has Adam already."""
    if isinstance(recipe.optimizer, Adam | AdamW):
        return None
    decay = recipe.optimizer.coupled_weight_decay
    return changed(recipe, {"optimizer": Adam(learning_rate=rate, coupled_weight_decay=decay)})


TREATMENT = Treatment(
    name="Adam",
    says="every weight gets steps of its own size, so that the rate matters less",
    answers=("underfit (optimisation)", "not learning", "diverged", "learning rate too low", "not converged"),
    fields=("optimizer",),
    strengths=(3e-3,),
    apply=apply,
)
