"""The cells of a column as numbers, and what could not be one."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from etude.values.curve import frozen

T = TypeVar("T", bound=np.generic)
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

MISSING = frozenset({"", "na", "n/a", "null", "none", "-", "--"})
"""Cells that say that nothing was measured. "nan" is not among them: it is what a diverged run logs."""

LONGEST_TEXT = 200
"""Characters of a text that are kept."""

LONGEST_NUMBER = 400
"""Characters; a longer text is no number."""

SPARSE = 1 / 3
"""A column in which, up to its last finite value, this share is NaN was measured in the other rows only."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A named column, where it has something.

    rows:      of the cells that hold a number, shape (n,), increasing
    values:    those numbers, shape (n,)
    text_rows: of the cells that hold something else, shape (m,), increasing
    texts:     those, cut to LONGEST_TEXT
    """

    name: str
    rows: Rows
    values: Floats
    text_rows: Rows
    texts: tuple[str, ...]


def column(name: str, rows: Rows, cells: Sequence[object], *, decimal_comma: bool = False) -> Column:
    """A column from cells of any type; each cell's row is given beside it.

    >>> column("loss", np.arange(4), ["0.6", " 1e-3", "", "n.a."]).values.tolist()
    [0.6, 0.001]
    """
    values = _all_numbers(cells)
    if values is not None:
        return Column(name, frozen(rows), frozen(values), _NO_ROWS, ())
    numbers: list[tuple[int, float]] = []
    texts: list[tuple[int, str]] = []
    known: dict[str, float | None] = {}
    for row, cell in zip(rows.tolist(), cells, strict=True):
        if isinstance(cell, str):
            if cell not in known:
                known[cell] = number(cell, decimal_comma=decimal_comma)
            value = known[cell]
        else:
            value = number(cell)
        if value is not None:
            numbers.append((row, value))
        elif (text := _text(cell)) is not None:
            texts.append((row, text))
    found, measured = (tuple(zip(*numbers, strict=True))) if numbers else ((), ())
    return Column(
        name,
        frozen(np.array(found, dtype=np.int64)),
        frozen(np.array(measured, dtype=np.float64)),
        frozen(np.array([row for row, _ in texts], dtype=np.int64)),
        tuple(text for _, text in texts),
    )


def joined(parts: Sequence[Column]) -> Column:
    """Parts of one column, the earlier rows first, as one."""
    if len(parts) == 1:
        return parts[0]
    return Column(
        parts[0].name,
        frozen(np.concatenate([part.rows for part in parts])),
        frozen(np.concatenate([part.values for part in parts])),
        frozen(np.concatenate([part.text_rows for part in parts])),
        tuple(text for part in parts for text in part.texts),
    )


def parts(one: Column, codes: Rows, count: int) -> list[Column]:
    """The column in `count` parts: the rows whose code is 0, 1, …; a row with another code is in none."""
    texts: list[list[str]] = [[] for _ in range(count)]
    for code, text in zip(codes[one.text_rows].tolist(), one.texts, strict=True):
        if 0 <= code < count:
            texts[code].append(text)
    rows = _grouped(codes[one.rows], count, one.rows)
    values = _grouped(codes[one.rows], count, one.values)
    text_rows = _grouped(codes[one.text_rows], count, one.text_rows)
    return [Column(one.name, *part) for part in zip(rows, values, text_rows, map(tuple, texts), strict=True)]


def _grouped(codes: Rows, count: int, array: NDArray[T]) -> list[NDArray[T]]:
    """An array in parts by code, the order within a part as it was."""
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(count + 1))
    ordered = array[order]
    return [frozen(ordered[low:high]) for low, high in itertools.pairwise(bounds.tolist())]


def number(cell: object, *, decimal_comma: bool = False) -> float | None:
    """The number that a cell holds, as a number or as text; None where it holds none. Truths are no numbers."""
    if isinstance(cell, str):
        return _parsed(cell.replace(",", ".", 1) if decimal_comma and "." not in cell else cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    try:
        return float(cell)
    except OverflowError:
        return float("inf") if cell > 0 else float("-inf")


def measured(values: Floats) -> NDArray[np.bool_]:
    """Which values count: all, but not the NaN that a table has where a column was not measured.

    A run that diverged stays NaN; a column of a table that was filled up alternates between NaN and finite values.
    """
    all_of_them = np.ones(values.size, dtype=np.bool_)
    empty = np.isnan(values)
    finite = np.flatnonzero(~empty)
    if finite.size < 2 or not empty.any():
        return all_of_them
    last = int(finite[-1])
    if empty[: last + 1].mean() < SPARSE:
        return all_of_them
    gap = int(np.diff(finite, prepend=-1).max())
    return ~empty if values.size - 1 - last < gap else ~empty | (np.arange(values.size) > last)


def whole(value: float) -> int | float:
    """The number as a whole one where it is one."""
    return int(value) if isfinite(value) and value == int(value) and abs(value) < 2**53 else value


def _all_numbers(cells: Sequence[object]) -> Floats | None:
    """All cells as numbers; None unless each is one without further thought."""
    kinds = set(map(type, cells))
    if kinds == {str} and ("_" in "".join(cells) or max(map(len, cells)) > LONGEST_NUMBER):  # type: ignore[arg-type]
        return None
    if kinds <= {float, int} or kinds == {str}:
        try:
            return np.array(list(map(float, cells)), dtype=np.float64)  # type: ignore[arg-type]
        except (ValueError, OverflowError):
            return None
    return None


def _parsed(text: str) -> float | None:
    if len(text) > LONGEST_NUMBER or "_" in text:  # Python reads 1_000 as a number; no log means one by it
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _text(cell: object) -> str | None:
    """What a cell says that holds no number, "" if it is no text either; None where it holds nothing."""
    if cell is None:
        return None
    text = (cell if isinstance(cell, str) else "" if isinstance(cell, list | dict) else str(cell))[
        :LONGEST_TEXT
    ].strip()
    return None if isinstance(cell, str) and text.lower() in MISSING else text


_NO_ROWS: Rows = frozen(np.zeros(0, dtype=np.int64))
