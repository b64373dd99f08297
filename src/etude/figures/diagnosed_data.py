"""The numbers of a diagnosis's picture, and the same in words: lines, levels, the best place, places of findings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from etude.figures.axes import LOG_RATIO, Axis, axis
from etude.figures.learning_curves import Series, learning_curves_data, shown_places
from etude.figures.numbers import number, plural, significant
from etude.values.finding import Diagnosis
from etude.values.metric import Split
from etude.values.run import Run

STRETCHES, NOISY = 48, 0.012
"""A line of medians lies over a curve of several times as many points, if they are this share of its range off it."""

NEAR = 0.5
"""A known level farther outside the curves than this, in heights of them, is not drawn."""

TABLE_ROWS = 6
SPLITS: tuple[Split, ...] = ("train", "validation")


@dataclass(frozen=True, slots=True, eq=False)
class Shaded:
    """Where a finding is seen: its number in the list of findings, and steps, both included."""

    number: int
    symptom: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One split: every run of it, and where they are noisy a curve of medians over stretches of it.

    series:  steps, shape (n,), and values, shape (runs, n), with their median over the runs
    middle:  (steps, medians) of some stretches; None where the curve itself is as clear
    broken:  the first step at which a run has no finite value; None where all are finite
    """

    series: Series
    middle: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    broken: int | None


@dataclass(frozen=True, slots=True, eq=False)
class DiagnosedData:
    """What the picture shows.

    quantity: "loss" or "score"; `unit` as far as it is known
    x:        what the horizontal axis counts: "step", "epoch" or "row"
    best:     (step, value) of the best validation; None without one
    levels:   (words, value) of what is known of the problem, such as chance, as far as it is near
    beyond:   (step, value) of the most extreme finite value outside the vertical axis; None where all are inside
    """

    source: str
    quantity: str
    unit: str
    x: str
    lines: tuple[Line, ...]
    best: tuple[int, float] | None
    levels: tuple[tuple[str, float], ...]
    places: tuple[Shaded, ...]
    across: Axis
    upright: Axis
    beyond: tuple[int, float] | None
    runs: int


def diagnosed_data(
    diagnosis: Diagnosis, runs: Sequence[Run], *, levels: Sequence[tuple[str, float]] = ()
) -> DiagnosedData | None:
    """The judged curves of the runs of a diagnosis; None where none has a single finite value."""
    quantity = "objective" if any(f"{split}/objective" in run.curves for run in runs for split in SPLITS) else "score"
    found = learning_curves_data(diagnosis.source, runs, quantity, splits=SPLITS)
    lines = tuple(_line(series) for series in found.series if np.isfinite(series.replicates).any()) if found else ()
    if found is None or not lines:
        return None
    shown = tuple((words, value) for words, value in levels if _is_near(value, lines))
    first = min(int(line.series.steps[0]) for line in lines)
    last = max(int(line.series.steps[-1]) for line in lines)
    across = axis(0.0 if 0 <= first <= 0.1 * last else float(first), float(last)) if last > first else _around(first)
    upright = _upright(lines, [value for _, value in shown])
    return DiagnosedData(
        source=diagnosis.source,
        quantity="loss" if quantity == "objective" else "score",
        unit=found.unit,
        x=str(runs[0].provenance.get("x", "step")),
        lines=lines,
        best=_best(diagnosis, lines),
        levels=shown,
        places=_places(diagnosis),
        across=across,
        upright=upright,
        beyond=_beyond(lines, upright),
        runs=len(runs),
    )


def _is_near(level: float, lines: Sequence[Line]) -> bool:
    """Whether a level can be drawn without making the curves small."""
    joined = np.concatenate([line.series.replicates.ravel() for line in lines])
    low, high = np.quantile(joined[np.isfinite(joined)], (0.01, 0.99))
    return bool(np.isfinite(level) and low - NEAR * (high - low) <= level <= high + NEAR * (high - low))


def _upright(lines: Sequence[Line], always: Sequence[float]) -> Axis:
    """For all lines; logarithmic where validation, or else training, spans a wide range of positive values.

    What training alone does is no reason: on a logarithmic axis its way to nothing would flatten what counts. The most
    extreme in a hundred leave the frame where they are far out, such as a first step or a spike.
    """
    several = [line.series.replicates[np.isfinite(line.series.replicates)] for line in lines]
    joined = np.concatenate(several)
    low, usual, high = (float(np.quantile(joined, at)) for at in (0.0, 0.99, 1.0))
    least, most = (float(np.quantile(several[-1], at)) for at in (0.01, 0.99))
    if low > 0 and most > LOG_RATIO * least:
        return axis(min((low, *always)), max((high, *always)), pad=0.04, log=min((low, *always)) > 0)
    top = min(high, usual + 2 * (usual - low))
    return axis(min((low, *always)), max((top, *always)), pad=0.04)


def _around(only: int) -> Axis:
    return Axis(only - 1.0, only + 1.0)


def _line(series: Series) -> Line:
    finite = np.isfinite(series.replicates)
    broken = np.flatnonzero(~finite.all(axis=0))
    return Line(series, _middle(series), int(series.steps[broken[0]]) if broken.size else None)


def _middle(series: Series) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Medians of stretches, where the values of one run scatter about them."""
    if series.replicates.shape[0] > 1 or series.steps.size < 3 * STRETCHES:
        return None
    values = series.replicates[0]
    parts = np.array_split(np.arange(values.size), STRETCHES)
    told = [values[part][np.isfinite(values[part])] for part in parts]
    medians = np.array([np.median(part) if part.size else np.nan for part in told])
    steps = np.array([float(np.median(series.steps[part])) for part in parts])
    good = np.isfinite(medians)
    if good.sum() < 2:
        return None
    off = values - np.interp(series.steps, steps[good], medians[good])
    scatter = float(np.nanmedian(np.abs(off)))
    low, high = np.nanquantile(values, (0.02, 0.98))
    return (steps, medians) if scatter > NOISY * float(high - low) else None


def _best(diagnosis: Diagnosis, lines: Sequence[Line]) -> tuple[int, float] | None:
    held = next((line.series for line in lines if line.series.split == "validation"), None)
    step = diagnosis.best_step
    if held is None or step is None or step < held.steps[0]:
        return None
    i = int(np.searchsorted(held.steps, step, side="right")) - 1
    value = float(held.median[i])
    return (step, value) if np.isfinite(value) else None


def _places(diagnosis: Diagnosis) -> tuple[Shaded, ...]:
    found: dict[tuple[int, int, int], Shaded] = {}
    for i, finding in enumerate(diagnosis.findings, 1):
        for place in finding.where:
            found.setdefault((i, place.first, place.last), Shaded(i, finding.symptom, place.first, place.last))
    return tuple(found.values())


def _beyond(lines: Sequence[Line], upright: Axis) -> tuple[int, float] | None:
    """The value that is farthest outside, if any is."""
    found = None
    for line in lines:
        placed = upright.place(line.series.replicates)
        off = np.where(np.isfinite(placed), np.maximum(placed - 1, -placed), -np.inf)
        run, i = np.unravel_index(int(off.argmax()), off.shape)
        far = float(off[run, i])
        if far > 0.02 and (found is None or far > found[0]):
            found = far, int(line.series.steps[i]), float(line.series.replicates[run, i])
    return None if found is None else found[1:]


def table_rows(data: DiagnosedData) -> tuple[tuple[str, ...], ...]:
    """The picture as rows of words: a step, then the value of each line, the median over several runs."""
    grid = data.lines[-1].series.steps
    picked = grid[np.unique(np.linspace(0, grid.size - 1, TABLE_ROWS).round().astype(int))]
    places = shown_places(data.upright)
    return tuple((f"{int(step):,}", *(_cell(line.series, int(step), places) for line in data.lines)) for step in picked)


def _cell(series: Series, step: int, places: int) -> str:
    i = int(np.searchsorted(series.steps, step, side="right")) - 1
    return number(float(series.median[i]), places) if i >= 0 else "–"


def plainer(data: DiagnosedData) -> DiagnosedData:
    """The same without medians of stretches and without places, for a picture of a third of the bytes."""
    lines = tuple(replace(line, middle=None) for line in data.lines)
    return replace(data, lines=lines, places=())


def describe(data: DiagnosedData) -> str:
    """The picture as sentences."""
    parts = [_course(data, line) for line in data.lines]
    if data.best:
        which = "At its best" if data.runs == 1 else "At the median of the runs' best places"
        at = f"{data.x} {data.best[0]:,}"
        parts.append(f"{which}, {at}, the validation {data.quantity} is {significant(data.best[1])}.")
    parts += [f"{words[:1].upper()}{words[1:]} is {significant(value)}." for words, value in data.levels]
    parts += [f"{place.number}, {place.symptom}: {_span(data, place)}." for place in data.places]
    return " ".join(parts)


def _course(data: DiagnosedData, line: Line) -> str:
    finite = line.series.median[np.isfinite(line.series.median)]
    many = f"the median of {plural(data.runs, 'run')} of " if data.runs > 1 else ""
    if not finite.size:
        return f"{many}{line.series.split} has no finite value.".capitalize()
    told = f"goes from {significant(float(finite[0]))} to {significant(float(finite[-1]))}"
    broken = f", and is not finite from {data.x} {line.broken:,} on" if line.broken is not None else ""
    return f"{f'{many}{line.series.split} {data.quantity}'.capitalize()} {told}{broken}."


def _span(data: DiagnosedData, place: Shaded) -> str:
    if place.first == place.last:
        return f"{data.x} {place.first:,}"
    return f"{data.x}s {place.first:,} to {place.last:,}"


def beyond_text(data: DiagnosedData) -> str:
    """What lies outside the picture, as a sentence; nothing where all is inside."""
    if data.beyond is None:
        return ""
    step, value = data.beyond
    return f"Not all of it fits: {significant(value)} at {data.x} {step:,} lies outside."
