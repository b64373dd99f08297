"""How far it went: the score before and after on one axis, between what a guess scores and the best possible."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from etude.figures.axes import axis
from etude.figures.learning_curves import named_limits
from etude.figures.numbers import decimals, number, significant
from etude.figures.svg import element, picture, text
from etude.values.metric import Limit, Metric
from etude.values.treatment import Outcome

HEIGHT = 126
SCALE_AT, SIDES_AT, NAMES_AT, ROW = 66, 44, 88, 14
LETTER, USUAL_WIDTH = 6.1, 620.0
"""Width of a letter, and of the picture, in pixels: what names that would touch are moved apart by."""

EDGE = 12.0
"""Names nearer to an edge, in per cent, begin or end at their place instead of being centred on it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A named value; `at` in per cent of the width, `row` the line its name stands in, from 0."""

    name: str
    value: float
    at: float
    row: int = 0


@dataclass(frozen=True, slots=True)
class DistanceData:
    """Both sides of a fresh comparison.

    before, after: the sides' means
    reach:         the ends of their intervals, in per cent of the width; None where there is no interval
    limits:        what is known of the scale, from left to right
    """

    metric: Metric
    before: Mark
    after: Mark
    reach: tuple[tuple[float, float] | None, tuple[float, float] | None]
    limits: tuple[Mark, ...]
    places: int


def distance_data(outcome: Outcome, metric: Metric, *, limit: Limit | None = None) -> DistanceData | None:
    """Where both sides fall; None where either never finished."""
    sides = outcome.before, outcome.after
    if not all(math.isfinite(side.mean) for side in sides):
        return None
    known = [(_name(name), value) for name, value in named_limits(limit)]
    ends = [end for side in sides for end in (side.mean, side.low, side.high) if math.isfinite(end)]
    across = axis(min(*ends, *(value for _, value in known)), max(*ends, *(value for _, value in known)), pad=0.06)

    def at(value: float) -> float:
        return float(100 * across.place(value))

    placed = sorted((Mark(name, value, at(value)) for name, value in _merged(known)), key=lambda mark: mark.at)
    places = min(decimals(min(_widths(outcome), default=0.0)), 4)
    before, after = (
        Mark(name, side.mean, at(side.mean)) for name, side in zip(("before", "after"), sides, strict=True)
    )
    reach = tuple((at(side.low), at(side.high)) if math.isfinite(side.low + side.high) else None for side in sides)
    return DistanceData(metric, before, after, (reach[0], reach[1]), _apart(placed, places), places)


def _widths(outcome: Outcome) -> list[float]:
    widths = [side.high - side.low for side in (outcome.before, outcome.after)]
    return [width for width in (*widths, abs(outcome.effect.mean)) if math.isfinite(width) and width > 0]


def _name(name: str) -> str:
    return "best possible" if name == "Bayes limit" else name


def _merged(known: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Limits that read alike have one name."""
    names: dict[str, list[tuple[str, float]]] = {}
    for name, value in known:
        names.setdefault(significant(value), []).append((name, value))
    return [(" and ".join(name for name, _ in of), of[0][1]) for of in names.values()]


def _apart(placed: Sequence[Mark], places: int) -> tuple[Mark, ...]:
    """The limits with their names in as many lines as keep them from touching."""
    ends: list[float] = []
    shown = []
    for mark in placed:
        width = 100 * LETTER * len(_words(mark, places)) / USUAL_WIDTH
        start = mark.at - width / 2
        row = next((i for i, end in enumerate(ends) if end < start), len(ends))
        ends[row : row + 1] = [start + width + 1]
        shown.append(Mark(mark.name, mark.value, mark.at, row))
    return tuple(shown)


def _words(mark: Mark, places: int) -> str:
    return f"{mark.name} {number(mark.value, max(places, 3) if abs(mark.value) < 10 else places)}"


def draw_distance(data: DistanceData) -> str:
    """The scale with its limits below, both sides above, and an arrow from the one to the other."""
    scale = element("line", x1="0%", x2="100%", y1=SCALE_AT, y2=SCALE_AT, class_="scale", stroke="currentColor")
    parts = [scale, *(part for mark in data.limits for part in _limit(mark, data.places))]
    parts += [*_arrow(data), *_side(data, data.before, data.reach[0]), *_side(data, data.after, data.reach[1])]
    rows = 1 + max((mark.row for mark in data.limits), default=0)
    title = f"{data.metric.label[:1].upper()}{data.metric.label[1:]} before and after"
    look = {"width": "100%", "height": HEIGHT - 2 * ROW + ROW * (rows - 1), "class_": "distance"}
    return picture(title, describe(data), *parts, **look)


def _limit(mark: Mark, places: int) -> list[str]:
    kind = "limit-mark best" if "best possible" in mark.name else "limit-mark"
    tick = element("line", x1=_at(mark.at), x2=_at(mark.at), y1=SCALE_AT - 7, y2=SCALE_AT + 7, class_=kind)
    name = text(_words(mark, places), x=_at(mark.at), y=NAMES_AT + ROW * mark.row, text_anchor=_anchor(mark.at))
    return [tick, name]


def _side(data: DistanceData, mark: Mark, reach: tuple[float, float] | None) -> list[str]:
    parts = []
    if reach is not None:
        low, high = reach
        bar = {"y1": SCALE_AT, "y2": SCALE_AT, "stroke": "currentColor", "stroke_width": 9}
        parts.append(element("line", x1=_at(low), x2=_at(high), class_=f"side-reach {mark.name}", **bar))
    dot = element("circle", cx=_at(mark.at), cy=SCALE_AT, r=6.5, class_=f"side-dot {mark.name}")
    words = f"{mark.name} {number(mark.value, data.places)}"
    height = SIDES_AT - 22 if mark.name == "before" and _would_touch(data) else SIDES_AT
    return [
        *parts,
        dot,
        text(words, x=_at(mark.at), y=height, text_anchor=_anchor(mark.at), class_=f"side-name {mark.name}"),
    ]


def _would_touch(data: DistanceData) -> bool:
    return abs(data.before.at - data.after.at) * USUAL_WIDTH / 100 < 110


def _arrow(data: DistanceData) -> list[str]:
    one, other = data.before.at, data.after.at
    return [element("line", x1=_at(one), x2=_at(other), y1=SCALE_AT, y2=SCALE_AT, class_="went", stroke_width=3)]


def _anchor(at: float) -> str:
    if at < EDGE:
        return "start"
    return "end" if at > 100 - EDGE else "middle"


def describe(data: DistanceData) -> str:
    """The picture in words."""
    way = "lower" if data.metric.lower_is_better else "higher"
    sides = " to ".join(number(mark.value, data.places) for mark in (data.before, data.after))
    limits = "".join(f"; {_words(mark, data.places)}" for mark in data.limits)
    return f"From {sides}, {way} is better{limits}."


def _at(percent: float) -> str:
    return f"{percent:.1f}".removesuffix(".0") + "%"
