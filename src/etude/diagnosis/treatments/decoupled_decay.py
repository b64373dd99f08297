"""AdamW: a decay that does not pass through Adam."""

from etude.values.optimizer import Adam, AdamW
from etude.values.recipe import Recipe, changed
from etude.values.treatment import Treatment


def apply(recipe: Recipe, decay: float) -> Recipe | None:
    """The recipe with AdamW, of that decay and the same rate, in the place of Adam; None for other optimisers."""
    adam = recipe.optimizer
    if not isinstance(adam, Adam):
        return None
    instead = AdamW(
        learning_rate=adam.learning_rate, betas=adam.betas, epsilon=adam.epsilon, decoupled_weight_decay=decay
    )
    return changed(recipe, {"optimizer": instead})


TREATMENT = Treatment(
    name="decoupled weight decay",
    says="AdamW shrinks every weight alike, where Adam divides an L2 penalty by the size of the gradients",
    answers=("l2 through adam", "overfit", "over-regularised"),
    fields=("optimizer",),
    strengths=(0.01, 0.1),
    apply=apply,
)
