"""The chain rule as a sum over routes: the strongest by themselves, and all of them together."""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FAINT = 1e-12
"""What a derivative of 0 counts for where no route leads through, so that the nearest to one can be told."""


@dataclass(frozen=True, slots=True)
class Products:
    """The routes through a chain of derivatives whose product is not 0.

    units:    of each of the strongest, the unit it passes at every station, strongest first
    products: of their derivatives
    total:    the sum over all routes
    count:    how many there are
    """

    units: tuple[tuple[int, ...], ...]
    products: tuple[float, ...]
    total: float
    count: int


def products_along(start: Floats, links: Sequence[Floats], *, n: int) -> Products:
    """The n strongest routes from a start to one end, with the sum and the number of all.

    start: derivatives of the first station's units by the weight, shape (units,)
    links: derivatives of each further station by the one before, shape (units, units before), or shape (units,) where
           each unit depends on the one in its place alone; one unit at the last

    Sum and number by dynamic programming; the strongest by best-first search, whose bound, the largest product that
    still can follow, is exact, so that they come in order. Where no route has a product, the one with the fewest
    zeros in it is told, of product 0.

    >>> products_along(np.array([2.0, 1.0]), [np.array([[1.0, 0.0], [3.0, 1.0]]), np.array([[1.0, 1.0]])], n=2)
    Products(units=((0, 1, 0), (0, 0, 0)), products=(6.0, 2.0), total=9.0, count=3)
    """
    total, count = start, [int(one != 0) for one in start]
    for link in links:
        total = link * total if link.ndim == 1 else link @ total
        count = _counts(link, count)
    if sum(count):
        units = _strongest(np.abs(start), [np.abs(link) for link in links], n)
    else:
        units = _strongest(_never_0(start), [_never_0(link) for link in links], 1)
    products = tuple(_product(start, links, route) for route in units)
    return Products(units, products, float(total.sum()), sum(count))


_Partial = tuple[float, tuple[int, ...], float]
"""Minus the largest product that may still come of it, the units so far, and the product so far."""


def _strongest(start: Floats, links: Sequence[Floats], n: int) -> tuple[tuple[int, ...], ...]:
    """The routes of the n largest products of sizes, largest first."""
    ahead = [np.ones(len(links[-1]) if links else start.size)]
    for link in reversed(links):
        ahead.append(link * ahead[-1] if link.ndim == 1 else (link * ahead[-1][:, None]).max(axis=0))
    ahead.reverse()
    waiting: list[_Partial] = [(-float(size * ahead[0][i]), (i,), float(size)) for i, size in enumerate(start)]
    heapq.heapify(waiting)
    found: list[tuple[int, ...]] = []
    while waiting and len(found) < n:
        bound, route, size = heapq.heappop(waiting)
        if bound == 0:
            break
        if len(route) > len(links):
            found.append(route)
            continue
        link, i = links[len(route) - 1], route[-1]
        units = np.array([i]) if link.ndim == 1 else np.flatnonzero(link[:, i] * ahead[len(route)])
        for unit, slope in zip(units, link[units] if link.ndim == 1 else link[units, i], strict=True):
            longer = size * float(slope)
            heapq.heappush(waiting, (-longer * float(ahead[len(route)][unit]), (*route, int(unit)), longer))
    return tuple(found)


def _counts(link: Floats, before: list[int]) -> list[int]:
    """How many routes with a product lead to each unit, in whole numbers of any size."""
    if link.ndim == 1:
        return [n if slope != 0 else 0 for n, slope in zip(before, link, strict=True)]
    return [sum(before[i] for i in np.flatnonzero(row)) for row in link]


def _never_0(derivatives: Floats) -> Floats:
    """Sizes, those of 0 far below the others; infinite ones or NaN would leave no order."""
    sizes = np.nan_to_num(np.abs(derivatives), nan=0.0, posinf=np.finfo(np.float64).max)
    made: Floats = np.maximum(sizes, FAINT * (sizes.max(initial=0.0) or 1.0))
    return made


def _product(start: Floats, links: Sequence[Floats], route: Sequence[int]) -> float:
    return math.prod(slopes_along(start, links, route)) + 0.0  # no minus before a 0


def slopes_along(start: Floats, links: Sequence[Floats], route: Sequence[int]) -> tuple[float, ...]:
    """The derivatives that a route multiplies, one a station.

    >>> slopes_along(np.array([2.0, 1.0]), [np.array([5.0, 6.0])], (1, 1))
    (1.0, 6.0)
    """
    steps = zip(links, route, route[1:], strict=False)
    slopes = [float(link[i] if link.ndim == 1 else link[j, i]) for link, i, j in steps]
    return (float(start[route[0]]), *slopes)
