"""What a network of two inputs answers over the plane: its boundary, the Bayes boundary, and its units' lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.axes import axis
from etude.figures.contours import lines_over
from etude.figures.decision import EVEN, shaded
from etude.figures.numbers import listed, percent, plural
from etude.figures.plane import Plane
from etude.figures.small import small
from etude.figures.svg import element, picture, text
from etude.values.step_record import Boundary, UnitLine

Floats = NDArray[np.float64]

SIDE, LEFT, TOP, BOTTOM = 280, 34, 20, 34
MOST_POINTS = 160
TABLE_HEADS = ("unit", "its line", "on the batch")
ALMOST = 1e-12

NAMED_AT = (0.05, 0.13, 0.21, 0.29)
"""Where along its line a unit's number stands, in turn, so that lines that begin together have their names apart."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameData:
    """One frame.

    boundaries, bayes: where the answer, and the best possible one, crosses ½; none of a regression
    lines:     the units' lines with their two ends in the frame
    agreement: share of the plane on which both name the same class; NaN where the best is not known
    scale:     the answers at the two ends of the colours
    """

    step: int
    boundary: Boundary
    boundaries: tuple[Floats, ...]
    bayes: tuple[Floats, ...]
    lines: tuple[tuple[UnitLine, tuple[float, float, float, float]], ...]
    agreement: float
    scale: tuple[float, float]


def frame_data(boundary: Boundary, *, step: int) -> FrameData | None:
    """None where an answer is not finite."""
    answers, bayes = boundary.answers, boundary.bayes
    if not np.isfinite(answers).all():
        return None
    chances = bool((answers >= 0).all() and (answers <= 1).all())
    lines = tuple((line, ends) for line in boundary.lines if (ends := _ends(line, boundary)) is not None)
    known = chances and bayes is not None and bool(np.isfinite(bayes).all())
    return FrameData(
        step=step,
        boundary=boundary,
        boundaries=_crossed(answers, boundary) if chances else (),
        bayes=_crossed(bayes, boundary) if known and bayes is not None else (),
        lines=lines,
        agreement=float(((answers > EVEN) == (bayes > EVEN)).mean()) if known and bayes is not None else float("nan"),
        scale=(0.0, 1.0) if chances else (float(answers.min()), float(answers.max())),
    )


def _crossed(field: Floats, of: Boundary) -> tuple[Floats, ...]:
    return lines_over(field, EVEN, of.across, of.up)


def _ends(line: UnitLine, of: Boundary) -> tuple[float, float, float, float] | None:
    """The two points at which a·x + b·y + c = 0 meets the frame; None where it does not pass through it."""
    x0, x1, y0, y1 = (float(end) for end in (of.across[0], of.across[-1], of.up[0], of.up[-1]))
    met = []
    if abs(line.b) > ALMOST:
        met += [(x, y) for x in (x0, x1) if y0 <= (y := -(line.a * x + line.c) / line.b) <= y1]
    if abs(line.a) > ALMOST:
        met += [(x, y) for y in (y0, y1) if x0 <= (x := -(line.b * y + line.c) / line.a) <= x1]
    apart = sorted(set(met))
    return (*apart[0], *apart[-1]) if len(apart) > 1 else None


def draw_frame(data: FrameData) -> str:
    """Colours are the answer; thick: its boundary; dashes: the Bayes boundary; thin lines: where units change sides."""
    of = data.boundary
    plane = Plane(
        axis(float(of.across[0]), float(of.across[-1])), axis(float(of.up[0]), float(of.up[-1])), LEFT, TOP, SIDE, SIDE
    )
    low, high = data.scale
    ground = element(
        "image",
        href=shaded((of.answers - low) / ((high - low) or 1.0)),
        x=LEFT, y=TOP, width=SIDE, height=SIDE, preserveAspectRatio="none",
    )  # fmt: skip
    units = [part for line, ends in data.lines for part in _unit(line, ends, plane)]
    bounds = [
        plane.line(line[:, 0], line[:, 1], class_=kind)
        for kind, lines in (("bayes", data.bayes), ("boundary", data.boundaries))
        for line in lines
    ]
    frame = plane.frame(("input 1", "input 2"), grid=False)
    title = f"What the network answers before step {data.step}"
    look = {"viewBox": f"0 0 {LEFT + SIDE + 6} {TOP + SIDE + BOTTOM}", "class_": "boundary-frame", "width": SIDE + 40}
    return picture(title, describe(data), ground, *_examples(of, plane), *units, *bounds, *frame, **look)


def _examples(of: Boundary, plane: Plane) -> list[str]:
    """Round dots are of class 0, squares of class 1; of many examples an even choice."""
    inside = (
        (of.points[:, 0] >= of.across[0]) & (of.points[:, 0] <= of.across[-1])
        & (of.points[:, 1] >= of.up[0]) & (of.points[:, 1] <= of.up[-1])
    )  # fmt: skip
    points, labels = of.points[inside], of.labels[inside]
    every = max(1, -(-len(points) // MOST_POINTS))
    points, labels = points[::every], labels[::every]
    high = labels > EVEN
    return [
        plane.dots(points[~high, 0], points[~high, 1], class_="low", stroke_linecap="round"),
        plane.dots(points[high, 0], points[high, 1], class_="high", stroke_linecap="square"),
    ]


def _unit(line: UnitLine, ends: Sequence[float], plane: Plane) -> list[str]:
    (x1, y1), (x2, y2) = plane.point(*ends[:2]), plane.point(*ends[2:])
    kind = "unit-line" if line.alive else "unit-line dead"
    drawn = element("path", d=f"M{x1:g} {y1:g}L{x2:g} {y2:g}", class_=kind)
    name = f"{line.unit}" if line.alive else f"{line.unit} dead"
    along = NAMED_AT[line.unit % len(NAMED_AT)]
    x, y = x1 + along * (x2 - x1), max(y1 + along * (y2 - y1) - 3, TOP + 9)
    return [drawn, text(name, x=round(x, 1), y=round(y, 1), class_=kind)]


def describe(data: FrameData) -> str:
    """The picture in a sentence."""
    units = data.boundary.lines
    dead = [str(line.unit) for line in units if not line.alive]
    low, high = data.scale
    told = "The probability of class 1 over the plane of the two inputs"
    if not data.boundaries and data.scale != (0.0, 1.0):
        told = f"The prediction over the plane of the two inputs, from {small(low)} to {small(high)}"
    if np.isfinite(data.agreement):
        told += f"; it names the same class as the Bayes rule on {percent(data.agreement)} of it"
    if units:
        silent = f"unit{'s' if len(dead) > 1 else ''} {listed(dead)} of the first layer" if dead else "none"
        told += f". Dead on the batch: {silent}, of {plural(len(units), 'unit')}"
    return f"{told}."


def line_text(line: UnitLine) -> str:
    """Where a unit changes sides, as a formula.

    >>> line_text(UnitLine(0, 1.0, -2.5, 0.3, alive=True))
    '1 x − 2.5 y + 0.3 = 0'
    """
    b, c = (f"{'−' if value < 0 else '+'} {small(abs(value))}" for value in (line.b, line.c))
    return f"{small(line.a)} x {b} y {c} = 0"


def table_rows(data: FrameData) -> tuple[tuple[str, ...], ...]:
    """The units' lines as rows of words."""
    return tuple((str(line.unit), line_text(line), "alive" if line.alive else "dead") for line in data.boundary.lines)
