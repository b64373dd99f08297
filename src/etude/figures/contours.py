"""Level lines of a field on a grid, by marching squares."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Edge = tuple[int, int, int]
"""An edge of the grid: 0 along a row or 1 along a column, then the row and column of its first corner."""


def level_lines(field: NDArray[np.float64], level: float) -> tuple[NDArray[np.float64], ...]:
    """Where the field crosses `level`: polylines of (column, row), linearly interpolated, shapes (n, 2).

    field: shape (rows, columns), without NaN. A line that closes repeats its first point. A saddle is joined
    according to the mean of its four corners. Source: Lorensen and Cline (1987), in two dimensions.

    >>> [line.tolist() for line in level_lines(np.array([[0.0, 1.0], [0.0, 1.0]]), 0.5)]
    [[[0.5, 0.0], [0.5, 1.0]]]
    """
    above = field > level
    mixed = above[:-1, :-1].astype(int) + above[1:, :-1] + above[:-1, 1:] + above[1:, 1:]
    heights = (field - level).tolist()
    neighbours: dict[Edge, list[Edge]] = {}
    for i, j in np.argwhere((mixed > 0) & (mixed < 4)).tolist():
        for one, other in _segments(heights, i, j):
            neighbours.setdefault(one, []).append(other)
            neighbours.setdefault(other, []).append(one)
    return tuple(np.array([_crossing(heights, edge) for edge in walk]) for walk in _walks(neighbours))


def lines_over(
    field: NDArray[np.float64], level: float, across: NDArray[np.float64], up: NDArray[np.float64]
) -> tuple[NDArray[np.float64], ...]:
    """The same lines in the grid's own coordinates: polylines of (across, up), shapes (n, 2).

    across, up: of the columns and of the rows, shapes (columns,) and (rows,)
    """
    columns, rows = np.arange(across.size), np.arange(up.size)
    return tuple(
        np.column_stack([np.interp(line[:, 0], columns, across), np.interp(line[:, 1], rows, up)])
        for line in level_lines(field, level)
    )


def _segments(heights: list[list[float]], i: int, j: int) -> tuple[tuple[Edge, Edge], ...]:
    """The pieces of line inside one cell, each from one crossed edge to another; heights are above the level."""
    corners = heights[i][j], heights[i][j + 1], heights[i + 1][j + 1], heights[i + 1][j]
    here, right_of, across, over = (corner > 0 for corner in corners)
    bottom, right, top, left = (0, i, j), (1, i, j + 1), (0, i + 1, j), (1, i, j)
    sides = ((bottom, here, right_of), (right, right_of, across), (top, across, over), (left, over, here))
    crossed = [edge for edge, one, other in sides if one != other]
    if len(crossed) == 2:
        return ((crossed[0], crossed[1]),)
    if (sum(corners) > 0) == here:
        return ((bottom, right), (top, left))
    return ((bottom, left), (top, right))


def _crossing(heights: list[list[float]], edge: Edge) -> tuple[float, float]:
    column, i, j = edge
    one, other = heights[i][j], heights[i + column][j + 1 - column]
    part = one / (one - other)
    return (float(j), i + part) if column else (j + part, float(i))


def _walks(neighbours: dict[Edge, list[Edge]]) -> Iterator[list[Edge]]:
    """Every chain of edges once: open ones from an end, closed ones from anywhere and back."""
    ends = [edge for edge, others in neighbours.items() if len(others) == 1]
    for start in [*ends, *neighbours]:
        if not neighbours[start]:
            continue
        walk = [start]
        while neighbours[walk[-1]]:
            following = neighbours[walk[-1]].pop()
            neighbours[following].remove(walk[-1])
            walk.append(following)
        yield walk
