"""The chart over rounds: the score of each control, what was tried against it, what was kept, and how far is left."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from etude.figures.axes import Axis, axis, tick_labels
from etude.figures.learning_curves import named_limits
from etude.figures.marks import effect_mark
from etude.figures.numbers import decimals, number, plural, significant
from etude.figures.svg import element, picture, text, words
from etude.numerics.intervals import student_interval
from etude.values.effect import Verdict
from etude.values.metric import Limit, Metric
from etude.values.treatment import Level, Round, Tried

WIDTH, HEIGHT = 720, 318
LEFT, TOP, RIGHT, BOTTOM = 46, 16, 118, 56
INNER_WIDTH, INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

NAMED = 7
"""Rounds whose verdicts are written below them, and of which all that was tried is drawn."""

BESIDE = 1.0
"""Tried scores farther outside what controls and limits span than so many times that span leave the frame."""

LABEL_GAP, LONG = 11.5, 16
CONTROL_AT, TRIED_FROM, TRIED_TO = 0.2, 0.38, 0.86
"""Where in its column the control stands, and between which places what was tried against it."""


@dataclass(frozen=True, slots=True)
class Point:
    """A treatment on trial: the score it would bring the control to."""

    name: str
    score: float
    verdict: Verdict
    kept: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A round.

    score:  the control's mean over its replicates, with its own interval
    parent: the column that its control comes from; None of the first
    on_path: whether it led to what was kept at last
    """

    number: int
    verdict: str
    by: str
    score: Level
    replicates: int
    tried: tuple[Point, ...]
    parent: int | None
    on_path: bool


@dataclass(frozen=True, slots=True)
class RoundsData:
    """Scores on the validation part, by which treatments are chosen.

    limits: (words, value) of what is known
    level:  what each control's interval covers, for itself
    """

    metric: Metric
    columns: tuple[Column, ...]
    limits: tuple[tuple[str, float], ...]
    axis: Axis
    level: float
    places: int

    @property
    def is_full(self) -> bool:
        """Whether the rounds are few enough to draw all that was tried, and to name them; else what was decided."""
        return len(self.columns) <= NAMED


def rounds_data(
    rounds: Sequence[Round], path: Sequence[int], metric: Metric, *, limit: Limit | None = None, level: float = 0.95
) -> RoundsData | None:
    """The rounds that were trained; None where none of them has a score.

    A treatment is placed at the control's mean plus its effect: the two are paired, so that is where it would bring
    the control. Intervals are Student's t over one control's replicates.
    """
    columns = tuple(
        _column(number, one, on_path=number - 1 in path, level=level) for number, one in enumerate(rounds, 1)
    )
    known = named_limits(limit)
    scored = [column for column in columns if math.isfinite(column.score.mean)]
    if not scored:
        return None
    across = _axis(scored, [value for _, value in known])
    places = min(decimals((across.high - across.low) / 10), 6)
    return RoundsData(metric, columns, known, across, level, places)


def _column(number_: int, one: Round, *, on_path: bool, level: float) -> Column:
    scores = np.array(one.scores, dtype=np.float64)
    score = mean_level(scores, level=level)
    points = tuple(_point(tried, score.mean, one.kept) for tried in one.tried if _has_estimate(tried))
    return Column(number_, one.diagnosis.verdict, one.by, score, scores.size, points, one.parent, on_path)


def mean_level(scores: np.ndarray[tuple[int, ...], np.dtype[np.float64]], *, level: float) -> Level:
    """The mean of the finite scores with Student's t interval; NaN where there are too few.

    >>> mean_level(np.array([1.0, 1.0, np.nan]), level=0.95).mean
    1.0
    """
    finite = scores[np.isfinite(scores)]
    if not finite.size:
        return Level(math.nan, math.nan, math.nan)
    if finite.size == 1:
        return Level(float(finite[0]), math.nan, math.nan)
    found = student_interval(finite, level=level)
    return Level(found.mean, found.low, found.high)


def _has_estimate(tried: Tried) -> bool:
    return tried.effect is not None and math.isfinite(tried.effect.mean)


def _point(tried: Tried, control: float, kept: str) -> Point:
    assert tried.effect is not None
    name = tried.prescription.name
    return Point(name, control + tried.effect.mean, tried.effect.verdict, name == kept)


def _axis(columns: Sequence[Column], limits: Sequence[float]) -> Axis:
    ends = [end for one in columns for end in (one.score.mean, one.score.low, one.score.high) if math.isfinite(end)]
    base = [*ends, *limits, *(point.score for one in columns for point in one.tried if point.kept)]
    points = [point.score for one in columns for point in one.tried if math.isfinite(point.score)]
    span = max(base) - min(base) or max((abs(point - base[0]) for point in points), default=0.0)
    near = [point for point in points if min(base) - BESIDE * span <= point <= max(base) + BESIDE * span]
    return axis(min(*base, *near, base[0]), max(*base, *near, base[0]), pad=0.05)


def draw_rounds(data: RoundsData) -> str:
    """Rounds from left to right, each with its control and what was tried, and lines from what was kept."""
    height = _heights(data.axis)
    lines, labels = _limit_lines(data, height)
    links = [part for i, _ in enumerate(data.columns) for part in _link(data, i, height)]
    marks = [part for i, column in enumerate(data.columns) for part in _marks(data, i, column, height)]
    names = [part for i, column in enumerate(data.columns) for part in _names(data, i, column)]
    title = f"{data.metric.label[:1].upper()}{data.metric.label[1:]} by round"
    parts = (*_grid(data.axis, height), *lines, *links, *marks, *names, *labels)
    return picture(title, _describe(data), *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="rounds")


def _heights(vertical: Axis) -> Callable[[float], float]:
    def height(value: float) -> float:
        return TOP + (1 - float(np.clip(vertical.place(value), 0.0, 1.0))) * INNER_HEIGHT

    return height


def _x(data: RoundsData, i: int, share: float) -> float:
    return LEFT + (i + share) * INNER_WIDTH / len(data.columns)


def _grid(vertical: Axis, height: Callable[[float], float]) -> list[str]:
    ticks = vertical.ticks(5)
    rules = "".join(f"M{LEFT} {height(value):.1f}h{INNER_WIDTH}" for value in ticks)
    names = [
        text(label, x=LEFT - 6, y=round(height(value) + 3.5, 1))
        for value, label in zip(ticks, tick_labels(ticks), strict=True)
    ]
    return [
        element("path", d=rules, stroke="currentColor", stroke_opacity=0.12),
        element("g", *names, text_anchor="end"),
    ]


def _limit_lines(data: RoundsData, height: Callable[[float], float]) -> tuple[list[str], list[str]]:
    """A dashed line for each limit, its name at its right end; names that would touch are moved apart."""
    lines, labels, last = [], [], -math.inf
    for name, value in sorted(_merged(data.limits), key=lambda one: height(one[1])):
        y = height(value)
        kind = "limit best" if name == "Bayes limit" else "limit"
        lines.append(element("path", d=f"M{LEFT} {y:.1f}h{INNER_WIDTH}", class_=kind, stroke="currentColor"))
        last = max(y + 3.5, last + LABEL_GAP)
        known = "best possible" if name == "Bayes limit" else name
        for says in [f"{known} {significant(value)}"] if len(known) < LONG else [known, significant(value)]:
            labels.append(text(says, x=LEFT + INNER_WIDTH + 6, y=round(last, 1), class_="limit-name"))
            last += LABEL_GAP
        last -= LABEL_GAP
    return lines, labels


def _merged(limits: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Limits that read alike have one name."""
    names: dict[str, list[tuple[str, float]]] = {}
    for name, value in limits:
        names.setdefault(significant(value), []).append((name, value))
    return [(", ".join(name for name, _ in of), of[0][1]) for of in names.values()]


def _link(data: RoundsData, i: int, height: Callable[[float], float]) -> list[str]:
    """From the mark of what was kept, or passed over, to the control it became."""
    column = data.columns[i]
    if column.parent is None or not math.isfinite(column.score.mean):
        return []
    before = data.columns[column.parent]
    place = next((k for k, point in enumerate(before.tried) if point.name == column.by), None)
    if place is None:
        return []
    x, y = _tried_x(data, column.parent, place), height(before.tried[place].score)
    kind = "link" if column.on_path else "link aside"
    to = f"{_x(data, i, CONTROL_AT):.1f} {height(column.score.mean):.1f}"
    return [element("path", d=f"M{x:.1f} {y:.1f}L{to}", class_=kind, stroke="currentColor", fill="none")]


def _tried_x(data: RoundsData, i: int, k: int) -> float:
    n = len(data.columns[i].tried)
    return _x(data, i, TRIED_FROM + (TRIED_TO - TRIED_FROM) * (k + 0.5) / max(n, 1))


def _marks(data: RoundsData, i: int, column: Column, height: Callable[[float], float]) -> list[str]:
    parts = []
    for k, point in enumerate(column.tried):
        if not (data.is_full or point.verdict in ("better", "worse")):
            continue
        x, y = _tried_x(data, i, k), height(point.score)
        kept = element("circle", cx=x, cy=y, r=10, class_="kept", fill="none") if point.kept else ""
        mark = element("g", effect_mark(point.verdict), transform=f"translate({x:.1f} {y:.1f})")
        says = f"{point.name}: {number(point.score, data.places)}, {point.verdict}"
        named = [element("title", words(says))] if data.is_full else []
        parts.append(element("g", *named, *([kept] if kept else []), mark, class_="tried"))
    return [*parts, *_control(data, i, column, height)]


def _control(data: RoundsData, i: int, column: Column, height: Callable[[float], float]) -> list[str]:
    if not math.isfinite(column.score.mean):
        return []
    x, y = _x(data, i, CONTROL_AT), height(column.score.mean)
    kind = "control" if column.on_path else "control aside"
    parts = []
    if math.isfinite(column.score.low):
        low, high = height(column.score.low), height(column.score.high)
        parts.append(element("path", d=f"M{x:.1f} {low:.1f}V{high:.1f}", class_=f"{kind} reach", stroke="currentColor"))
    return [*parts, element("circle", cx=x, cy=y, r=4.5, class_=f"{kind} dot")]


def _names(data: RoundsData, i: int, column: Column) -> list[str]:
    x, base = round(_x(data, i, 0.5), 1), TOP + INNER_HEIGHT
    parts = [
        text(f"round {column.number}" if data.is_full else str(column.number), x=x, y=base + 20, class_="round-name")
    ]
    if data.is_full:
        parts.append(text(column.verdict, x=x, y=base + 35, class_="unit"))
        if not column.on_path:
            parts.append(text("led no further", x=x, y=base + 48, class_="unit"))
    rule = (
        [element("path", d=f"M{_x(data, i, 0):.1f} {TOP}V{base + 6}", class_="between", stroke="currentColor")]
        if i
        else []
    )
    return [*rule, element("g", *parts, text_anchor="middle")]


def _describe(data: RoundsData) -> str:
    path = [column for column in data.columns if column.on_path]
    ends = " to ".join(number(column.score.mean, data.places) for column in (path[0], path[-1])) if path else ""
    went = f"from {ends} over {plural(len(path), 'round')}" if len(path) > 1 else "no round led further"
    limits = "; ".join(f"{name} is {significant(value)}" for name, value in data.limits)
    way = "lower" if data.metric.lower_is_better else "higher"
    return f"Mean {data.metric.label} on validation, {way} is better: {went}. {limits}{'.' if limits else ''}".strip()


def table_rows(data: RoundsData) -> tuple[tuple[str, ...], ...]:
    """The picture as rows of words: round, what its control is, verdict, score, interval, and what was kept."""
    return tuple(_cells(data, column) for column in data.columns)


def _cells(data: RoundsData, column: Column) -> tuple[str, ...]:
    score = column.score
    kept = next((point.name for point in column.tried if point.kept), "–")
    told = number(score.mean, data.places) if math.isfinite(score.mean) else "–"
    between = (
        f"{number(score.low, data.places)} to {number(score.high, data.places)}" if math.isfinite(score.low) else "–"
    )
    return str(column.number), column.by or "as it was", column.verdict, told, between, str(len(column.tried)), kept


TABLE_HEADS: tuple[str, ...] = ("round", "control", "verdict", "mean score", "interval", "tried", "kept")
