"""The batch's loss along the step and along minus the gradient, beside what first and second order promised."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.axes import axis
from etude.figures.plane import Plane
from etude.figures.small import plus, small
from etude.figures.svg import element, picture, text
from etude.values.step_record import LossLine, StepRecord

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 440, 270
LEFT, TOP, INNER_WIDTH, INNER_HEIGHT = 52, 20, 376, 212

MOST_ROWS = 16

TABLE_HEADS = ("times the step", "loss along the step", "along −gradient", "first order", "second order")


@dataclass(frozen=True, slots=True, eq=False)
class LossLineData:
    """The loss at multiples of the step; 0 is before it and 1 after.

    straight: what first order promises
    ends:     the loss before and after
    """

    step: int
    line: LossLine
    straight: Floats
    ends: tuple[float, float]


def loss_line_data(record: StepRecord) -> LossLineData | None:
    """None where the loss was not tried along the step."""
    if record.line is None:
        return None
    worked = record.worked
    straight = worked.before + record.line.distances * worked.first
    return LossLineData(record.step, record.line, straight, (worked.before, worked.after))


def draw_loss_line(data: LossLineData) -> str:
    """Solid: the loss along the step; dashes: along −gradient; dots: second order; thin: first order."""
    plane = _plane(data)
    at = data.line.distances
    lines = [
        plane.line(at, data.straight, class_="first-order"),
        plane.line(at, data.line.quadratic, class_="second-order"),
        plane.line(at, data.line.along_gradient, class_="along-gradient"),
        plane.line(at, data.line.along_step, class_="along-step"),
    ]
    title = f"The loss along step {data.step}"
    frame = plane.frame(("times the step", "loss of the batch"))
    box = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "class_": "loss-line", "width": WIDTH}
    return picture(title, describe(data), *frame, *lines, *_ends(data, plane), **box)


def _plane(data: LossLineData) -> Plane:
    """The measured losses fill the height, unless one of them explodes; promises leave the frame where they must."""
    at = data.line.distances
    measured = np.concatenate([data.line.along_step, data.line.along_gradient])
    seen = np.array([*measured[np.isfinite(measured)], *(end for end in data.ends if np.isfinite(end))])
    if not seen.size:
        seen = np.array([0.0, 1.0])
    low, high = float(seen.min()), float(seen.max())
    near = max(abs(data.ends[1] - data.ends[0]), float(np.median(seen) - low)) if np.isfinite(data.ends).all() else 0.0
    up = axis(low, min(high, low + 6 * near) if near > 0 else high, pad=0.06)
    return Plane(axis(float(at.min()), float(at.max())), up, LEFT, TOP, INNER_WIDTH, INNER_HEIGHT)


def _ends(data: LossLineData, plane: Plane) -> list[str]:
    """Marks at the loss before and after."""
    marks = []
    for place, loss, name in ((0.0, data.ends[0], "before"), (1.0, data.ends[1], "after")):
        if not np.isfinite(loss):
            continue
        x, y = plane.point(place, float(np.clip(loss, plane.up.low, plane.up.high)))
        marks += [element("circle", cx=x, cy=y, r=4.5, class_=f"end {name}"), text(name, x=x + 7, y=y - 7)]
    return marks


def describe(data: LossLineData) -> str:
    """The picture in a sentence: before, after, and where along the step the loss would be lowest."""
    before, after = data.ends
    along = np.where(np.isfinite(data.line.along_step), data.line.along_step, np.inf)
    best = float(data.line.distances[int(along.argmin())])
    return (
        f"The loss is {small(before, 4)} before the step and {small(after, 4)} after it, a change of "
        f"{plus(after - before)}. Of the points tried along the step it is lowest at {small(best)} times the step."
    )


def table_rows(data: LossLineData) -> tuple[tuple[str, ...], ...]:
    """The picture as rows of words, of every third point where there are many."""
    every = 1 if data.line.distances.size < MOST_ROWS else 3
    columns = (data.line.distances, data.line.along_step, data.line.along_gradient, data.straight, data.line.quadratic)
    return tuple(
        (small(row[0]), *(small(value, 4) for value in row[1:]))
        for row in zip(*(column[::every].tolist() for column in columns), strict=True)
    )
