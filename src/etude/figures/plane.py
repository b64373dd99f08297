"""A rectangle with two axes: where values fall in it, and the round numbers beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etude.figures.axes import Axis, tick_labels
from etude.figures.many import texts
from etude.figures.svg import element, line_path, text

Floats = NDArray[np.float64]

FINE = 4
"""Points of lines are placed on a quarter of the picture's unit."""


@dataclass(frozen=True, slots=True)
class Plane:
    """The axes, and where the rectangle is in the picture."""

    across: Axis
    up: Axis
    left: float
    top: float
    width: float
    height: float

    def x(self, values: ArrayLike) -> Floats:
        """Where values of the horizontal axis are in the picture."""
        return np.asarray(self.left + self.across.place(values) * self.width)

    def y(self, values: ArrayLike) -> Floats:
        """Where values of the vertical axis are, counted downwards."""
        return np.asarray(self.top + (1 - self.up.place(values)) * self.height)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """One point, rounded to a tenth."""
        return round(float(self.x(x)), 1), round(float(self.y(y)), 1)

    def line(self, x: ArrayLike, y: ArrayLike, **look: object) -> str:
        """A line through points of the plane; what is not finite breaks it, and it ends where it leaves the plane."""
        places, heights = _inside(self.across.place(x), self.up.place(y))
        across, down = self.left + places * self.width, self.top + (1 - heights) * self.height
        path = element("path", d=line_path(across * FINE, down * FINE), fill="none", **look)
        return element("g", path, transform=f"scale({1 / FINE:g})")

    def dots(self, x: ArrayLike, y: ArrayLike, **look: object) -> str:
        """Points as one path, whose caps are the marks: round ones or, by `stroke_linecap`, squares."""
        places = zip((self.x(x) * FINE).tolist(), (self.y(y) * FINE).tolist(), strict=True)
        d = "".join(f"M{a:.0f} {b:.0f}h0" for a, b in places)
        return element("g", element("path", d=d, **look), transform=f"scale({1 / FINE:g})") if d else ""

    def frame(self, names: tuple[str, str], *, grid: bool = True) -> list[str]:
        """Round numbers below and beside, and what the axes are."""
        base = self.top + self.height
        return [
            *(self._grid() if grid else ()),
            *self._below(self.across.ticks(5), base),
            *self._beside(self.up.ticks(4)),
            text(names[0], x=self.left + self.width, y=base + 27, text_anchor="end", class_="unit"),
            text(names[1], x=self.left, y=self.top - 6, class_="unit"),
        ]

    def _grid(self) -> list[str]:
        heights = self.y(self.up.ticks(4)).tolist()
        d = "".join(f"M{self.left:g} {y:.1f}h{self.width:g}" for y in heights)
        return [element("path", d=d, class_="grid", stroke="currentColor")] if d else []

    def _below(self, ticks: Sequence[float], base: float) -> list[str]:
        places = np.round(self.x(ticks), 1).tolist()
        told = zip(tick_labels(tuple(ticks), log=self.across.log), places, strict=True)
        return [texts(((label, x, base + 14) for label, x in told), text_anchor="middle")]

    def _beside(self, ticks: Sequence[float]) -> list[str]:
        places = np.round(self.y(ticks) + 3.5, 1).tolist()
        told = zip(tick_labels(tuple(ticks), log=self.up.log), places, strict=True)
        return [texts(((label, self.left - 6, y) for label, y in told), text_anchor="end")]


def _inside(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The points with heights from 0 to 1, and those where the line between two points crosses 0 or 1; NaN between."""
    points: list[tuple[float, float]] = []
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    for one, other in pairwise([(math.nan, math.nan), *pairs, (math.nan, math.nan)]):
        if 0 <= one[1] <= 1:
            points.append(one)
        edges = [edge for edge in (0.0, 1.0) if one[1] < edge < other[1] or other[1] < edge < one[1]]
        for part, edge in sorted(((edge - one[1]) / (other[1] - one[1]), edge) for edge in edges):
            points.append((one[0] + part * (other[0] - one[0]), edge))
        if not 0 <= other[1] <= 1:
            points.append((math.nan, math.nan))
    found = np.array(points).reshape(-1, 2)
    return found[:, 0], found[:, 1]
