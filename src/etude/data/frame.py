"""Real rows before they are split: checked columns and a target, from a table, a bundled set or arrays."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.data.notes import gaps, named
from etude.values.errors import DataError
from etude.values.metric import Kind

Floats = NDArray[np.float64]
LARGEST = float(np.finfo(np.float32).max)
"""Inputs are trained on as float32; a larger number would become infinite."""
REGRESSION_FROM = 20
"""A numeric target with more different values than this is a regression, unless the user says otherwise."""
FEW_VALUES = f"a number with at most {REGRESSION_FROM} different values; kind='regression' would predict the number"


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """A numeric column; NaN where a cell is missing, shape (rows,)."""

    name: str
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Categories:
    """A column of labels: `codes` index `labels`, which are all labels of the file, sorted; shape (rows,)."""

    name: str
    labels: tuple[str, ...]
    codes: NDArray[np.int64]


Column = Numbers | Categories


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Rows that can be learned from.

    where:   what errors call it: the file, the bundled set, "arrays"
    target:  the name of the target
    targets: class numbers, or numbers in the user's unit, shape (rows,)
    notes:   what was dropped or decided, for people
    """

    where: str
    columns: tuple[Column, ...]
    target: str
    targets: Floats
    kind: Kind
    classes: tuple[str, ...]
    notes: tuple[str, ...]


def frame(
    where: str, columns: Sequence[Column], target: Column, wanted: str | None, *, are_pixels: bool = False
) -> Frame:
    """Columns and target as a Frame: constant columns left out, the kind of target decided.

    wanted:     "classification", "regression", or None: regression for numbers with more than 20 different values
    are_pixels: whether the columns are those of an image, which has a place for each of them, whatever it shows
    """
    dropped = [column.name for column in columns if _constant(column)]
    varying = [column for column in columns if are_pixels or not _constant(column)]
    if len(dropped) == len(columns):
        raise DataError(
            f"{where}: no column is left to learn from. "
            + (f"These never vary: {named(dropped)}. " if dropped else "")
            + "Give at least one column that differs between rows."
        )
    notes = [f"dropped {named(dropped)}: the same in every row"] if dropped and not are_pixels else []
    kind, classes, targets = _target(where, target, wanted)
    if wanted is None and kind != "regression" and isinstance(target, Numbers):
        notes.append(f"target {target.name!r} is read as {len(classes)} classes: {FEW_VALUES}")
    notes += [*_encoded(varying), *_copies(varying, targets)]
    return Frame(where, tuple(varying), target.name, targets, kind, classes, tuple(notes))


def _encoded(columns: Sequence[Column]) -> tuple[str, ...]:
    """What the inputs will be, where a column is not one number as it stands; true of every replicate."""
    texts = [f"{column.name!r} ({len(column.labels)})" for column in columns if isinstance(column, Categories)]
    missing = {c.name: int(np.isnan(c.values).sum()) for c in columns if isinstance(c, Numbers)}
    filled = gaps({name: n for name, n in missing.items() if n}, "filled with the training median and marked")
    shown = ", ".join(texts[:6]) + (f" and {len(texts) - 6} more columns" if len(texts) > 6 else "")
    return (*([f"one input a category: {shown}"] if texts else []), *filled)


def _copies(columns: Sequence[Column], targets: Floats) -> tuple[str, ...]:
    """How many rows are the same as another one, in every column and the target.

    They are not kept together in one part: where columns have few values, equal rows are honest repetitions, and to
    tear a part out of them would bias it.
    """
    cells = (column.codes if isinstance(column, Categories) else column.values for column in columns)
    rows = np.column_stack([*cells, targets]).astype(np.float64, copy=False)
    rows += 0.0  # which makes -0 a 0
    seen = Counter(hash(row.tobytes()) for row in rows)
    copies = sum(times for times in seen.values() if times > 1)
    if not copies:
        return ()
    return (
        f"{copies} of {targets.size} rows occur more than once; copies may stand in training and test: "
        "a score may be memory",
    )


def _target(where: str, target: Column, wanted: str | None) -> tuple[Kind, tuple[str, ...], Floats]:
    place = f"{where}, target {target.name!r}"
    if isinstance(target, Categories):
        if wanted == "regression":
            raise DataError(
                f"{place}: kind='regression' needs numbers, but it holds texts such as {target.labels[0]!r}. "
                "Predict it with kind='classification', or name a numeric column."
            )
        return _classes(place, target.labels, target.codes)
    distinct, codes = np.unique(target.values, return_inverse=True)
    if wanted == "regression" or (wanted is None and distinct.size > REGRESSION_FROM):
        if distinct.size < 2:
            raise DataError(f"{place}: every value is {distinct[0]:g}, so nothing can be learned. Name another column.")
        return "regression", (), target.values
    return _classes(place, tuple(label(value) for value in distinct), codes)


def _classes(place: str, labels: tuple[str, ...], codes: NDArray[np.int64]) -> tuple[Kind, tuple[str, ...], Floats]:
    if len(labels) < 2:
        raise DataError(
            f"{place}: every row has the class {labels[0]!r}. Telling classes apart needs rows of at least two; "
            "add rows of another class, or name another target."
        )
    return ("binary" if len(labels) == 2 else "multiclass"), labels, codes.astype(np.float64)


def label(value: float) -> str:
    """A number as the name of a class.

    >>> label(3.0), label(0.5)
    ('3', '0.5')
    """
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _constant(column: Column) -> bool:
    """Whether a column is the same in every row; a gap in an otherwise constant column is a difference."""
    if isinstance(column, Categories):
        return len(column.labels) < 2
    seen = column.values[~np.isnan(column.values)]
    return not seen.size or (seen.size == column.values.size and bool((seen == seen[0]).all()))
