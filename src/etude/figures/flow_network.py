"""A small network with one example in it: what flows forward through its units, and what flows back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from etude.figures.many import Place, texts
from etude.figures.network import shown_units
from etude.figures.numbers import listed, plural
from etude.figures.small import plus, small
from etude.figures.svg import element, picture
from etude.values.step_record import NetworkSeen

Floats = NDArray[np.float64]
Way = Literal["forward", "backward"]

WIDTH, HEIGHT, EDGE, FOOT = 460, 300, 40, 36
RADIUS, ROOM = 20, 11
"""Of a unit at most, and the least that has room for a number inside."""

WIDTHS = (0.6, 1.2, 2.0, 3.0, 4.4)
"""Of lines: a fifth of the largest each, so that a picture has few paths however many weights it has."""

THINNEST = 0.02
"""A line that is a smaller share of the largest is left out."""

MOST_TABLED = 40
TABLE_HEADS = ("layer", "unit", "says", "derivative of the loss by it")


@dataclass(frozen=True, slots=True, eq=False)
class FlowNetworkData:
    """What one way through the network carries.

    units: by layer, inputs first: forward what each unit says, backward the derivative of the example's loss by it
    edges: by layer of weights, shape (units, units before): forward weight × what the unit before says, backward the
           derivative of the loss by the weight
    """

    way: Way
    example: int
    names: tuple[str, ...]
    units: tuple[Floats, ...]
    edges: tuple[Floats, ...]


def flow_network_data(seen: NetworkSeen, way: Way) -> FlowNetworkData:
    """Forward, activations and what each weight passes on; backward, error signals and the weights' gradients."""
    if way == "backward":
        return FlowNetworkData(way, seen.example, seen.names, seen.errors, seen.gradients)
    edges = tuple(weights * before[None, :] for weights, before in zip(seen.weights, seen.values, strict=False))
    return FlowNetworkData(way, seen.example, seen.names, seen.values, edges)


def draw_flow_network(data: FlowNetworkData) -> str:
    """Wider lines carry more; solid ones are positive, dashed ones negative; the number in a unit is its own."""
    places = [_places(i, layer.size, len(data.units)) for i, layer in enumerate(data.units)]
    largest = max((float(np.nanmax(np.abs(edges), initial=0.0)) for edges in data.edges), default=0.0) or 1.0
    lines = [
        path
        for edges, before, after in zip(data.edges, places, places[1:], strict=False)
        for path in _edges(edges / largest, before, after)
    ]
    title = f"What example {data.example} makes the network say"
    if data.way == "backward":
        title = f"What the loss of example {data.example} asks of the network"
    look = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "class_": f"flow-network {data.way}", "width": WIDTH}
    return picture(title, describe(data), *lines, *_units(data.units, places), *_names(data, places), **look)


def _places(layer: int, size: int, layers: int) -> list[Place]:
    shown = shown_units(size)
    x = EDGE + (WIDTH - 2 * EDGE) * layer / max(layers - 1, 1)
    gap = min((HEIGHT - FOOT - 12) / max(shown + (shown < size), 1), 52)
    top = (HEIGHT - FOOT) / 2 - gap * (shown + (shown < size) - 1) / 2
    return [(round(x, 1), round(top + gap * i, 1)) for i in range(shown)]


def _radius(places: Sequence[Place]) -> float:
    return RADIUS if len(places) < 2 else min(RADIUS, round(0.42 * (places[1][1] - places[0][1]), 1))


def _edges(shares: Floats, before: Sequence[Place], after: Sequence[Place]) -> list[str]:
    """One path for each width and sign."""
    drawn: dict[tuple[int, bool], list[str]] = {}
    for i, (x2, y2) in enumerate(after):
        for j, (x1, y1) in enumerate(before):
            share = float(shares[i, j])
            if abs(share) >= THINNEST:
                level = min(int(abs(share) * len(WIDTHS)), len(WIDTHS) - 1)
                drawn.setdefault((level, share < 0), []).append(f"M{x1:g} {y1:g}L{x2:g} {y2:g}")
    return [
        element(
            "path",
            d="".join(lines),
            class_="negative" if negative else "positive",
            stroke_width=WIDTHS[level],
            stroke_dasharray="5 3" if negative else None,
        )
        for (level, negative), lines in sorted(drawn.items())
    ]


def _units(layers: Sequence[Floats], places: Sequence[Sequence[Place]]) -> list[str]:
    """The circles, over grounds that hide the lines behind them, and in those that have room what they say."""
    grounds: dict[float, str] = {}
    for of in places:
        grounds[_radius(of)] = grounds.get(_radius(of), "") + "".join(f"M{x:g} {y:g}h0" for x, y in of)
    look = {"class_": "ground", "stroke_linecap": "round"}
    told = [
        (small(value, 2).replace(" × ", "·"), x, round(y + 3.5, 1))
        for layer, of in zip(layers, places, strict=True)
        if _radius(of) >= ROOM
        for value, (x, y) in zip(layer.tolist(), of, strict=False)
    ]
    return [
        *(element("path", d=d, stroke_width=2 * radius, **look) for radius, d in grounds.items()),
        *(mark for layer, of in zip(layers, places, strict=True) for mark in _circles(layer, of)),
        texts(told, text_anchor="middle"),
    ]


def _circles(layer: Floats, places: Sequence[Place]) -> list[str]:
    """The fuller the colour, the larger the number beside the others of its layer."""
    radius, largest = _radius(places), float(np.nanmax(np.abs(layer), initial=0.0)) or 1.0
    circles = []
    for value, (x, y) in zip(layer.tolist(), places, strict=False):
        sign = "zero" if value == 0 else "negative" if value < 0 else "positive"
        share = None if value == 0 or not np.isfinite(value) else round(0.1 + 0.45 * abs(value) / largest, 2)
        circles.append(element("circle", cx=x, cy=y, r=radius, class_=sign, fill_opacity=share))
    return circles


def _names(data: FlowNetworkData, places: Sequence[Sequence[Place]]) -> list[str]:
    columns = list(zip(data.names, data.units, places, strict=True))
    wide = [(f"… {layer.size} units", of[-1][0], of[-1][1] + 26) for _, layer, of in columns if len(of) < layer.size]
    counts = [(plural(layer.size, "unit"), of[0][0], HEIGHT - 5) for _, layer, of in columns]
    names = [(name, of[0][0], HEIGHT - 18) for name, _, of in columns]
    return [texts([*wide, *counts], text_anchor="middle"), texts(names, class_="name", text_anchor="middle")]


def describe(data: FlowNetworkData) -> str:
    """The picture in a sentence: what the outputs say, or what the loss asks of each layer."""
    if data.way == "forward":
        said = listed(small(value) for value in data.units[-1][:4].tolist())
        silent = [int((layer == 0).sum()) for layer in data.units[1:]]
        return (
            f"Layers of {listed(str(one.size) for one in data.units)} units. Output: {said}. Silent units by layer: "
            f"{listed(map(str, silent))}."
        )
    norms = [
        f"{small(float(np.linalg.norm(layer)))} at {name}" for name, layer in zip(data.names, data.units, strict=True)
    ]
    return f"The norm of the error signal, from the inputs on: {listed(norms)}."


def table_rows(forward: FlowNetworkData, backward: FlowNetworkData) -> tuple[tuple[str, ...], ...]:
    """Both pictures as rows of words, a row a unit; of large networks those with the largest error signals."""
    rows = [
        (abs(error), (name, str(i), small(value), plus(error)))
        for name, values, errors in zip(forward.names, forward.units, backward.units, strict=True)
        for i, (value, error) in enumerate(zip(values.tolist(), errors.tolist(), strict=True))
    ]
    if len(rows) > MOST_TABLED:
        rows = sorted(rows, key=lambda row: -row[0])[:MOST_TABLED]
    return tuple(row for _, row in rows)
