"""Which columns of a table say where a value belongs: its step, its epoch, its time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from etude.records.cells import Column, Rows

Floats = NDArray[np.float64]

STEPS = (
    *("trainer/global_step", "global_step", "globalstep", "train/global_step", "step", "steps", "training_step"),
    *("train_step", "train/step", "num_updates", "n_updates", "update", "updates"),
    *("iteration", "iterations", "iter", "iters", "it", "itr", "n_iter", "num_iterations"),
    *("batch", "batch_idx", "batch_index", "minibatch", "i_batch", "round", "boosting_round", "_step"),
)
"""Names of steps, the surest first; W&B's own _step, which counts calls of log, last."""

INDEXES = ("", "unnamed:_0", "index", "__index_level_0__", "row")
"""Names of the row's number, which is taken where nothing better is there."""

EPOCHS = ("epoch", "epochs", "train/epoch", "trainer/epoch", "current_epoch", "epoch_num", "num_epoch", "ep")

CLOCKS = ("_timestamp", "timestamp", "wall_time", "walltime", "time", "datetime", "date", "ts", "created_at")

EARLIEST, MILLISECONDS = 1e8, 1e11
"""Seconds since 1970 are above the first, March 1973; above the second they are milliseconds."""

MOST_STEP = 2.0**62
"""A step beyond is damage."""


def plain(name: str) -> str:
    """A name without regard to case, spaces and hyphens.

    >>> plain(" Wall time"), plain("trainer/global_step")
    ('wall_time', 'trainer/global_step')
    """
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def named(columns: Sequence[Column], names: Sequence[str]) -> list[Column]:
    """The columns of these names that hold numbers, in the order of the names."""
    by_name: Mapping[str, Column] = {plain(one.name): one for one in reversed(columns) if one.rows.size}
    return [by_name[name] for name in names if name in by_name]


def dense(one: Column, size: int) -> Floats:
    """The column's number in every row, shape (size,); NaN where it has none that can be a place."""
    places = np.full(size, np.nan)
    places[one.rows] = np.where(np.abs(one.values) < MOST_STEP, one.values, np.nan)
    return places


def at(candidates: Sequence[Floats], rows: Rows) -> Floats | None:
    """The places of rows on the first axis that has them all, else on the one that has most; None: none has any."""
    best, most = None, 0
    for places in candidates:
        here = places if rows.size == places.size else places[rows]
        known = int(np.count_nonzero(~np.isnan(here)))
        if known == rows.size:
            return here
        if known > most:
            best, most = here, known
    return best


def counts_within_epochs(steps: Floats, epochs: Floats) -> bool:
    """Whether steps begin anew with every epoch, as a batch's number does. A resumed job goes back in both."""
    known = ~np.isnan(steps) & ~np.isnan(epochs)
    step, epoch = np.diff(steps[known]), np.diff(epochs[known])
    later = epoch > 0
    return bool(later.any() and (step[later] < 0).all() and not (step[epoch == 0] < 0).any())


def through_epochs(steps: Floats, epochs: Floats) -> Floats:
    """Steps that begin anew with every epoch, counted through; every epoch is as long as the longest."""
    first, length = np.nanmin(steps), np.nanmax(steps) - np.nanmin(steps) + 1
    return np.asarray((epochs - np.nanmin(epochs)) * length + steps - first)


def clock(one: Column, size: int) -> Floats | None:
    """Seconds since 1970 in every row, from numbers or ISO 8601 texts; None where the column holds neither."""
    if not one.rows.size:
        return _from_texts(one, size)
    places = dense(one, size)
    if not (one.values > EARLIEST).all():
        return None
    return places / 1000 if one.values.min() > MILLISECONDS else places


def counting(one: Column, size: int) -> bool:
    """Whether a column numbers the rows: whole and increasing, with something in every row."""
    if one.rows.size != size or size < 2 or not np.isfinite(one.values).all() or (one.values % 1).any():
        return False
    return bool((np.diff(one.values) > 0).all())


def _from_texts(one: Column, size: int) -> Floats | None:
    places = np.full(size, np.nan)
    seconds = [_seconds(text) for text in one.texts]
    places[one.text_rows] = seconds
    return None if np.isnan(places).all() else places


def _seconds(text: str) -> float:
    try:
        when = datetime.fromisoformat(text.strip())
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return float("nan")
