"""The horizon: how well it is remembered as the sequences grow, between chance and the best score possible."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import special

from etude.figures.axes import Axis, axis, tick_labels
from etude.figures.glance import shortened
from etude.figures.numbers import listed, plural, significant
from etude.figures.profiles import DASHES
from etude.figures.svg import element, line_path, picture, text
from etude.values.metric import Metric
from etude.values.run import PICTURED

LOG_RATIO = 6.0
"""Lengths of which the longest is more than so many times the shortest stand on a logarithmic axis."""

NEAR = 0.05
"""Near the best possible: what is missing is a twentieth of the way from chance, at the most."""

HEIGHT, INNER_WIDTH = 252, 290
LEFT, TOP, BOTTOM = 42, 18, 36
INNER_HEIGHT, EDGE = HEIGHT - TOP - BOTTOM, LEFT + INNER_WIDTH
APART, ASIDE = 10.0, 4.0
"""Between the means of two lines at one length, and between a mean and the dots of its replicates."""

SAMPLE = 18
"""Length of the piece of a line before its name."""

RANGES: Mapping[str, tuple[float, float]] = MappingProxyType({"accuracy": (0.0, 1.0), "r2": (-math.inf, 1.0)})
"""What a score can be; no interval goes beyond."""

LABEL_GAP = 11.5
LEAST_TICK = 24.0
LETTER, LONGEST_NAME = 6.0, 24
"""Between two names, between two lengths that are written, width of a letter, and letters of a name."""

LOWEST = 0.5
"""A score below chance by more than so many times what lies between chance and the best leaves the frame."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """One line: its scores of shape (lengths, replicates), NaN where a run diverged, and what its task allows.

    best: the best score possible, NaN where it is not known
    """

    level: str
    scores: Floats
    chance: float
    best: float


@dataclass(frozen=True, slots=True)
class Waited:
    """The replicates of one line at one length: mean and interval, NaN below two that finished."""

    scores: tuple[float, ...]
    mean: float
    low: float
    high: float
    diverged: int


@dataclass(frozen=True, slots=True)
class Line:
    """A level of the other factors, at every length.

    reach: how many of the lengths, from the shortest on, have an interval that lies above chance
    near:  how many, from the shortest on, are near the best possible
    """

    level: str
    waited: tuple[Waited, ...]
    chance: float
    best: float
    reach: int
    near: int


@dataclass(frozen=True, slots=True)
class HorizonData:
    """Score by length.

    by:    the factors of the lines in words, nothing where only the length varies
    level: what each interval covers, for itself
    """

    metric: Metric
    by: str
    lengths: tuple[int, ...]
    lines: tuple[Line, ...]
    level: float

    @property
    def drawn(self) -> tuple[Line, ...]:
        """The lines of the picture: all, or of many some from the first to the last."""
        picked = np.unique(np.linspace(0, len(self.lines) - 1, len(DASHES)).round().astype(int))
        return tuple(self.lines[i] for i in picked)


def horizon_data(
    by: str, lengths: Sequence[int], outcomes: Sequence[Outcomes], metric: Metric, *, level: float = 0.95
) -> HorizonData:
    """Means with Student's t intervals; the lengths are sorted. The metric is one of which more is better."""
    order = np.argsort(lengths)
    lines = tuple(_line(one, one.scores[order], RANGES[metric.name], level) for one in outcomes)
    return HorizonData(metric, by, tuple(int(lengths[i]) for i in order), lines, level)


def _line(one: Outcomes, scores: Floats, possible: tuple[float, float], level: float) -> Line:
    waited = tuple(_waited(row, possible, level) for row in scores)
    near = one.best - NEAR * (one.best - one.chance)
    return Line(
        level=one.level,
        waited=waited,
        chance=one.chance,
        best=one.best,
        reach=_leading([at.low > one.chance for at in waited]),
        near=_leading([at.mean >= near for at in waited]),
    )


def _leading(true: Sequence[bool]) -> int:
    return next((i for i, one in enumerate(true) if not one), len(true))


def _waited(row: Floats, possible: tuple[float, float], level: float) -> Waited:
    finite = row[np.isfinite(row)]
    n, broken = finite.size, int(row.size - finite.size)
    shown = tuple(finite[:PICTURED].tolist())
    mean = float(finite.mean()) if n else math.nan
    if n < 2:
        return Waited(shown, mean, math.nan, math.nan, broken)
    reach = float(special.stdtrit(n - 1, (1 + level) / 2) * finite.std(ddof=1) / math.sqrt(n))
    return Waited(shown, mean, max(mean - reach, possible[0]), min(mean + reach, possible[1]), broken)


def sentences(data: HorizonData) -> tuple[str, ...]:
    """Of each line, up to which length it is above chance, and up to which near the best possible."""
    return tuple(f"{_name(data, line)} {_above_chance(data, line)}; {_near_best(data, line)}." for line in data.lines)


def _name(data: HorizonData, line: Line) -> str:
    return f"{data.by} {line.level}".strip() or "The network"


def _above_chance(data: HorizonData, line: Line) -> str:
    if line.reach == len(data.lengths):
        return f"is above chance at every length, up to {data.lengths[-1]:,}"
    fails = line.waited[line.reach]
    again = [n for n, at in zip(data.lengths, line.waited, strict=True) if at.low > line.chance][line.reach :]
    begin = (
        f"is above chance up to length {data.lengths[line.reach - 1]:,}, but at {data.lengths[line.reach]:,}"
        if line.reach
        else f"is not above chance even at the shortest length, {data.lengths[0]:,}:"
    )
    later = f" (above it again at {listed(f'{n:,}' for n in again)})" if again else ""
    return f"{begin} {_why_not(data, line, fails)}{later}"


def _why_not(data: HorizonData, line: Line, at: Waited) -> str:
    """What keeps a line from being above chance at one length."""
    chance = shown(data, line.chance)
    if not math.isfinite(at.low):
        return f"{plural(len(at.scores), 'run')} that finished cannot tell"
    interval = f"the interval, {shown(data, at.low)} to {shown(data, at.high)},"
    return f"{interval} lies below chance, {chance}" if at.high < line.chance else f"{interval} holds chance, {chance}"


def _near_best(data: HorizonData, line: Line) -> str:
    if not math.isfinite(line.best):
        return "the best possible is not known"
    best = f"the best possible, {shown(data, line.best)}"
    if not line.near:
        return f"it is never near {best}"
    if line.near == len(data.lengths):
        return f"it is near {best}, at every length"
    return f"it is near {best}, up to length {data.lengths[line.near - 1]:,}"


def shown(data: HorizonData, score: float) -> str:
    """A score as the page shows it: a share as per cent."""
    return f"{significant(100 * score)} %" if data.metric.name == "accuracy" else significant(score)


def draw_horizon(data: HorizonData) -> str:
    """A line for each level, each replicate as a dot, means with their intervals, chance and the best possible."""
    across, upright = _across(data), _upright(data)
    base = LEFT + across.place(data.lengths) * INNER_WIDTH
    lines = [part for i, line in enumerate(data.drawn) for part in _drawn(data, i, line, base, upright)]
    inner = element(
        "svg",
        *lines,
        x=LEFT,
        y=TOP,
        width=INNER_WIDTH,
        height=INNER_HEIGHT,
        viewBox=f"{LEFT} {TOP} {INNER_WIDTH} {INNER_HEIGHT}",
    )
    return picture(
        f"{data.metric.label[:1].upper()}{data.metric.label[1:]} by length, a line for each {data.by or 'study'}",
        " ".join(sentences(data)),
        *_frame(data, across, upright),
        *_limits(data, upright),
        inner,
        *_ends(data, upright),
        viewBox=f"0 0 {_width(data):g} {HEIGHT}",
        class_="profiles horizon",
    )


def _width(data: HorizonData) -> float:
    """Of the whole picture, names included."""
    longest = max(min(len(name), LONGEST_NAME) for name in (data.by, *(line.level for line in data.drawn)))
    return EDGE + 8 + SAMPLE + LETTER * max(longest, 4)


def _across(data: HorizonData) -> Axis:
    low, high = data.lengths[0], data.lengths[-1]
    aside = APART * (len(data.drawn) - 1) / 2 + 2 * ASIDE
    return axis(low, high, pad=max(0.06, aside / (INNER_WIDTH - 2 * aside)), log=high > LOG_RATIO * low)


def _upright(data: HorizonData) -> Axis:
    limits = [value for line in data.lines for value in (line.chance, line.best) if math.isfinite(value)]
    scores = [value for line in data.lines for at in line.waited for value in (*at.scores, at.low, at.high)]
    low, high = min(limits), max(limits)
    finite = [value for value in scores if math.isfinite(value) and value >= low - LOWEST * (high - low)]
    return axis(min([low, *finite]), max([high, *(value for value in finite if value <= high)]), pad=0.07)


def _height(value: float, upright: Axis) -> float:
    return round(TOP + (1 - float(upright.place(value))) * INNER_HEIGHT, 1)


def _drawn(data: HorizonData, i: int, line: Line, base: Floats, upright: Axis) -> list[str]:
    x = base + APART * (i - (len(data.drawn) - 1) / 2)
    y = TOP + (1 - upright.place([at.mean for at in line.waited])) * INNER_HEIGHT
    look = {"class_": f"profile by-{i % len(DASHES)}", "fill": "none", "stroke": "currentColor"}
    bars = "".join(
        f"M{at:.1f} {_height(one.low, upright):g}V{_height(one.high, upright):g}"
        for at, one in zip(x.tolist(), line.waited, strict=True)
        if math.isfinite(one.low)
    )
    cloud = "".join(
        f"M{at + ASIDE:.1f} {_height(score, upright):g}h0"
        for at, one in zip(x.tolist(), line.waited, strict=True)
        for score in one.scores
    )
    dots = {"stroke_width": 4, "stroke_linecap": "round", "stroke_opacity": 0.45}
    means = [
        element("circle", cx=round(float(a), 1), cy=round(float(b), 1), r=3.4)
        for a, b in zip(x, y, strict=True)
        if math.isfinite(b)
    ]
    return [
        element("path", d=cloud, **dots, **look),
        element("path", d=bars, stroke_width=1.5, **look),
        element("path", d=line_path(x, y), stroke_width=2, stroke_dasharray=DASHES[i % len(DASHES)], **look),
        element("g", *means, class_=f"profile-dots by-{i % len(DASHES)}"),
    ]


def _ends(data: HorizonData, upright: Axis) -> list[str]:
    """Each line's name at its right end, a line of text apart where ends lie close."""
    floor = TOP + INNER_HEIGHT
    last = [
        next((at.mean for at in reversed(line.waited) if math.isfinite(at.mean)), line.chance) for line in data.drawn
    ]
    ends = sorted(
        (min(_height(mean, upright), floor), line.level)
        for mean, line in zip(last, data.drawn, strict=True)
        if line.level
    )
    placed: list[float] = []
    for height, _ in ends:
        placed.append(max(height, placed[-1] + LABEL_GAP) if placed else height)
    excess = max(0.0, placed[-1] - floor) if placed else 0.0
    places = {line.level: i for i, line in enumerate(data.drawn)}
    return [
        part
        for y, (_, level) in zip(placed, ends, strict=True)
        for part in _named(level, places[level], round(y - excess, 1))
    ]


def _named(level: str, i: int, y: float) -> list[str]:
    """A piece of the line and its name."""
    x = EDGE + 4
    look = {"class_": f"profile by-{i % len(DASHES)}", "stroke_width": 2, "stroke_dasharray": DASHES[i % len(DASHES)]}
    name = shortened(level, LONGEST_NAME)
    return [
        element("path", d=f"M{x} {y:g}h{SAMPLE}", stroke="currentColor", **look),
        text(name, x=x + SAMPLE + 4, y=round(y + 3.5, 1), class_="profile-name"),
    ]


def _limits(data: HorizonData, upright: Axis) -> list[str]:
    """Dashed lines at chance and at the best possible, each named once."""
    known = {
        (value, name) for line in data.lines for value, name in ((line.chance, "chance"), (line.best, "best possible"))
    }
    parts = []
    for value, name in sorted(found for found in known if math.isfinite(found[0])):
        y = _height(value, upright)
        parts.append(element("path", d=f"M{LEFT} {y:g}h{INNER_WIDTH}", class_="limit", stroke="currentColor"))
        says = f"{name} {shown(data, value)}"
        end = {"x": LEFT + 3} if name == "chance" else {"x": EDGE - 3, "text_anchor": "end"}
        parts.append(text(says, y=round(y - 4, 1), class_="limit-label", **end))
    return parts


def _frame(data: HorizonData, across: Axis, upright: Axis) -> list[str]:
    ticks = upright.ticks(4)
    heights = [_height(value, upright) for value in ticks]
    names = [f"{round(100 * t)} %" for t in ticks] if data.metric.name == "accuracy" else tick_labels(ticks)
    beside = [text(name, x=LEFT - 5, y=y + 3.5) for name, y in zip(names, heights, strict=True)]
    base = TOP + INNER_HEIGHT
    below, free = [], -math.inf
    for length, x in zip(data.lengths, (LEFT + across.place(data.lengths) * INNER_WIDTH).tolist(), strict=True):
        if x >= free:
            below.append(text(f"{length:,}", x=round(x, 1), y=base + 14))
            free = x + LEAST_TICK
    grid = "".join(f"M{LEFT} {y:g}h{INNER_WIDTH}" for y in heights)
    scale = "length in steps, log scale" if across.log else "length in steps"
    return [
        element("path", d=grid, stroke="currentColor", stroke_opacity=0.12),
        element("path", d=f"M{LEFT} {base}h{INNER_WIDTH}", stroke="currentColor"),
        element("g", *beside, text_anchor="end"),
        element("g", *below, text_anchor="middle"),
        text(scale, x=EDGE, y=base + 29, text_anchor="end", class_="unit"),
        text(data.metric.label, x=0, y=TOP - 6, class_="unit"),
        text(data.by, x=_width(data), y=TOP - 6, text_anchor="end", class_="unit"),
    ]


def table_rows(data: HorizonData) -> tuple[tuple[str, ...], ...]:
    """The picture as rows of words: a length, then each line's mean, interval and what diverged there."""
    return tuple(
        (f"{length:,}", *(_cell(data, line.waited[i]) for line in data.lines)) for i, length in enumerate(data.lengths)
    )


def _cell(data: HorizonData, at: Waited) -> str:
    if not at.scores:
        return f"all {at.diverged} diverged"
    interval = f" ({shown(data, at.low)} to {shown(data, at.high)})" if math.isfinite(at.low) else ""
    return f"{shown(data, at.mean)}{interval}{f'; {at.diverged} diverged' if at.diverged else ''}"
