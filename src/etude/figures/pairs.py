"""Two arms under the glass: how many times as large a quantity is under the one, every pair and the mean of all."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from etude.figures.axes import Axis, axis, tick_labels
from etude.figures.many import texts
from etude.figures.numbers import level, plural
from etude.figures.small import small
from etude.figures.svg import element, picture, text

SIDES, LINE, ROW, TRACK = 22, 15, 62, 40
"""Heights of the words for both sides, of a further line of them, of a quantity, and from its top to its interval."""

TOGETHER = 52
"""Characters of the words for both sides that fit on one line of the narrowest screen, of 360 points."""

EDGE = 3.0
"""Per cent of the width on either side of the axis."""

LOWEST, HIGHEST = 0.5, 2.0
"""The axis reaches at least from half as large to twice."""


Interval = tuple[float, float, float]
"""A mean, and the lower and upper end of its interval."""


@dataclass(frozen=True, slots=True)
class PairsRow:
    """One quantity: treated over control in each pair, and their geometric mean with its interval."""

    name: str
    detail: str
    ratios: tuple[float, ...]
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairsData:
    """Rows on one logarithmic axis; 1 is where the arms are alike."""

    control: str
    treated: str
    level: float
    rows: tuple[PairsRow, ...]
    axis: Axis


def pairs_row(name: str, detail: str, sides: tuple[Sequence[float], Sequence[float]], mean: Interval) -> PairsRow:
    """A row from both sides of each pair, control first, and their mean ratio with its interval.

    >>> pairs_row("gradient", "", ((2.0, 0.0), (1.0, 3.0)), (0.5, 0.4, 0.6)).ratios
    (0.5,)
    """
    ratios = tuple(
        treated / control for control, treated in zip(*sides, strict=True) if control and math.isfinite(control)
    )
    return PairsRow(name, detail, ratios, *mean)


def middle(values: Sequence[float]) -> float:
    """The median of those that are finite; NaN without one.

    >>> middle([3.0, 1.0, float("nan"), 2.0])
    2.0
    """
    finite = [value for value in values if math.isfinite(value)]
    return statistics.median(finite) if finite else math.nan


def pairs_data(rows: Sequence[PairsRow], *, control: str, treated: str, level: float) -> PairsData | None:
    """None without a ratio that has a logarithm."""
    values = [one for row in rows for one in (*row.ratios, row.mean, row.low, row.high) if 0 < one < math.inf]
    if not values:
        return None
    across = axis(min(LOWEST, *values), max(HIGHEST, *values), pad=0.04, log=True)
    return PairsData(control, treated, level, tuple(rows), across)


def draw_pairs(data: PairsData) -> str:
    """Under each name the bar is the interval, the diamond on it the mean, dots below it the pairs; the line is at 1.

    As wide as there is room, in per cent, so that words keep their size on a narrow screen.
    """
    top = SIDES + (LINE if _are_apart(data) else 0)
    tops = [top + ROW * i for i in range(len(data.rows))]
    marks = [part for row, y in zip(data.rows, tops, strict=True) for part in _row(row, y + TRACK, data.axis)]
    names = (
        texts(((row.name, 0.0, y + 13) for row, y in zip(data.rows, tops, strict=True)), class_="name"),
        texts((row.detail, 0.0, y + 26) for row, y in zip(data.rows, tops, strict=True)),
    )
    height = top + ROW * len(data.rows)
    look = {"class_": "pairs", "width": "100%", "height": height + 22}
    title = f"{data.treated} against {data.control}, on the same example"
    return picture(title, describe(data), *_frame(data, (top, height)), *names, *marks, **look)


def _are_apart(data: PairsData) -> bool:
    """Whether the words for both sides need a line each."""
    return len("".join(_sides(data))) > TOGETHER


def _sides(data: PairsData) -> tuple[str, str]:
    return f"← smaller under {data.treated}", f"larger under {data.treated} →"


def _frame(data: PairsData, between: tuple[int, int]) -> list[str]:
    (left, right), (top, base) = _sides(data), between
    ticks = data.axis.ticks()
    places = [_at(tick, data.axis) for tick in ticks]
    told = zip(tick_labels(ticks, log=True), places, strict=True)
    look = {"stroke": "currentColor", "y1": top, "y2": base}
    labels = [text(f"× {name}", x=x, y=base + 14) for name, x in told]
    one = _at(1.0, data.axis)
    return [
        *(element("line", x1=x, x2=x, class_="grid", **look) for x in places),
        element("line", x1=one, x2=one, class_="zero-line", **look),
        element("g", *labels, text_anchor="middle"),
        text(left, x=0, y=12, class_="side"),
        text(right, x="100%", y=12 + (LINE if _are_apart(data) else 0), text_anchor="end", class_="side"),
    ]


def _at(ratio: float, across: Axis) -> str:
    place = min(max(float(across.place(ratio)), 0.0), 1.0)
    return f"{EDGE + (100 - 2 * EDGE) * place:.1f}%"


def _row(row: PairsRow, y: float, across: Axis) -> list[str]:
    dots = [
        element("circle", cx=_at(one, across), cy=y + 11, r=3, class_="pair-dot")
        for one in row.ratios
        if 0 < one < math.inf
    ]
    if not 0 < row.mean < math.inf:
        return [*dots, text("no estimate", x=0, y=y + 4)]
    reach = element("line", x1=_at(row.low, across), x2=_at(row.high, across), y1=y, y2=y, class_="pair-reach")
    diamond = element("path", d="M0-6l6 6-6 6-6-6z", class_="pair-mean")
    return [*dots, reach, element("svg", diamond, x=_at(row.mean, across), y=y, overflow="visible")]


def ratio_text(row: PairsRow) -> str:
    """The mean ratio with its interval.

    >>> ratio_text(PairsRow("", "", (0.5,), 0.5, 0.25, 1.0))
    '× 0.5 (0.25 to 1)'
    """
    if not 0 < row.mean < math.inf:
        return "no estimate"
    return f"× {small(row.mean)} ({small(row.low)} to {small(row.high)})"


def describe(data: PairsData) -> str:
    """The picture in a sentence."""
    pairs = max((len(row.ratios) for row in data.rows), default=0)
    told = "; ".join(f"{row.name} {ratio_text(row)}" for row in data.rows)
    return f"{plural(pairs, 'pair')}; geometric means with {level(data.level)} intervals, by Student's t: {told}."
