"""Final scores of every arm: each replicate as a dot, the median, and what the task's limits are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.axes import Axis, shared_axis, tick_labels
from etude.figures.learning_curves import held_out, named_limits
from etude.figures.numbers import decimals, number, significant
from etude.figures.svg import dots, element, picture, text
from etude.values.metric import METRICS, Metric, Split
from etude.values.run import PICTURED, Run
from etude.values.study import StudyResult

HEIGHT, DOTS_BETWEEN = 26, (6.0, 20.0)


@dataclass(frozen=True, slots=True)
class ArmScores:
    """One arm on one metric.

    scores: of the first `PICTURED` runs in replicate order, NaN where it diverged
    runs:   how many runs there are
    median, low, high: over all that are finite; low and high are the smallest and the largest
    limits: (words, value) of chance, best constant and Bayes limit, where known
    """

    arm: str
    scores: tuple[float, ...]
    runs: int
    median: float
    low: float
    high: float
    diverged: int
    limits: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class ScoresData:
    """Every arm on one metric, in the order the arms were designed; one axis, fitted to the arms that are alike."""

    metric: Metric
    split: Split
    rows: tuple[ArmScores, ...]
    axis: Axis
    places: int


def metrics_of(result: StudyResult) -> tuple[str, ...]:
    """The metrics any arm was scored on: the study's primary one first, then in the order of METRICS."""
    measured = {name.partition("/")[2] for runs in result.runs.values() for run in runs[:1] for name in run.curves}
    names = [name for name in METRICS if name in measured]
    first = result.plan.metric
    return tuple(sorted(names, key=lambda name: name != first)) if first else tuple(names)


def scores_data(result: StudyResult, metric: str) -> ScoresData | None:
    """The final score of every run on the split that judges; None where no run has one."""
    split = held_out(result.runs, metric)
    rows = tuple(_row(result, arm.label, metric, split) for arm in result.arms)
    finite = np.array([score for row in rows for score in row.scores if np.isfinite(score)])
    if not finite.size:
        return None
    limits = tuple({value for row in rows for _, value in row.limits})
    across, _ = shared_axis([np.array(row.scores) for row in rows], limits)
    inner = [row.high - row.low for row in rows if row.high > row.low]
    three_digits = 2 - math.floor(math.log10(max(float(np.abs(finite).max()), 1e-9)))
    places = max(decimals(float(np.median(inner))) if inner else 0, three_digits, 0)
    return ScoresData(METRICS[metric], split, rows, across, min(places, 5))


def means_and_deviations(result: StudyResult, metric: str) -> tuple[tuple[str, str], ...]:
    """Mean and standard deviation of each arm's finite scores, as words; dashes where there are none, or only one."""
    split = held_out(result.runs, metric)
    return tuple(_mean_and_deviation(_scores(result, arm.label, metric, split)) for arm in result.arms)


def _mean_and_deviation(scores: NDArray[np.float64]) -> tuple[str, str]:
    finite = scores[np.isfinite(scores)]
    mean = significant(float(finite.mean()), 4) if finite.size else "–"
    return mean, significant(float(finite.std(ddof=1)), 4) if finite.size > 1 else "–"


def _scores(result: StudyResult, arm: str, metric: str, split: Split) -> NDArray[np.float64]:
    name = f"{split}/{metric}"
    return np.array([run.score(metric, split) for run in result.runs.get(arm, ()) if name in run.curves])


def _row(result: StudyResult, arm: str, metric: str, split: Split) -> ArmScores:
    scores = _scores(result, arm, metric, split)
    finite = scores[np.isfinite(scores)]
    median, low, high = (
        (float(np.median(finite)), float(finite.min()), float(finite.max())) if finite.size else (float("nan"),) * 3
    )
    diverged = int(scores.size - finite.size)
    limits = named_limits(result.limits.get(arm, {}).get(metric))
    return ArmScores(arm, tuple(scores[:PICTURED].tolist()), int(scores.size), median, low, high, diverged, limits)


def limit_text(row: ArmScores, name: str, places: int) -> str:
    """One limit of an arm's task as words; a dash where it is not known."""
    return next((number(value, places) for limit, value in row.limits if limit == name), "–")


def off_the_scale(data: ScoresData, row: ArmScores) -> tuple[int, int]:
    """How many of an arm's drawn scores lie to the left of the axis, and how many to the right."""
    places = data.axis.place([score for score in row.scores if np.isfinite(score)])
    return int((places < 0).sum()), int((places > 1).sum())


def draw_scores_row(data: ScoresData, row: ArmScores) -> str:
    """One arm: a dot a replicate, a bar at their median, dashed marks at the limits, and words for what is outside."""
    limits = [_upright(data.axis, value, f"limit {_short(name)}") for name, value in row.limits]
    places = 100 * data.axis.place(row.scores)
    inside = places[(places >= 0) & (places <= 100)].tolist()
    marked = [_upright(data.axis, row.median, "middle")] if 0 <= float(data.axis.place(row.median)) <= 1 else []
    cloud = [dots(inside, DOTS_BETWEEN, height=HEIGHT, size=4.4)] if inside else []
    parts = [*limits, *cloud, *marked, *_outside(data, row)]
    return picture(
        f"{data.metric.label} of {row.arm}", _describe(data, row), *parts, width="100%", height=HEIGHT, class_="strip"
    )


def _outside(data: ScoresData, row: ArmScores) -> list[str]:
    left, right = off_the_scale(data, row)
    finite = int(np.isfinite(row.scores).sum())
    words = ["off the scale" if n == finite else f"{n} off the scale" for n in (left, right)]
    y = HEIGHT // 2 + 4
    before = [text(f"← {words[0]}", x=0, y=y)] if left else []
    after = [text(f"{words[1]} →", x="100%", y=y, text_anchor="end")] if right else []
    return [*before, *after]


def draw_scores_axis(data: ScoresData) -> str:
    """The axis over the rows."""
    ticks = data.axis.ticks(4)
    labels = [
        text(label, x=_at(data.axis, value), y=11, text_anchor="middle")
        for value, label in zip(ticks, tick_labels(ticks, log=data.axis.log), strict=True)
        if 0.05 <= float(data.axis.place(value)) <= 0.95
    ]
    title = f"Axis: {data.metric.label}"
    return picture(title, f"In {data.metric.unit}.", *labels, width="100%", height=14, class_="axis")


def _upright(across: Axis, value: float, kind: str) -> str:
    x = _at(across, value)
    return element("line", x1=x, x2=x, y1=3, y2=HEIGHT - 3, stroke="currentColor", class_=kind)


def _short(name: str) -> str:
    return name.split()[0].lower()


def _at(across: Axis, value: float) -> str:
    return f"{100 * min(max(float(across.place(value)), 0.0), 1.0):.1f}%"


def _describe(data: ScoresData, row: ArmScores) -> str:
    if not np.isfinite(row.median):
        return "No run of this arm has a finite score."
    limits = "; ".join(f"{name} {significant(value)}" for name, value in row.limits)
    numbers = (number(value, data.places) for value in (row.median, row.low, row.high))
    median, low, high = numbers
    return f"Median {median}, from {low} to {high} {data.metric.unit}.{f' Limits: {limits}.' if limits else ''}"


def range_text(data: ScoresData, row: ArmScores) -> str:
    """The lowest and the highest score; a dash where no run has a finite one."""
    return f"{number(row.low, data.places)} to {number(row.high, data.places)}" if np.isfinite(row.median) else "–"


def median_text(data: ScoresData, row: ArmScores) -> str:
    """The median score; a dash where no run has a finite one."""
    return number(row.median, data.places) if np.isfinite(row.median) else "–"


def run_scores(run: Run, tables: Sequence[ScoresData]) -> tuple[str, ...]:
    """A run's scores on train and on the split that judges, metric by metric, in digits enough to compute with."""
    return tuple(
        number(run.score(table.metric.name, split), min(table.places + 2, 6)) if _has(run, table, split) else "–"
        for table in tables
        for split in score_splits(table)
    )


def score_splits(table: ScoresData) -> tuple[Split, Split]:
    """Train, and the split that judges."""
    return "train", table.split


def _has(run: Run, table: ScoresData, split: Split) -> bool:
    return f"{split}/{table.metric.name}" in run.curves and run.ended != "diverged"


def typical_scores(result: StudyResult, arm: str, metrics: Sequence[str]) -> list[float]:
    """The first metric's score of the first `PICTURED` runs of an arm, NaN where there is none."""
    if not metrics:
        return [float("nan")] * len(result.runs[arm][:PICTURED])
    split = held_out(result.runs, metrics[0])
    name = f"{split}/{metrics[0]}"
    runs = result.runs[arm][:PICTURED]
    return [run.score(metrics[0], split) if name in run.curves else float("nan") for run in runs]
