"""A derivative by differences, in float64, with the kinks that are in its way."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from etude.engine.microscope.examples import one_output
from etude.engine.microscope.scene import Scene
from etude.engine.microscope.sides import Sides, outputs_and_sides
from etude.engine.microscope.stations import End

REACHES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""How far the weight is moved, times its size where that is above 1."""

AGREED = 1e-9
"""Relative difference of two neighbouring estimates at which no smaller reach is tried: a thousandth of what a path may
be off."""

TOLD = 12
"""Kinks that are told by name."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A derivative by differences, where nothing is in the way, and the kinks that are told.

    kinks: units of the example that stand exactly at one, or would cross one
    """

    slope: float | None
    kinks: tuple[str, ...]


UNCHECKED = Checked(None, ())


def checked(scene: Scene, end: End) -> Checked:
    """By central differences over the reaches that cross no kink, until two agree; told are those that all cross."""
    here = _Seen(*_seen(scene, end, 0.0))
    exact = [place for one in here.sides for place in _named(one, one.exact, end)]
    slopes: list[float] = []
    crossing: list[str] = []
    for reach in REACHES:
        h = reach * max(1.0, abs(float(scene.before[end.weight[0]][end.weight[1]])))
        moved = [_Seen(*_seen(scene, end, times * h)) for times in (1, -1, 2, -2)]
        crossing = sorted({place for one in moved for place in _crossed(here, one, end)})
        if not crossing:
            slopes.append(central_difference([one.output for one in moved], h))
        if len(slopes) > 1 and abs(slopes[-1] - slopes[-2]) <= AGREED * abs(slopes[-1]):
            break
    if slopes:
        return Checked(settled(slopes), _few(exact))
    return Checked(None, _few(list(dict.fromkeys((*exact, *crossing)))))


def central_difference(outputs: Sequence[float], h: float) -> float:
    """The derivative of f at 0 from f(h), f(−h), f(2h) and f(−2h), to fourth order.

    (8(f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h.
    Source: Abramowitz and Stegun (1964), Handbook of Mathematical Functions, 25.3.6.

    >>> central_difference([x**4 + x for x in (1.0, -1.0, 2.0, -2.0)], 1.0)
    1.0
    """
    up, down, far_up, far_down = outputs
    return (8 * (up - down) - (far_up - far_down)) / (12 * h)


def settled(slopes: Sequence[float]) -> float:
    """Of estimates with ever smaller steps, the first of the two neighbours that agree best.

    Large steps lose by curvature and small ones by rounding; where two that differ tenfold agree, neither matters.

    >>> settled([1.2, 1.0001, 1.0, 1.3])
    1.0001
    """
    gaps = [abs(one - other) for one, other in itertools.pairwise(slopes)]
    return slopes[gaps.index(min(gaps))] if gaps else slopes[0]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The output, and every unit's side of its kinks."""

    output: float
    sides: tuple[Sides, ...]


def _seen(scene: Scene, end: End, by: float) -> tuple[float, tuple[Sides, ...]]:
    """With the weight moved by so much."""
    name, index = end.weight
    moved = scene.before[name].clone()
    moved[index] += by
    outputs, sides = outputs_and_sides(scene, {**scene.before, name: moved}, end.inputs, end.example)
    return float(one_output(outputs, end.row)[end.output].detach()), sides


def _crossed(here: _Seen, there: _Seen, end: End) -> Iterator[str]:
    for one, other in zip(here.sides, there.sides, strict=True):
        yield from _named(one, one.sides != other.sides, end)


def _named(sides: Sides, which: Tensor, end: End) -> Iterator[str]:
    """Words for the units that are marked."""
    places: NDArray[np.int64] = which.nonzero().cpu().numpy()
    for place in places:
        shown = place[1:] if end.example is not None and place.size > 1 else place
        value = float(sides.values[tuple(place)])
        yield f"{sides.layer}[{', '.join(map(str, shown.tolist()))}] at {value:.3g}"


def _few(places: list[str]) -> tuple[str, ...]:
    left = len(places) - TOLD
    return (*places[:TOLD], *((f"and {left} more",) if left > 0 else ()))
