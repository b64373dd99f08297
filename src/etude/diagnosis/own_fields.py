"""Treatments of a user's own fields: numbers whose names say what they are, made larger or smaller."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from etude.diagnosis.treatments import (
    deeper,
    dropout,
    larger_rate,
    less_decay,
    less_dropout,
    more_decay,
    more_epochs,
    narrower,
    smaller_batches,
    smaller_rate,
    wider,
)
from etude.values.errors import EngineError, RecipeError
from etude.values.recipe import Recipe
from etude.values.treatment import Fields, Setting, Treatment

EPOCHS = ("epochs", "n_epochs", "num_epochs", "max_epochs", "num_train_epochs", "steps", "max_steps", "iterations")
RATE = ("learning_rate", "lr")
DECAY = ("weight_decay", "wd", "l2", "decay")
DROPOUT = ("dropout", "dropout_rate", "p_dropout", "hidden_dropout_prob")
BATCH = ("batch_size", "per_device_train_batch_size")
WIDTH = ("hidden", "width", "units", "hidden_size", "hidden_dim", "channels", "d_model")
DEPTH = ("layers", "depth", "n_layers", "num_layers", "num_hidden_layers")


@dataclass(frozen=True, slots=True)
class _Row:
    """A treatment of recipes as one of fields: which fields it is for, and the number it makes of a number."""

    treatment: Treatment
    fields: tuple[str, ...]
    strengths: tuple[float, ...]
    number: Callable[[float, float], float]


def _times(now: float, by: float) -> float:
    return now * by


def _over(now: float, by: float) -> float:
    return now / by


def _whole_over(now: float, by: float) -> float:
    return max(1, round(now / by))


def _decayed(now: float, by: float) -> float:
    return by * max(now, more_decay.LEAST)


def _at_least(now: float, least: float) -> float:
    return max(now, least)


def _more(now: float, by: float) -> float:
    return now + by


ROWS = (
    _Row(more_epochs.TREATMENT, EPOCHS, (3.0,), _times),
    _Row(larger_rate.TREATMENT, RATE, (3.0, 10.0), _times),
    _Row(smaller_rate.TREATMENT, RATE, (3.0, 10.0), _over),
    _Row(smaller_batches.TREATMENT, BATCH, (4.0,), _whole_over),
    _Row(wider.TREATMENT, WIDTH, (4.0,), _times),
    _Row(narrower.TREATMENT, WIDTH, (4.0,), _whole_over),
    _Row(deeper.TREATMENT, DEPTH, (1.0,), _more),
    _Row(more_decay.TREATMENT, DECAY, (10.0, 100.0), _decayed),
    _Row(less_decay.TREATMENT, DECAY, (0.1, 0.0), _times),
    _Row(dropout.TREATMENT, DROPOUT, (0.1, 0.3), _at_least),
    _Row(less_dropout.TREATMENT, DROPOUT, (0.3, 0.0), _times),
)


def apply(row: _Row, fields: Fields, strength: float) -> Fields | None:
    """The fields with the first one that the row is for made another number; None where there is none, or no change."""
    name = next((name for name in row.fields if name in fields), None)
    if name is None:
        return None
    now = fields[name]
    if isinstance(now, list | tuple) and now and all(_is_number(one) for one in now):
        new: Any = type(now)(_alike(one, row.number(one, strength)) for one in now)
    elif _is_number(now):
        new = _alike(now, row.number(now, strength))
    else:
        return None
    return None if new == now else {**fields, name: new}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _alike(now: float, new: float) -> float:
    """Whole where it was whole."""
    return round(new) if isinstance(now, int) else new


OWN_TREATMENTS: tuple[Treatment, ...] = tuple(
    replace(row.treatment, fields=row.fields, strengths=row.strengths, apply=partial(apply, row)) for row in ROWS
)
"""What étude tries on fields of the user's; of a list of numbers, as of widths, each is changed."""


def own_treatment(function: Callable[[Any], Any], name: str = "") -> Treatment:
    """A user's own treatment: a function from a recipe, or from fields, to the changed one.

    It gives what it was given where it can change nothing; an EngineError where it raises, a RecipeError where it gives
    anything else, as a function does that forgets to return.

    >>> own_treatment(lambda fields: {**fields, "flip": True}, "flip").apply({"flip": False}, 1.0)
    {'flip': True}
    """

    def changed_by(setting: Any, _: float) -> Any:  # noqa: ANN401 - a recipe or fields, as the function has it
        try:
            made = function(dict(setting) if isinstance(setting, Mapping) else setting)
        except Exception as error:
            raise EngineError(
                f"the treatment {called!r} raised {type(error).__name__} when it was given {_given(setting)}: {error}. "
                f"Mend it; where it can change nothing, it returns what it was given. {KEPT}"
            ) from error
        _check_made(made, setting, called)
        return made

    called = name or getattr(function, "__name__", type(function).__name__).replace("_", " ")
    says = (function.__doc__ or "").strip().split("\n")[0].rstrip(".") or "a treatment of your own"
    return Treatment(called, says, (ANYTHING,), (), (1.0,), changed_by)


def _check_made(made: object, setting: Setting, called: str) -> None:
    is_recipe = isinstance(setting, Recipe)
    if isinstance(made, Recipe if is_recipe else Mapping):
        return
    forgot = " A function without `return` gives None." if made is None else ""
    wanted = "the changed recipe, an etude.Recipe" if is_recipe else "the changed fields, a dict"
    raise RecipeError(
        f"the treatment {called!r} gave {made!r:.60}, where {wanted}, belongs; it returns what it was given where it "
        f"can change nothing.{forgot} {KEPT}"
    )


def _given(setting: Setting) -> str:
    return "the recipe" if isinstance(setting, Recipe) else f"{dict(setting)}"


KEPT = "Trainings that are finished are kept."

ANYTHING = "anything"
"""What a treatment answers that is to be tried whatever the diagnosis."""
