"""Series on one axis: steps where all have them, else epochs, else rows; and what was done to bring them there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from etude.records.logged import Series
from etude.values.curve import Curve, frozen
from etude.values.errors import LogError

X = Literal["step", "epoch", "row"]
Floats = NDArray[np.float64]

AXES: Mapping[X, Callable[[Series], Floats | None]] = MappingProxyType(
    {
        "step": lambda one: one.steps,
        "epoch": lambda one: one.epochs,
        "row": lambda one: np.arange(1.0, one.values.size + 1),
    }
)
"""Where a series has its values on each axis, the most telling first; None where it has no such place."""

PARTS = 1000
"""Of an epoch, where epochs have fractions: a curve's places are whole numbers."""

FEWER = 3
"""A validation series whose steps count epochs ends at a third of the training's steps, or earlier."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Curves on one axis, in the order of the series.

    x: what the axis counts
    """

    curves: tuple[Curve, ...]
    x: X
    notes: tuple[str, ...]


def placed_pair(judged: Sequence[Series], asked: str | None) -> Placed:
    """Training and validation, or one of them, on the axis that was asked for, or on the first that both have."""
    moved = _epochs_called_steps(judged) if asked in (None, "step") else None
    return moved or placed(judged, asked)


def placed(many: Sequence[Series], asked: str | None) -> Placed:
    """All series on the axis that was asked for, or on the first that all of them have."""
    if asked is not None and asked not in AXES:
        raise LogError(f"there is no axis {asked!r}. Use step, epoch or row.")
    x = next(x for x in AXES if x == asked or (asked is None and all(_has(one, AXES[x](one)) for one in many)))
    if x == "row" and asked is None:
        return _spread(many)
    curves, notes = [], []
    for one in many:
        curve, says = _curve(one, AXES[x](one), x)
        curves.append(curve)
        notes += says
    return Placed(tuple(curves), x, tuple(dict.fromkeys(notes)))


def _has(one: Series, places: Floats | None) -> bool:
    return places is not None and (not places.size or bool(np.isfinite(places).mean() > 0.5))


def _curve(one: Series, places: Floats | None, x: X) -> tuple[Curve, list[str]]:
    """The series by whole, increasing places; of a place that comes twice the last value, as it was written last."""
    notes = []
    if places is None:
        places = np.arange(1.0, one.values.size + 1)
        notes.append(f"{one.name!r} has no {x}s; its rows were counted")
    known = np.isfinite(places)
    if not known.all():
        notes.append(f"{one.name!r}: {np.count_nonzero(~known)} values have no {x} and were left out")
    at, values = places[known], one.values[known]
    if (at % 1).any():
        at = np.round(at * PARTS)
        notes.append(f"{one.name!r}: its {x}s have fractions, and are counted in thousandths")
    last = at.size - 1 - np.unique(at[::-1], return_index=True)[1]
    if last.size < at.size:
        notes.append(
            f"{one.name!r}: {at.size - last.size} {x}s were logged twice, and the last value of each was taken"
        )
    return Curve(one.name, frozen(at[last].astype(np.int64)), frozen(values[last])), notes


def _epochs_called_steps(many: Sequence[Series]) -> Placed | None:
    """Training by step and validation by epoch on one axis that is called step: the latter moved to where epochs end.

    Told by a validation that counts 0, 1, 2, … or 1, 2, 3, … and ends long before the training does.
    """
    if len(many) != 2 or any(one.steps is None or not one.steps.size for one in many):
        return None
    train, validation = many
    assert train.steps is not None
    assert validation.steps is not None
    epochs, end = validation.steps, float(train.steps.max())
    counts = epochs.size >= FEWER and (np.diff(epochs) == 1).all() and epochs[0] in (0, 1)
    if not counts or end < FEWER * epochs.size or train.values.size < FEWER * epochs.size:
        return None
    moved = np.round((epochs - epochs[0] + 1) * (end - train.steps.min() + 1) / epochs.size + train.steps.min() - 1)
    curves = [_curve(one, at, "step") for one, at in ((train, train.steps), (validation, moved))]
    says = (
        f"{validation.name!r} was logged by epoch, 1 to {epochs.size}, and {train.name!r} by step; "
        "each epoch was put at its last step"
    )
    return Placed(tuple(curve for curve, _ in curves), "step", (says, *(note for _, notes in curves for note in notes)))


def _spread(many: Sequence[Series]) -> Placed:
    """Rows, of which the shorter series' are spread evenly over the longest's, for nothing says where they belong."""
    most = max(one.values.size for one in many)
    curves, notes = [], []
    for one in many:
        n = one.values.size
        at = np.ceil(np.arange(1, n + 1) * (most / n)) if n else np.empty(0)
        curves.append(_curve(one, at, "row")[0])
        if n < most:
            notes.append(f"{one.name!r} has {n} rows and no place in common with the others; they were spread evenly")
    return Placed(tuple(curves), "row", tuple(notes))
