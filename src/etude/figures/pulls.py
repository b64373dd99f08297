"""Who pulls: how the step changes each example's loss, those it helps to the left and those it hurts to the right."""

from dataclasses import dataclass

import numpy as np

from etude.figures.axes import Axis, axis, tick_labels
from etude.figures.many import Box, boxes, texts
from etude.figures.numbers import percent, plural
from etude.figures.small import plus, small
from etude.figures.svg import element, picture, text
from etude.values.step_record import Pull, Pulls

WIDTH, LEFT, RIGHT = 620, 58, 58
"""Beside the axis there is room for its outermost numbers, and for the words of a side that is empty."""

TOP, BARS, MARKS = 14, 92, 18
BINS = 40
STRONGEST = 5
"""Examples on either side that are drawn one by one."""

ALMOST = 1e-12
"""A bar's end nearer to 0 than this part of its width is 0."""

USUAL = 0.01
"""Pulls beyond this quantile from either end stand in the outermost bar where they are far out."""

TABLE_HEADS = ("example", "target", "its loss", "change of it, first order", "cosine", "label")


@dataclass(frozen=True, slots=True)
class PullsData:
    """How many examples there are in each stretch of the axis.

    counts:  by bin, from left to right
    beyond:  how many of them are outside the axis, left and right, counted in the outermost bins
    """

    axis: Axis
    counts: tuple[int, ...]
    beyond: tuple[int, int]
    helped: tuple[Pull, ...]
    hurt: tuple[Pull, ...]
    share_helped: float
    examples: int


def pulls_data(pulls: Pulls) -> PullsData | None:
    """A histogram of all pulls; None where none is finite."""
    finite = pulls.all_pulls[np.isfinite(pulls.all_pulls)]
    if not finite.size:
        return None
    low, high = (float(end) for end in np.quantile(finite, (USUAL, 1 - USUAL)))
    width = (high - low) or abs(high) or 1e-9
    least, most = max(float(finite.min()), low - width), min(float(finite.max()), high + width)
    across = axis(min(least, 0.0), max(most, 0.0), pad=0.03)
    edges = _edges(across)
    counts = np.histogram(np.clip(finite, edges[0], edges[-1]), edges)[0]
    beyond = int((finite < across.low).sum()), int((finite > across.high).sum())
    return PullsData(
        across,
        tuple(counts.tolist()),
        beyond,
        pulls.helped[:STRONGEST],
        pulls.hurt[:STRONGEST],
        pulls.share_helped,
        finite.size,
    )


def _edges(across: Axis) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Edges of bins of one width, one of which is 0, so that no bar holds both those helped and those hurt."""
    width = (across.high - across.low) / BINS
    return np.arange(np.floor(across.low / width), np.ceil(across.high / width) + 1) * width


def draw_pulls(data: PullsData) -> str:
    """A bar for each stretch, as high as there are examples in it; below, the strongest one by one.

    Triangles point where the example's loss goes; those with a flipped label are ringed.
    """
    base, zero = TOP + BARS, _at(0.0, data.axis)
    frame = [
        element("path", d=f"M{zero:g} {TOP - 4}V{base + MARKS}", class_="zero-line", stroke="currentColor"),
        text("← helped", x=zero - 8, y=TOP - 3, text_anchor="end", class_="side"),
        text("hurt →", x=zero + 8, y=TOP - 3, class_="side"),
        *_ticks(data.axis, base + MARKS + 14),
    ]
    look = {"viewBox": f"0 0 {WIDTH} {base + MARKS + 30}", "class_": "pulls", "width": WIDTH}
    title = "How the step changes the loss of each example"
    return picture(title, describe(data), *_bars(data), *frame, *_marks(data, base + MARKS / 2 + 1), **look)


def _at(pull: float, across: Axis) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * min(max(float(across.place(pull)), 0.0), 1.0), 1)


def _bars(data: PullsData) -> list[str]:
    """One path for those helped and one for those hurt."""
    edges, most = _edges(data.axis).tolist(), max(data.counts, default=1) or 1
    bars = [
        (end <= ALMOST * abs(start), _bar(_at(start, data.axis), _at(end, data.axis), count / most))
        for start, end, count in zip(edges[:-1], edges[1:], data.counts, strict=True)
        if count
    ]
    return [
        boxes((bar for is_helped, bar in bars if is_helped), class_="helped"),
        boxes((bar for is_helped, bar in bars if not is_helped), class_="hurt"),
    ]


def _bar(left: float, right: float, share: float) -> Box:
    high = max(BARS * share, 1.0)
    return left + 0.5, TOP + BARS - high, max(right - left - 1, 0.5), high


def _marks(data: PullsData, y: float) -> list[str]:
    shown = (*data.helped, *data.hurt)
    down = "".join(f"M{_at(one.pull, data.axis):g} {y + 4:g}l5-8h-10z" for one in shown if one.pull < 0)
    up = "".join(f"M{_at(one.pull, data.axis):g} {y - 4:g}l5 8h-10z" for one in shown if one.pull >= 0)
    rings = [
        element("circle", cx=_at(one.pull, data.axis), cy=y, r=8, class_="flipped", fill="none")
        for one in shown
        if one.flipped
    ]
    return [*(element("path", d=d, class_=f"{kind} one") for d, kind in ((down, "helped"), (up, "hurt")) if d), *rings]


def _ticks(across: Axis, y: float) -> list[str]:
    ticks = across.ticks(5)
    told = zip(tick_labels(ticks), ticks, strict=True)
    return [texts(((label, _at(tick, across), y) for label, tick in told), text_anchor="middle")]


def describe(data: PullsData) -> str:
    """The picture in a sentence."""
    best, worst = (next(iter(of), None) for of in (data.helped, data.hurt))
    told = f"Of {plural(data.examples, 'example')} the step helps {percent(data.share_helped)}, to first order."
    if best is not None:
        told += f" Most it helps example {best.example}, by {plus(best.pull)}."
    if worst is not None:
        told += f" Most it hurts example {worst.example}, by {plus(worst.pull)}."
    return told


def label_text(one: Pull) -> str:
    """Whether a label was flipped on purpose, as words."""
    return "not known" if one.flipped is None else "flipped" if one.flipped else "as it was"


def table_rows(data: PullsData) -> tuple[tuple[str, ...], ...]:
    """The strongest pulls as rows of words, the most helped first and the most hurt last."""
    return tuple(
        (str(one.example), one.label, small(one.loss), plus(one.pull), small(one.cosine, 2), label_text(one))
        for one in (*data.helped, *reversed(data.hurt))
    )
