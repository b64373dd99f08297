"""Two arms under the glass: how many times as large a quantity is under the one, every pair and the mean of all."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from etude.figures.axes import Axis, axis, tick_labels
from etude.figures.many import strokes, texts
from etude.figures.numbers import level, plural
from etude.figures.small import small
from etude.figures.svg import element, picture, text

WIDTH, LEFT, RIGHT, TOP, ROW = 760, 262, 16, 22, 34
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
    """The bar is the interval, the diamond on it the mean, dots below it the pairs; the line is at 1."""
    middles = [TOP + ROW * (i + 0.5) for i in range(len(data.rows))]
    marks = [part for row, y in zip(data.rows, middles, strict=True) for part in _row(row, y, data.axis)]
    names = (
        texts(((row.name, 0.0, y) for row, y in zip(data.rows, middles, strict=True)), class_="name"),
        texts((row.detail, 0.0, y + 13) for row, y in zip(data.rows, middles, strict=True)),
    )
    height = TOP + ROW * len(data.rows)
    look = {"viewBox": f"0 0 {WIDTH} {height + 20}", "class_": "pairs", "width": WIDTH}
    title = f"{data.treated} against {data.control}, on the same example"
    return picture(title, describe(data), *_frame(data, height), *names, *marks, **look)


def _frame(data: PairsData, base: float) -> list[str]:
    ticks = data.axis.ticks()
    places = [_at(tick, data.axis) for tick in ticks]
    one = _at(1.0, data.axis)
    told = zip(tick_labels(ticks, log=True), places, strict=True)
    return [
        strokes((((x, TOP), (x, base)) for x in places), class_="grid", stroke="currentColor"),
        element("path", d=f"M{one:g} {TOP - 4}V{base}", class_="zero-line", stroke="currentColor"),
        texts(((f"× {name}", x, base + 14) for name, x in told), text_anchor="middle"),
        text(f"← smaller under {data.treated}", x=one - 8, y=12, text_anchor="end", class_="side"),
        text(f"larger under {data.treated} →", x=one + 8, y=12, class_="side"),
    ]


def _at(ratio: float, across: Axis) -> float:
    place = min(max(float(across.place(ratio)), 0.0), 1.0)
    return round(LEFT + (WIDTH - LEFT - RIGHT) * place, 1)


def _row(row: PairsRow, y: float, across: Axis) -> list[str]:
    d = "".join(f"M{_at(one, across):g} {y + 9:g}h0" for one in row.ratios if 0 < one < math.inf)
    dots = [element("path", d=d, class_="pair-dots", stroke_linecap="round")] if d else []
    if not 0 < row.mean < math.inf:
        return [*dots, text("no estimate", x=LEFT, y=y + 14)]
    x = _at(row.mean, across)
    reach = element("path", d=f"M{_at(row.low, across):g} {y:g}H{_at(row.high, across):g}", class_="pair-reach")
    return [*dots, reach, element("path", d=f"M{x:g} {y - 6:g}l6 6-6 6-6-6z", class_="pair-mean")]


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
