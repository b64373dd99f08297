"""The loss over a plane through the weights, and the way that training took through it.

Source: Li et al. (2018), arXiv:1712.09913.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.axes import axis
from etude.figures.contours import lines_over
from etude.figures.numbers import plural
from etude.figures.plane import Plane
from etude.figures.png import palette_png
from etude.figures.small import small
from etude.figures.svg import element, picture, text
from etude.values.step_record import LossSurface

Floats = NDArray[np.float64]

SIDE, LEFT, TOP, BOTTOM = 300, 44, 20, 34
LEVELS = 9
SHADES = 32
LOW, HIGH = (0, 114, 178), (250, 250, 248)
"""Blue of Okabe and Ito (2008) where the loss is low, near white where it is high."""

FINE = 4
"""Shades are interpolated to so many points a cell, so that no cell of the grid is mistaken for a step of the loss."""

TABLE_SIDE = 7
LOG_RATIO = 20.0
"""Losses that span more than this factor are shaded by their logarithm."""


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceData:
    """The loss on a grid.

    log:    whether shades and lines are spaced by the loss's logarithm
    levels: of the loss, lowest first, and the lines at each, in the coordinates of the plane
    """

    surface: LossSurface
    log: bool
    levels: tuple[tuple[float, tuple[Floats, ...]], ...]


def surface_data(surface: LossSurface) -> SurfaceData | None:
    """None where no loss on the grid is finite."""
    finite = surface.losses[np.isfinite(surface.losses)]
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    log = low > 0 and high > LOG_RATIO * low
    heights = _heights(surface.losses, log=log)
    ends = float(np.nanmin(heights)), float(np.nanmax(heights))
    at = np.linspace(*ends, LEVELS + 2)[1:-1].tolist() if ends[1] > ends[0] else []
    levels = tuple((math.exp(one) if log else one, lines_over(heights, one, surface.across, surface.up)) for one in at)
    return SurfaceData(surface, log, levels)


def _heights(losses: Floats, *, log: bool) -> Floats:
    """Losses as they are shaded; what is not finite is as high as the highest."""
    top = float(losses[np.isfinite(losses)].max())
    filled = np.where(np.isfinite(losses), losses, top)
    return np.log(filled) if log else filled


def draw_surface(data: SurfaceData) -> str:
    """The darker, the lower the loss; lines join places of one loss; dots are the steps, joined in their order."""
    of = data.surface
    plane = Plane(
        axis(float(of.across[0]), float(of.across[-1])), axis(float(of.up[0]), float(of.up[-1])), LEFT, TOP, SIDE, SIDE
    )
    ground = element("image", href=_shades(data), x=LEFT, y=TOP, width=SIDE, height=SIDE, preserveAspectRatio="none")
    lines = [plane.line(line[:, 0], line[:, 1], class_="level") for _, lines in data.levels for line in lines]
    frame = plane.frame(("first direction", "second direction"), grid=False)
    look = {"viewBox": f"0 0 {LEFT + SIDE + 8} {TOP + SIDE + BOTTOM}", "class_": "surface", "width": LEFT + SIDE + 8}
    return picture(
        "The loss around the weights, and the way through it", describe(data), ground, *lines, *_way(of, plane), *frame,
        **look,
    )  # fmt: skip


def _shades(data: SurfaceData) -> str:
    heights = _heights(data.surface.losses, log=data.log)
    low, high = float(heights.min()), float(heights.max())
    share = _finer((heights - low) / ((high - low) or 1.0))
    palette = [
        (
            round(LOW[0] + (HIGH[0] - LOW[0]) * one),
            round(LOW[1] + (HIGH[1] - LOW[1]) * one),
            round(LOW[2] + (HIGH[2] - LOW[2]) * one),
        )
        for one in (0.35 + 0.65 * i / SHADES for i in range(SHADES + 1))
    ]
    return palette_png(np.flipud(np.rint(share * SHADES).astype(np.uint8)), palette)


def _finer(field: Floats) -> Floats:
    """Bilinear interpolation between the grid's points."""
    rows, columns = (np.linspace(0, n - 1, FINE * (n - 1) + 1) for n in field.shape)
    wide = np.stack([np.interp(columns, np.arange(field.shape[1]), row) for row in field])
    return np.stack([np.interp(rows, np.arange(field.shape[0]), column) for column in wide.T], axis=1)


def _way(of: LossSurface, plane: Plane) -> list[str]:
    if not len(of.trajectory):
        return []
    x, y = of.trajectory[:, 0], of.trajectory[:, 1]
    ends = sorted({0, len(x) - 1})
    named = [
        part for i in ends for part in _end(plane.point(float(x[i]), float(y[i])), of.steps[i], last=i == len(x) - 1)
    ]
    under = plane.line(x, y, class_="way-under")
    return [under, plane.line(x, y, class_="way"), plane.dots(x, y, class_="stop", stroke_linecap="round"), *named]


def _end(at: tuple[float, float], step: int, *, last: bool) -> list[str]:
    x, y = at
    mark = element("circle", cx=x, cy=y, r=5, class_="last" if last else "first")
    return [mark, text(f"step {step}", x=x + 8, y=y - 6, class_="stop-name")]


def describe(data: SurfaceData) -> str:
    """The picture in a sentence."""
    of = data.surface
    low, high = float(np.nanmin(of.losses)), float(of.losses[np.isfinite(of.losses)].max())
    way = ""
    if len(of.steps) > 1:
        way = (
            f" The way of {plural(len(of.steps), 'stop')}, from step {of.steps[0]} to step {of.steps[-1]}, is drawn in."
        )
    spaced = ", spaced by its logarithm" if data.log else ""
    return f"Axes: {of.directions}. The loss is between {small(low)} and {small(high)} on the grid{spaced}.{way}"


def table_heads(data: SurfaceData) -> tuple[str, ...]:
    """The heads of the columns of `table_rows`."""
    return ("second ↓, first →", *(small(float(data.surface.across[j])) for j in _columns(data)))


def _columns(data: SurfaceData) -> list[int]:
    return [round(i) for i in np.linspace(0, data.surface.across.size - 1, TABLE_SIDE).tolist()]


def table_rows(data: SurfaceData) -> tuple[tuple[str, ...], ...]:
    """The losses on a coarse grid, as rows of words."""
    of = data.surface
    rows = [round(i) for i in np.linspace(of.up.size - 1, 0, TABLE_SIDE).tolist()]
    return tuple((small(float(of.up[i])), *(small(float(of.losses[i, j])) for j in _columns(data))) for i in rows)
