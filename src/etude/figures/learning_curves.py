"""Learning curves of an arm: every replicate thin, their median thick, the middle 80 % as a band."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.axes import Axis, shared_axis, tick_labels
from etude.figures.decimate import kept_points
from etude.figures.numbers import NOT_FINITE, decimals, number, plural, significant
from etude.figures.svg import band_path, element, line_path, picture, text
from etude.figures.words import metric_words
from etude.values.curve import Curve
from etude.values.metric import Limit, Split
from etude.values.run import PICTURED, Run

BAND = (10, 90)
"""Percentiles between which the band lies: four replicates in five."""

WIDTH, HEIGHT = 320, 212
LEFT, TOP, RIGHT, BOTTOM = 40, 14, 8, 30
INNER_WIDTH, INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
FINE = 2
"""Curves are drawn on a grid this many times finer than the picture's unit, so that whole numbers are exact enough."""

LABEL_GAP = 10.5
MEDIAN_POINTS, BAND_POINTS = 72, 40
TABLE_ROWS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One split of one arm.

    steps:             optimiser steps, shape (n,)
    replicates:        one row a run, NaN where it has no finite value, shape (runs, n)
    median, low, high: over the runs that still train, NaN where fewer than half do, shape (n,)
    """

    split: str
    steps: NDArray[np.int64]
    replicates: NDArray[np.float64]
    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurvesData:
    """One quantity of one arm, train and held out.

    limits:   (words, value) of chance, best constant and Bayes limit, where they apply
    diverged: how many of the arm's runs diverged
    """

    arm: str
    quantity: str
    unit: str
    series: tuple[Series, ...]
    limits: tuple[tuple[str, float], ...]
    runs: int
    diverged: int


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """An arm's curves and the vertical axis they are drawn on; `own_scale` where the other arms have another."""

    data: LearningCurvesData
    axis: Axis
    own_scale: bool


def learning_curves_data(
    arm: str, runs: Sequence[Run], quantity: str, *, splits: Sequence[Split], limit: Limit | None = None
) -> LearningCurvesData | None:
    """The curves ``"<split>/<quantity>"`` of the first `PICTURED` of an arm's runs; None where none has any of them."""
    found = [(split, [run.curves.get(f"{split}/{quantity}") for run in runs[:PICTURED]]) for split in splits]
    present = [(split, [curve for curve in curves if curve is not None]) for split, curves in found]
    series = tuple(_series(split, curves) for split, curves in present if curves)
    if not series:
        return None
    unit = next(curves[0].unit for _, curves in present if curves)
    diverged = sum(run.ended == "diverged" for run in runs)
    return LearningCurvesData(arm, quantity, unit, series, named_limits(limit), len(runs), diverged)


def held_out(runs: Mapping[str, Sequence[Run]], quantity: str) -> Split:
    """The split that judges: test where every arm has it, else validation."""
    tested = all(f"test/{quantity}" in run.curves for arm in runs.values() for run in arm[:PICTURED])
    return "test" if tested else "validation"


def named_limits(limit: Limit | None) -> tuple[tuple[str, float], ...]:
    """(words, value) of the limits that are known."""
    if limit is None:
        return ()
    named = (("chance", limit.chance), ("best constant", limit.best_constant), ("Bayes limit", limit.bayes))
    return tuple((name, value) for name, value in named if value is not None and np.isfinite(value))


def _series(split: str, curves: Sequence[Curve]) -> Series:
    steps = curves[0].steps
    if all(np.array_equal(curve.steps, steps) for curve in curves[1:]):
        replicates = np.stack([curve.values for curve in curves])
        replicates[~np.isfinite(replicates)] = np.nan
    else:
        steps = np.unique(np.concatenate([curve.steps for curve in curves]))
        replicates = np.stack([_on_grid(curve, steps) for curve in curves])
    enough = np.isfinite(replicates).sum(axis=0) * 2 >= len(curves)
    bands = np.full((3, steps.size), np.nan)
    if enough.any():
        bands[:, enough] = _percentiles(replicates[:, enough], (BAND[0], 50, BAND[1]))
    return Series(split, steps, replicates, median=bands[1], low=bands[0], high=bands[2])


def _percentiles(values: NDArray[np.float64], wanted: tuple[int, ...]) -> NDArray[np.float64]:
    """Percentiles of each column's finite values, which every column has, linear between the order statistics.

    numpy's own nanpercentile gives the same, a column at a time, and took ten seconds for a report.
    """
    ordered = np.sort(values, axis=0)  # NaN last
    finite = np.isfinite(values).sum(axis=0)
    places = np.outer(np.asarray(wanted) / 100, finite - 1)
    below = np.floor(places).astype(int)
    low, high = (np.take_along_axis(ordered, i, axis=0) for i in (below, np.minimum(below + 1, finite - 1)))
    return np.asarray(low + (places - below) * (high - low))


def _on_grid(curve: Curve, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """The curve's last value at or before each step; NaN outside its own steps and where it is not finite."""
    last = np.searchsorted(curve.steps, steps, side="right") - 1
    inside = (last >= 0) & (steps <= curve.steps[-1]) if curve.steps.size else np.zeros(steps.shape, bool)
    values = np.where(inside, curve.values[np.maximum(last, 0)] if curve.steps.size else np.nan, np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def panels(several: Sequence[LearningCurvesData]) -> tuple[Panel, ...]:
    """The arms as panels with one vertical axis, so that heights can be compared; one far off gets its own."""
    values = [np.concatenate([series.replicates.ravel() for series in data.series]) for data in several]
    limits = tuple({value for data in several for _, value in data.limits})
    common, alike = shared_axis(values, limits)
    return tuple(
        Panel(data, common, own_scale=False) if same else Panel(data, _own_axis(data, own), own_scale=True)
        for data, own, same in zip(several, values, alike, strict=True)
    )


def _own_axis(data: LearningCurvesData, values: NDArray[np.float64]) -> Axis:
    return shared_axis([values], tuple(value for _, value in data.limits))[0]


def draw_learning_curves(
    panel: Panel, *, thin: int = PICTURED, thin_points: int = 80, over: str = "optimiser steps"
) -> str:
    """One panel of the small multiples.

    thin: how many replicates are drawn as thin lines, the first ones, each of `thin_points` points
    over: what steps count
    """
    data, vertical = panel.data, panel.axis
    last = max((int(series.steps[-1]) for series in data.series if series.steps.size), default=1)
    across = Axis(0.0, float(max(last, 1)))
    frame = [*_horizontal(across, over), *_vertical(vertical)]
    curves = [part for series in data.series for part in _curves(series, across, vertical, (thin, thin_points))]
    lines, labels = _limit_lines(data, vertical)
    fine = f"0 0 {INNER_WIDTH * FINE} {INNER_HEIGHT * FINE}"
    place = {"x": LEFT, "y": TOP, "width": INNER_WIDTH, "height": INNER_HEIGHT}
    inner = element("svg", *lines, *curves, viewBox=fine, **place)
    title = f"{metric_words(data.quantity)} of {data.arm} over {over}"
    box = f"0 0 {WIDTH} {HEIGHT}"
    return picture(title, _describe(data), *frame, inner, *labels, viewBox=box, class_="curves")


def _curves(series: Series, across: Axis, vertical: Axis, thinly: tuple[int, int]) -> list[str]:
    x = across.place(series.steps) * INNER_WIDTH * FINE
    few, fewer = (kept_points(series.median[None, :], n)[0] for n in (MEDIAN_POINTS, BAND_POINTS))
    low, median, high = (_drop(values, vertical) for values in (series.low, series.median, series.high))
    kind = "train" if series.split == "train" else "held-out"
    outline = {"fill": "none", "stroke": "currentColor"}
    single = element("path", d=_thin(series, x, vertical, thinly), class_=f"thin {kind}", **outline)
    band = element("path", d=band_path(x[fewer], low[fewer], high[fewer]), class_=f"band {kind}", fill_opacity=0.15)
    thick = element("path", d=line_path(x[few], median[few]), class_=f"median {kind}", stroke_width=4, **outline)
    return [band, single, thick] if thinly[0] else [band, thick]


def _thin(series: Series, x: NDArray[np.float64], vertical: Axis, thinly: tuple[int, int]) -> str:
    runs, points = thinly
    if not runs:
        return ""
    kept = kept_points(series.replicates[:runs], points)
    y = _drop(series.replicates[:runs], vertical)
    return "".join(line_path(x[row], y[i, row]) for i, row in enumerate(kept))


def _drop(values: NDArray[np.float64], vertical: Axis) -> NDArray[np.float64]:
    """Values as heights from the top of the fine grid; far outside the frame is cut, it cannot be seen."""
    placed = 1 - vertical.place(values)
    return np.where(np.isnan(placed), np.nan, np.clip(placed, -1.0, 2.0)) * INNER_HEIGHT * FINE


def _horizontal(across: Axis, over: str) -> list[str]:
    ticks = across.ticks(3)
    places = LEFT + across.place(ticks) * INNER_WIDTH
    base = TOP + INNER_HEIGHT
    labels = [
        text(label, x=round(float(x)), y=base + 13, text_anchor=None if x < WIDTH - 24 else "end")
        for x, label in zip(places, tick_labels(ticks), strict=True)
    ]
    rule = element("path", d=f"M{LEFT} {base}h{INNER_WIDTH}", stroke="currentColor")
    unit = text(over, x=WIDTH - RIGHT, y=base + 26, text_anchor="end", class_="unit")
    return [rule, element("g", *labels, text_anchor="middle"), unit]


def _vertical(vertical: Axis) -> list[str]:
    ticks = vertical.ticks(4)
    names = tick_labels(ticks, log=vertical.log)
    heights = [round(TOP + (1 - float(vertical.place(value))) * INNER_HEIGHT, 1) for value in ticks]
    lines = "".join(f"M{LEFT} {y:g}h{INNER_WIDTH}" for y in heights)
    labels = [text(s, x=LEFT - 5, y=round(y + 3.5, 1)) for s, y in zip(names, heights, strict=True)]
    scale = [text("log scale", x=LEFT + 3, y=TOP - 3, class_="unit")] if vertical.log else []
    grid = element("path", d=lines, stroke="currentColor", stroke_opacity=0.12)
    return [grid, element("g", *labels, text_anchor="end"), *scale]


def _limit_lines(data: LearningCurvesData, vertical: Axis) -> tuple[list[str], list[str]]:
    """Dashed lines on the fine grid, and their labels on the picture; labels that would touch share a line."""
    labels = []
    heights = sorted((1 - float(vertical.place(value)), f"{name} {significant(value)}") for name, value in data.limits)
    across = "".join(f"M0 {round(height * INNER_HEIGHT * FINE)}h{INNER_WIDTH * FINE}" for height, _ in heights)
    lines = [element("path", d=across, class_="limit", stroke="currentColor")] if across else []
    for height, says in _merged(heights):
        label = _free_side(height, data, vertical)
        labels.append(text(says, x=WIDTH - RIGHT - 2, y=label, text_anchor="end", class_="limit-label"))
    return lines, labels


def _free_side(height: float, data: LearningCurvesData, vertical: Axis) -> float:
    """The baseline of a limit's label: above its line or, where a median runs there in the right half, below it."""
    line = TOP + height * INNER_HEIGHT
    right = np.concatenate([series.median[series.median.size // 2 :] for series in data.series])
    medians = TOP + (1 - vertical.place(right[np.isfinite(right)])) * INNER_HEIGHT

    def room(baseline: float) -> float:
        inside = TOP + 8 <= baseline <= TOP + INNER_HEIGHT - 1
        nearest = float(np.abs(medians - (baseline - 3.5)).min()) if medians.size else LABEL_GAP
        return min(nearest, LABEL_GAP) if inside else -1.0

    freer: float = max((line - 3, line + 10), key=room)
    return round(freer, 1)


def shown_places(vertical: Axis) -> int:
    """Decimals for values on an axis: those that tell a fiftieth of it apart, or on a log axis its lowest values."""
    return min(decimals(vertical.low if vertical.log else (vertical.high - vertical.low) / 10), 6)


def _merged(heights: list[tuple[float, str]]) -> list[tuple[float, str]]:
    groups: list[tuple[float, list[str]]] = []
    for height, says in heights:
        if groups and (height - groups[-1][0]) * INNER_HEIGHT < LABEL_GAP:
            groups[-1][1].append(says)
        else:
            groups.append((height, [says]))
    return [(height, ", ".join(names)) for height, names in groups]


def _describe(data: LearningCurvesData) -> str:
    ends = [f"{series.split} ends at a median of {significant(_last(series.median))}" for series in data.series]
    limits = [f"{name} is {significant(value)}" for name, value in data.limits]
    broken = [f"{data.diverged} of {data.runs} runs diverged"] if data.diverged else []
    unit = f" in {data.unit}" if data.unit else ""
    return f"{plural(data.runs, 'run')}{unit}: {'; '.join([*ends, *limits, *broken])}."


def _last(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite[-1]) if finite.size else float("nan")


def table_rows(panel: Panel) -> tuple[tuple[str, ...], ...]:
    """The picture as rows of words: a step, then median and band of each series."""
    data = panel.data
    grid = data.series[0].steps
    picked = grid[np.unique(np.linspace(0, grid.size - 1, TABLE_ROWS).round().astype(int))] if grid.size else grid
    places = shown_places(panel.axis)
    return tuple((f"{int(step):,}", *(_cell(series, int(step), places) for series in data.series)) for step in picked)


def _cell(series: Series, step: int, places: int) -> str:
    i = max(int(np.searchsorted(series.steps, step, side="right")) - 1, 0)
    median, low, high = (number(float(v[i]), places) for v in (series.median, series.low, series.high))
    return f"{median} ({low} to {high})" if median != NOT_FINITE else "fewer than half still train"
