"""How the error signal and the gradients of the weights change from layer to layer, on a logarithmic scale."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from etude.figures.axes import Axis, axis, tick_labels
from etude.figures.many import texts
from etude.figures.numbers import plural
from etude.figures.small import small
from etude.figures.svg import element, picture, text
from etude.values.step_record import LayerSeen

WIDTH, LEFT, RIGHT, TOP, ROW = 620, 190, 16, 8, 24
MOST_ROWS = 40
LETTERS = 26


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One layer; a norm is None where there is none, and 0 where nothing arrives."""

    label: str
    kind: str
    error: float | None
    gradient: float | None


@dataclass(frozen=True, slots=True)
class FlowData:
    """The layers in the order in which they are called; `axis` is logarithmic, None where every norm is 0.

    left: layers that are not drawn, because there are too many
    """

    rows: tuple[FlowRow, ...]
    axis: Axis | None
    left: int = 0


def gradient_flow(layers: Sequence[LayerSeen], among: Iterable[LayerSeen] = ()) -> FlowData | None:
    """The norms of each layer; None without layers.

    among: layers of other steps, whose norms have a place on the axis too, so that steps can be held beside each other
    """
    if not layers:
        return None
    norms = [norm for one in (*layers, *among) for norm in (one.error, one.weight_gradient) if norm is not None]
    there = [norm for norm in norms if math.isfinite(norm) and norm > 0]
    across = axis(min(there), max(there), pad=0.06, log=True) if there else None
    rows = tuple(FlowRow(one.name, one.kind, one.error, one.weight_gradient) for one in layers[:MOST_ROWS])
    return FlowData(rows, across, max(0, len(layers) - MOST_ROWS))


def draw_flow(data: FlowData) -> str:
    """A row a layer, the inputs' on top: a circle for the error signal, a diamond for the gradient of the weights."""
    height = TOP + ROW * len(data.rows) + 20
    rows = [part for i, row in enumerate(data.rows) for part in _row(row, TOP + ROW * (i + 0.5), data.axis)]
    frame = [] if data.axis is None else _frame(data.axis, TOP + ROW * len(data.rows))
    title = "The gradient on its way through the layers"
    look = {"viewBox": f"0 0 {WIDTH} {height}", "class_": "flow", "width": WIDTH}
    return picture(title, describe(data), *frame, _line(data), *rows, **look)


def _at(norm: float, across: Axis) -> float:
    place = min(max(float(across.place(norm)), 0.0), 1.0) if norm > 0 else 0.0
    return round(LEFT + (WIDTH - LEFT - RIGHT) * place, 1)


def _line(data: FlowData) -> str:
    """The error signal's way from row to row."""
    points = [
        (_at(row.error, data.axis), TOP + ROW * (i + 0.5))
        for i, row in enumerate(data.rows)
        if data.axis is not None and _is_shown(row.error) and row.error is not None
    ]
    d = "L".join(f"{x:g} {y:g}" for x, y in points)
    return element("path", d=f"M{d}", class_="error-line", fill="none") if points else ""


def _row(row: FlowRow, y: float, across: Axis | None) -> list[str]:
    name = f"{row.kind} {row.label}".strip()
    named = [text(_cut(name), x=0, y=y + 4, class_="name")]
    if across is None:
        return [*named, text("no gradient arrives", x=LEFT, y=y + 4)]
    marks = [
        _mark(norm, y, across, shape)
        for norm, shape in ((row.error, "error"), (row.gradient, "weights"))
        if norm is not None
    ]
    return [*named, *marks]


def _mark(norm: float, y: float, across: Axis, shape: str) -> str:
    if not math.isfinite(norm):
        return text("not finite", x=WIDTH - RIGHT, y=y + 4, text_anchor="end", class_="broken")
    x = _at(norm, across)
    none = "" if norm > 0 else " none"
    if shape == "error":
        return element("circle", cx=x, cy=y, r=5, class_=f"error{none}")
    return element("path", d=f"M{x:g} {y - 6:g}l6 6-6 6-6-6z", class_=f"weights{none}")


def _frame(across: Axis, base: float) -> list[str]:
    ticks = across.ticks()
    places = [_at(tick, across) for tick in ticks]
    grid = element("path", d="".join(f"M{x:g} {TOP}V{base:g}" for x in places), class_="grid", stroke="currentColor")
    told = zip(tick_labels(ticks, log=True), places, strict=True)
    return [grid, texts(((label, x, base + 14) for label, x in told), text_anchor="middle")]


def _is_shown(norm: float | None) -> bool:
    return norm is not None and math.isfinite(norm)


def _cut(label: str) -> str:
    return label if len(label) <= LETTERS else f"{label[: LETTERS - 9]}…{label[-8:]}"


def describe(data: FlowData) -> str:
    """The picture in a sentence: how much of the error signal at the last layer is left at the first."""
    errors = [row.error for row in data.rows if row.error is not None and math.isfinite(row.error)]
    if not errors or errors[-1] == 0:
        return f"{plural(len(data.rows), 'layer')}; no error signal arrives."
    return (
        f"{plural(len(data.rows), 'layer')}. The error signal is {small(errors[-1])} at the output of the last and "
        f"{small(errors[0])} at that of the first, {small(errors[0] / errors[-1])} times as much."
    )
