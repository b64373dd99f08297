"""The heat map: every cell of a factorial at once, its mean score in figures and in shades.

The first factors are rows, the others columns, nested in the study's own order, so that a block is a combination.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.numbers import number
from etude.values.metric import Metric

MOST_CELLS = 400
"""Beyond these the last factors are averaged over, but for the first two."""

MOST_COLUMNS = 16
SHADES = 9
USUAL = 3.0
"""Cells further from the best than this many times the median's distance share the last shade.

Else one level that fails would leave all other cells in one shade.
"""


@dataclass(frozen=True, slots=True)
class Levels:
    """A factor in people's words, and its levels."""

    factor: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A level as the head of so many rows or columns."""

    level: str
    span: int


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One cell.

    shade: from 0, the worst of the map, to SHADES − 1, the best; None where no run has a score
    mark:  the letter under which the cell's name stands below the map, or nothing
    best:  whether no cell has a better mean
    """

    text: str
    shade: int | None
    mark: str
    best: bool


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One row: the heads that begin here, from the outermost factor inwards, and the cells."""

    heads: tuple[Head, ...]
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A factorial on one metric.

    down, across:  the factors whose levels are rows, and those whose levels are columns, outermost first
    column_heads:  one tuple of heads for each factor across
    averaged:      factors that are averaged over, because the map would be too large
    names:         (mark, name) of the cells that somebody named
    worst, best:   the ends of the shades, as words
    diverged:      how many runs did; the means are of the others
    """

    metric: Metric
    down: tuple[str, ...]
    across: tuple[str, ...]
    column_heads: tuple[tuple[Head, ...], ...]
    rows: tuple[HeatRow, ...]
    averaged: tuple[str, ...]
    names: tuple[tuple[str, str], ...]
    worst: str
    best: str
    diverged: int


def heat_map_data(
    factors: Sequence[Levels], outcomes: NDArray[np.float64], metric: Metric, *, names: Mapping[int, str]
) -> HeatMap:
    """The mean of each cell over its replicates that did not diverge.

    outcomes: shape (levels of factor 1, …, replicates), NaN where a run diverged
    names:    place of a cell in the flattened factorial → what somebody called it
    """
    kept = _kept(factors)
    shown = factors[:kept]
    cut = _cut([len(factor.levels) for factor in shown])
    down, across = shown[:cut], shown[cut:]
    means = _means(outcomes.reshape(math.prod(len(factor.levels) for factor in shown), -1))
    marks = {place: _letter(i) for i, place in enumerate(names)} if kept == len(factors) else {}
    cells = _cells(means, metric, marks)
    width = math.prod(len(factor.levels) for factor in across)
    rows = [HeatRow(_heads_at(down, i), tuple(cells[i * width : (i + 1) * width])) for i in range(len(cells) // width)]
    goodness = means * _sign(metric)
    worst, best = (_text(end * _sign(metric), _places(goodness)) for end in _ends(goodness))
    return HeatMap(
        metric=metric,
        down=tuple(factor.factor for factor in down),
        across=tuple(factor.factor for factor in across),
        column_heads=_column_heads(across),
        rows=tuple(rows),
        averaged=tuple(factor.factor for factor in factors[kept:]),
        names=tuple((mark, names[place]) for place, mark in marks.items()),
        worst=f"{worst} or worse" if (goodness < _ends(goodness)[0]).any() else worst,
        best=best,
        diverged=int(np.isnan(outcomes).sum()),
    )


def _kept(factors: Sequence[Levels]) -> int:
    sizes = np.cumprod([len(factor.levels) for factor in factors])
    return max(2, int((sizes <= MOST_CELLS).sum()))


def _cut(sizes: Sequence[int]) -> int:
    """How many factors are rows: the cut that is nearest to a square and not too wide, of two the taller one."""

    def shape(cut: int) -> tuple[bool, float, int]:
        rows, columns = math.prod(sizes[:cut]), math.prod(sizes[cut:])
        return columns > MOST_COLUMNS, round(abs(math.log(rows / columns)), 9), columns

    return min(range(1, len(sizes)), key=shape)


def _means(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    finite = np.isfinite(cells)
    counts = finite.sum(axis=1)
    sums = np.where(finite, cells, 0.0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _letter(i: int) -> str:
    """A mark that no score could be mistaken for: a to z, then a2 to z2.

    >>> _letter(0), _letter(27)
    ('a', 'b2')
    """
    turn, place = divmod(i, 26)
    return f"{chr(ord('a') + place)}{turn + 1 if turn else ''}"


def _cells(means: NDArray[np.float64], metric: Metric, marks: Mapping[int, str]) -> list[HeatCell]:
    goodness = means * _sign(metric)
    places, (low, high) = _places(goodness), _ends(goodness)
    scale = (SHADES - 1) / (high - low) if high > low else 0.0
    cells = []
    for i, (mean, good) in enumerate(zip(means.tolist(), goodness.tolist(), strict=True)):
        shade = round(max(good - low, 0.0) * scale) if math.isfinite(good) else None
        cells.append(HeatCell(_text(mean, places), shade, marks.get(i, ""), best=good == high))
    return cells


def _text(value: float, places: int) -> str:
    return number(round(value, places), places) if math.isfinite(value) else "–"


def _sign(metric: Metric) -> int:
    """What turns a score into its goodness, and back."""
    return -1 if metric.lower_is_better else 1


def _ends(goodness: NDArray[np.float64]) -> tuple[float, float]:
    """Where the shades begin and end."""
    finite = goodness[np.isfinite(goodness)]
    if not finite.size:
        return math.nan, math.nan
    low, high = float(finite.min()), float(finite.max())
    usual = high - USUAL * (high - float(np.median(finite)))
    return (max(low, usual) if usual < high else low), high


def _places(goodness: NDArray[np.float64]) -> int:
    """Decimals that tell a fortieth of what the shades span apart, two at least."""
    low, high = _ends(goodness)
    return min(max(2, math.ceil(-math.log10((high - low) / 40))), 5) if high > low else 3


def _column_heads(across: Sequence[Levels]) -> tuple[tuple[Head, ...], ...]:
    heads, before = [], 1
    for i, factor in enumerate(across):
        span = math.prod(len(inner.levels) for inner in across[i + 1 :])
        heads.append(tuple(Head(level, span) for _ in range(before) for level in factor.levels))
        before *= len(factor.levels)
    return tuple(heads)


def _heads_at(down: Sequence[Levels], row: int) -> tuple[Head, ...]:
    spans = [math.prod(len(inner.levels) for inner in down[i + 1 :]) for i in range(len(down))]
    return tuple(
        Head(factor.levels[row // span % len(factor.levels)], span)
        for factor, span in zip(down, spans, strict=True)
        if row % span == 0
    )
