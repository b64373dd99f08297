"""What is tried on every arm of the bank: one change of recipe each, on the replicates of the untouched control."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bank.arms import widened

from etude.values.model import Attention, Convnet, Mlp, Recurrent
from etude.values.optimizer import Adam
from etude.values.recipe import Recipe, changed

Intervention = Callable[[Recipe], Recipe | None]
"""None where it would change nothing."""


def _rate_times(factor: float) -> Intervention:
    return lambda recipe: changed(recipe, {"optimizer.learning_rate": recipe.optimizer.learning_rate * factor})


def _longer(recipe: Recipe) -> Recipe:
    return changed(recipe, {"epochs": 3 * recipe.epochs})


def _wider(recipe: Recipe) -> Recipe:
    wider = widened(recipe, 4)
    if isinstance(recipe.model, Mlp):  # widths that 4 times one unit would leave small
        return changed(wider, {"model.hidden": tuple(max(16, width) for width in wider.model.hidden)})
    if isinstance(recipe.model, Convnet):
        return changed(wider, {"model.channels": tuple(max(6, width) for width in wider.model.channels)})
    assert isinstance(recipe.model, Recurrent | Attention)
    return widened(recipe, max(4, 16 / recipe.model.hidden)) if isinstance(recipe.model, Recurrent) else wider


def _with_decay(recipe: Recipe) -> Recipe:
    decay = recipe.optimizer.coupled_weight_decay
    return changed(recipe, {"optimizer.coupled_weight_decay": max(1e-3, 10 * decay)})


def _with_dropout(recipe: Recipe) -> Recipe | None:
    if isinstance(recipe.model, Recurrent) or recipe.model.dropout >= 0.3:
        return None
    return changed(recipe, {"model.dropout": 0.3})


def _without_regulariser(recipe: Recipe) -> Recipe | None:
    free = changed(recipe, {"optimizer.coupled_weight_decay": 0.0, "model.dropout": 0.0})
    return None if free == recipe else free


def _plain_optimisation(recipe: Recipe) -> Recipe | None:
    """Adam at a usual rate, ReLU, batches of 8 to 32: what a careful person tries when training is stuck."""
    settings: dict[str, object] = {}
    if recipe.batch_size is None or recipe.batch_size < 8:
        settings["batch_size"] = 32
    if not isinstance(recipe.optimizer, Adam):
        decay = recipe.optimizer.coupled_weight_decay
        settings["optimizer"] = Adam(learning_rate=5e-3, coupled_weight_decay=decay)
    if isinstance(recipe.model, Mlp) and recipe.model.activation == "sigmoid":
        settings["model.activation"] = "relu"
    if isinstance(recipe.model, Recurrent) and recipe.model.cell == "rnn":
        settings["model.cell"] = "gru"
    better = changed(recipe, settings)
    return None if better == recipe else better


INTERVENTIONS: Mapping[str, Intervention] = MappingProxyType(
    {
        "3 x epochs": _longer,
        "3 x rate": _rate_times(3),
        "10 x rate": _rate_times(10),
        "rate / 3": _rate_times(1 / 3),
        "rate / 10": _rate_times(1 / 10),
        "wider": _wider,
        "weight decay": _with_decay,
        "dropout 0.3": _with_dropout,
        "no regulariser": _without_regulariser,
        "plain optimisation": _plain_optimisation,
    }
)
"""Beside these, stopping at the best validation epoch is read off the control's own curves."""
