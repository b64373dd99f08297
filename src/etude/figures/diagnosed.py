"""The picture of a diagnosis: training and validation on one axis, the best place, and where each finding is seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.axes import Axis, tick_labels
from etude.figures.decimate import kept_points
from etude.figures.diagnosed_data import DiagnosedData, Line, Shaded, describe
from etude.figures.numbers import NOT_FINITE, significant
from etude.figures.svg import band_path, element, line_path, picture, text

WIDTH, INNER_HEIGHT = 420, 190
LEFT, RIGHT, BOTTOM = 44, 70, 32
INNER_WIDTH = WIDTH - LEFT - RIGHT
HEAD, LANE = 12, 17
"""Above the curves, and for each row of numbered places."""

FINE = 2
"""Curves are drawn on a grid this many times finer than the picture's unit, so that whole numbers are exact enough."""

FEW = 30
"""Curves of at most so many points show each as a dot."""

WHOLE = 0.85
"""A place that covers more of the axis is marked, not shaded."""

NARROWEST = 5.0
LETTER = 6.0
"""Of words inside the picture, at most."""

OFF = 8
"""Between the right end of the axis and a line's name, so that a mark on the end touches no letter."""

LABEL_GAP = 11.5


def draw_diagnosed(data: DiagnosedData, *, points: int = 160, thin: int = 60) -> str:
    """Raw lines thin, the median over them; the best place named; each finding's place shaded and numbered.

    points: at most so many of each line, the lowest and the highest of each stretch
    thin:   how many replicates are drawn as lines, the first ones
    """
    lanes = _lanes(data)
    top = HEAD + LANE * (max(lanes, default=-1) + 1)
    place = {"x": LEFT, "y": top, "width": INNER_WIDTH, "height": INNER_HEIGHT}
    lines = [part for line in data.lines for part in _curves(data, line, points, thin)]
    inner = element("svg", *lines, viewBox=f"0 0 {INNER_WIDTH * FINE} {INNER_HEIGHT * FINE}", **place)
    return picture(
        _title(data),
        describe(data),
        *_shades(data, lanes, top),
        *_frame(data, top),
        *_levels(data, top),
        inner,
        *_best_mark(data, top),
        *_broken(data, top),
        *_names(data, top),
        viewBox=f"0 0 {WIDTH} {top + INNER_HEIGHT + BOTTOM}",
        class_="diagnosed",
    )


def _title(data: DiagnosedData) -> str:
    named = " and ".join(line.series.split for line in data.lines).capitalize()
    return f"{named} {data.quantity} of {data.source}"


def _curves(data: DiagnosedData, line: Line, points: int, thin: int) -> list[str]:
    series, kind = line.series, "train" if line.series.split == "train" else "held-out"
    x = data.across.place(series.steps) * INNER_WIDTH * FINE
    outline = {"fill": "none", "stroke": "currentColor"}
    several = series.replicates.shape[0] > 1
    each = max(24, points // 3) if several else points
    kept = kept_points(series.replicates[:thin], each)
    y = _drop(series.replicates[:thin], data.upright)
    raw = "".join(line_path(x[row], y[i, row]) for i, row in enumerate(kept))
    look = "thin" if several or line.middle else "raw"
    parts = [element("path", d=raw, class_=f"{look} {kind}", **outline)]
    if several:
        few = kept_points(series.median[None, :], points)[0]
        low, high, median = (_drop(values, data.upright) for values in (series.low, series.high, series.median))
        parts.insert(
            0, element("path", d=band_path(x[few], low[few], high[few]), class_=f"band {kind}", fill_opacity=0.13)
        )
        parts.append(element("path", d=line_path(x[few], median[few]), class_=f"middle {kind}", **outline))
    elif line.middle is not None:
        steps, medians = line.middle
        path = line_path(data.across.place(steps) * INNER_WIDTH * FINE, _drop(medians, data.upright))
        parts.append(element("path", d=path, class_=f"middle {kind}", **outline))
    elif series.steps.size <= FEW:
        good = np.isfinite(y[0])
        spots = "".join(f"M{a:.0f} {b:.0f}h0" for a, b in zip(x[good], y[0][good], strict=True))
        parts.append(element("path", d=spots, class_=f"spots {kind}", **outline))
    return parts


def _drop(values: NDArray[np.float64], upright: Axis) -> NDArray[np.float64]:
    """Values as heights from the top of the fine grid; far outside the frame is cut, it cannot be seen."""
    placed = 1 - upright.place(values)
    return np.where(np.isnan(placed), np.nan, np.clip(placed, -1.0, 2.0)) * INNER_HEIGHT * FINE


def _frame(data: DiagnosedData, top: float) -> list[str]:
    ticks = data.upright.ticks(4)
    heights = [_height(data, value, top) for value in ticks]
    grid = "".join(f"M{LEFT} {y:g}h{INNER_WIDTH}" for y in heights)
    names = tick_labels(ticks, log=data.upright.log)
    beside = [text(name, x=LEFT - 5, y=round(y + 3.5, 1)) for name, y in zip(names, heights, strict=True)]
    base = top + INNER_HEIGHT
    scale = f"{data.quantity}{f', {data.unit}' if data.unit else ''}{', log scale' if data.upright.log else ''}"
    return [
        element("path", d=grid, stroke="currentColor", stroke_opacity=0.12),
        element("path", d=f"M{LEFT} {base}h{INNER_WIDTH}", stroke="currentColor", stroke_opacity=0.6),
        element("g", *beside, text_anchor="end"),
        element("g", *_below(data, base), text_anchor="middle"),
        text(f"{data.x}s", x=LEFT + INNER_WIDTH, y=base + 27, text_anchor="end", class_="unit"),
        text(scale, x=LEFT, y=base + 27, class_="unit"),
    ]


def _below(data: DiagnosedData, base: float) -> list[str]:
    ticks = tuple(tick for tick in data.across.ticks(4) if tick.is_integer())
    places = LEFT + data.across.place(ticks) * INNER_WIDTH
    return [text(label, x=round(float(x)), y=base + 13) for x, label in zip(places, tick_labels(ticks), strict=True)]


def _height(data: DiagnosedData, value: float, top: float) -> float:
    return round(top + (1 - float(data.upright.place(value))) * INNER_HEIGHT, 1)


def _x(data: DiagnosedData, step: float) -> float:
    return float(np.clip(LEFT + float(data.across.place(step)) * INNER_WIDTH, LEFT, LEFT + INNER_WIDTH))


def _levels(data: DiagnosedData, top: float) -> list[str]:
    """A dotted line at each level, and its name."""
    heights = sorted(_height(data, value, top) for _, value in data.levels)
    lines = (element("path", d=f"M{LEFT} {y:g}h{INNER_WIDTH}", class_="limit", stroke="currentColor") for y in heights)
    right = LEFT + INNER_WIDTH - 3
    names = (
        text(name.words, class_="named", x=right, y=round(name.baseline, 1), text_anchor="end")
        for name in _level_names(data, top)
    )
    return [*lines, *names]


@dataclass(frozen=True, slots=True)
class _Words:
    """Words inside the picture: their baseline, and from where to where they reach."""

    words: str
    baseline: float
    reach: tuple[float, float]


def _level_names(data: DiagnosedData, top: float) -> list[_Words]:
    """The names of the levels, each above or below its line; those of lines that lie close share a line of text."""
    heights = sorted((_height(data, value, top), f"{words} {significant(value)}") for words, value in data.levels)
    named: list[tuple[float, list[str]]] = []
    for y, words in heights:
        if named and y - named[-1][0] < LABEL_GAP:
            named[-1][1].append(words)
        else:
            named.append((y, [words]))
    placed: list[_Words] = []
    for y, together in named:
        told = ", ".join(together)
        places = [at for at in (y - 4, y + 11) if top + 9 <= at <= top + INNER_HEIGHT - 1] or [y - 4]
        reach = (LEFT + INNER_WIDTH - LETTER * len(told), float(LEFT + INNER_WIDTH))
        placed.append(_freest(data, [_Words(told, at, reach) for at in places], top, placed))
    return placed


def _freest(data: DiagnosedData, places: Sequence[_Words], top: float, taken: Sequence[_Words]) -> _Words:
    """The place that is farthest from every line and from all words that are there already."""

    def room(here: _Words) -> float:
        beside = (one for one in taken if one.reach[0] < here.reach[1] and here.reach[0] < one.reach[1])
        apart = min((abs(here.baseline - one.baseline) for one in beside), default=INNER_HEIGHT)
        return min(apart, _room(data, here.reach, here.baseline - 4, top))

    return max(places, key=room)


def _ends(data: DiagnosedData, place: Shaded) -> tuple[float, float]:
    left, right = _x(data, place.first), _x(data, place.last)
    missing = max(0.0, NARROWEST - (right - left)) / 2
    return left - missing, right + missing


def _lanes(data: DiagnosedData) -> list[int]:
    """The row of each place's number, so that none lies over another."""
    taken: list[list[tuple[float, float]]] = []
    lanes = []
    for place in data.places:
        left, right = _ends(data, place)
        low, high = min(left, (left + right) / 2 - 9), max(right, (left + right) / 2 + 9)
        free = (i for i, ends in enumerate(taken) if all(high < other or end < low for other, end in ends))
        lane = next(free, len(taken))
        taken += [[]] if lane == len(taken) else []
        taken[lane].append((low, high))
        lanes.append(lane)
    return lanes


def _shades(data: DiagnosedData, lanes: Sequence[int], top: float) -> list[str]:
    """Behind the curves a shade from first to last; above them a bar of the same width with the finding's number."""
    parts = []
    for place, lane in zip(data.places, lanes, strict=True):
        left, right = (round(end, 1) for end in _ends(data, place))
        bar = HEAD + LANE * lane + LANE / 2 - 6
        if right - left < WHOLE * INNER_WIDTH:
            parts.append(
                element(
                    "rect", x=left, y=bar, width=round(right - left, 1), height=top + INNER_HEIGHT - bar, class_="shade"
                )
            )
        parts.append(element("path", d=f"M{left:g} {bar:g}H{right:g}", class_="reach"))
        middle = round((left + right) / 2, 1)
        parts.append(element("circle", cx=middle, cy=bar, r=7, class_="count"))
        parts.append(text(str(place.number), x=middle, y=bar + 3.6, text_anchor="middle", class_="count-name"))
    return parts


def _best_mark(data: DiagnosedData, top: float) -> list[str]:
    if data.best is None:
        return []
    step, value = data.best
    base = top + INNER_HEIGHT
    x, y = round(_x(data, step), 1), float(np.clip(_height(data, value, top), top, base))
    left = x > LEFT + 0.62 * INNER_WIDTH
    aside = {"x": x - 5, "text_anchor": "end"} if left else {"x": x + 5}
    words = f"{'best' if data.runs == 1 else 'median best'}: {data.x} {step:,}, {significant(value)}"
    wide = LETTER * len(words)
    reach = (x - wide, x) if left else (x, x + wide)
    places = [
        _Words(words, at, reach) for at in (top + 11, *(top + INNER_HEIGHT * part / 4 for part in (1, 2, 3)), base - 6)
    ]
    free = _freest(data, places, top, _level_names(data, top))
    return [
        element("path", d=f"M{x:g} {top}V{base}", class_="best-line"),
        element("circle", cx=x, cy=y, r=4.2, class_="best"),
        text(words, y=round(free.baseline, 1), class_="named", **aside),
    ]


def _room(data: DiagnosedData, reach: tuple[float, float], middle: float, top: float) -> float:
    """How far a word at this height is from every line."""
    off = [INNER_HEIGHT / 4]
    for line in data.lines:
        x = LEFT + data.across.place(line.series.steps) * INNER_WIDTH
        y = top + (1 - data.upright.place(line.series.median)) * INNER_HEIGHT
        good = np.isfinite(y)
        off.append(float(np.abs(np.interp(np.linspace(*reach, 12), x[good], y[good]) - middle).min()))
    return min(off)


def _broken(data: DiagnosedData, top: float) -> list[str]:
    """A cross where a curve stops being a number, one for those that stop together."""
    steps = sorted({line.broken for line in data.lines if line.broken is not None and data.runs == 1})
    parts = []
    for step in steps[:1]:
        x, y = round(_x(data, step), 1), top + 14
        parts.append(element("path", d=f"M{x - 5:g} {y - 5}l10 10m0-10l-10 10", class_="broken"))
        side = {"x": x - 9, "text_anchor": "end"} if x > LEFT + INNER_WIDTH / 2 else {"x": x + 9}
        parts.append(text(f"{NOT_FINITE} from {data.x} {step:,}", y=y + 4, class_="named", **side))
    return parts


def _names(data: DiagnosedData, top: float) -> list[str]:
    """Each line's name at its right end, a line of text apart where ends lie close."""
    ends = []
    for line in data.lines:
        finite = line.series.median[np.isfinite(line.series.median)]
        last = line.middle[1][np.isfinite(line.middle[1])][-1] if line.middle is not None else None
        value = float(last if last is not None else finite[-1]) if finite.size else data.upright.high
        ends.append((float(np.clip(_height(data, value, top), top + 4, top + INNER_HEIGHT)), line.series.split))
    ends.sort()
    placed: list[float] = []
    for height, _ in ends:
        placed.append(max(height, placed[-1] + LABEL_GAP) if placed else height)
    excess = max(0.0, placed[-1] - (top + INNER_HEIGHT))
    return [
        text(name, x=LEFT + INNER_WIDTH + OFF, y=round(y - excess + 3.5, 1), class_=f"line-name {_kind(name)}")
        for y, (_, name) in zip(placed, ends, strict=True)
    ]


def _kind(split: str) -> str:
    return "train" if split == "train" else "held-out"


def draw_glance(data: DiagnosedData, *, points: int = 18) -> str:
    """The curves alone, as small as a word, for the row of a table."""
    width, height = 96, 26
    parts = []
    for line in data.lines:
        series = line.series
        few = kept_points(series.median[None, :], points)[0]
        x = data.across.place(series.steps[few]) * width * FINE
        y = np.clip(1 - data.upright.place(series.median[few]), -0.2, 1.2) * height * FINE
        kind = _kind(series.split)
        parts.append(element("path", d=line_path(x, y), class_=f"raw {kind}", fill="none", stroke="currentColor"))
    box = f"0 0 {width * FINE} {height * FINE}"
    return element("svg", *parts, viewBox=box, width=width, height=height, aria_hidden="true", class_="glimpse")
