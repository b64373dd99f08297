"""The heads of a transformer in numbers and words: where their attention goes, how far, to how much at a time."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.figures.numbers import number, percent

PICKED = 0.1
"""A head picks a place out where that gets this much more of its attention than if it looked at all alike."""

SAME = 0.05
"""Heads are told as one where what they look at differs by less than a twentieth of what there is."""

SPACE = "␣"
"""How a space is shown."""

Floats = NDArray[np.float64]
Seen = tuple[Sequence[str], Floats]
"""An example: the labels of its cells, and its maps, shape (layers, heads, cells, cells), rows ask."""


@dataclass(frozen=True, slots=True)
class Head:
    """One head, averaged over the cells that ask in all examples.

    shares:   place in PLACES → share of the attention that goes there
    fixed:    share that goes to one and the same cell of an example whoever asks: of each example the largest
    distance: positions between the one that asks and those looked at, on average
    breadth:  how many cells it looks at: e to the mean entropy of a row's shares, in nats
    """

    name: str
    shares: Mapping[str, float]
    fixed: float
    distance: float
    breadth: float


@dataclass(frozen=True, slots=True)
class HeadsData:
    """All heads of one run.

    unit:   what a position is: "character", "time step"
    each:   positions that a cell covers
    causal: whether no position looks at those that follow it
    heads:  layer by layer
    alike:  a head that would look at all it may see alike
    """

    unit: str
    each: int
    causal: bool
    heads: tuple[Head, ...]
    alike: Head

    @property
    def cell(self) -> str:
        """What a cell is called."""
        return self.unit if self.each == 1 else f"group of {self.each} {self.unit}s"

    @property
    def cells(self) -> str:
        """What several cells are called."""
        return f"{self.unit}s" if self.each == 1 else f"groups of {self.each} {self.unit}s"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a head may be found to look.

    meant: the labels of an example's cells → which cells are meant for each that asks, shape (cells, cells)
    ahead: whether none can look there that does not look ahead
    """

    meant: Callable[[Sequence[str]], NDArray[np.bool_]]
    says: str
    ahead: bool = False


def _beside(steps: int) -> Callable[[Sequence[str]], NDArray[np.bool_]]:
    return lambda labels: np.eye(len(labels), k=steps, dtype=bool)


def _every(column: Callable[[int, str, int], bool]) -> Callable[[Sequence[str]], NDArray[np.bool_]]:
    """The columns of which it is true, whoever asks; told the place, the label, and how many cells there are."""
    return lambda labels: np.tile([column(i, label, len(labels)) for i, label in enumerate(labels)], (len(labels), 1))


PLACES: Mapping[str, Place] = MappingProxyType(
    {
        "itself": Place(_beside(0), "the {} that asks"),
        "one before": Place(_beside(-1), "the {} just before"),
        "two before": Place(_beside(-2), "the {} two before"),
        "one after": Place(_beside(1), "the {} just after", ahead=True),
        "two after": Place(_beside(2), "the {} two after", ahead=True),
        "the first": Place(_every(lambda i, _, __: i == 0), "the first {}"),
        "the last": Place(_every(lambda i, _, cells: i == cells - 1), "the last {}", ahead=True),
        "spaces": Place(_every(lambda _, label, __: label == SPACE), "spaces"),
    }
)
"""As the table names them. What occurs in no example is left out."""


def heads_data(examples: Sequence[Seen], *, unit: str, each: int) -> HeadsData:
    """What every head does on average over the examples, of which there is one at least.

    >>> follows = heads_data([("abc", np.array([[[[1, 0, 0], [1, 0, 0], [0, 1, 0]]]]))], unit="character", each=1)
    >>> follows.heads[0].shares["one before"], follows.heads[0].breadth  # two of three rows; one cell at a time
    (0.6666666666666666, 1.0)
    """
    causal = not any(np.triu(maps, 1).any() for _, maps in examples)
    places = {
        name: place
        for name, place in PLACES.items()
        if not (place.ahead and causal) and any(place.meant(labels).any() for labels, _ in examples)
    }
    layers, heads = examples[0][1].shape[:2]
    found = tuple(
        _head(f"layer {i + 1}, head {j + 1}", [(labels, maps[i, j]) for labels, maps in examples], places, each)
        for i, j in product(range(layers), range(heads))
    )
    alike = [(labels, _alike(len(labels), causal=causal)) for labels, _ in examples]
    return HeadsData(unit, each, causal, found, _head("all alike", alike, places, each))


def _alike(cells: int, *, causal: bool) -> Floats:
    """The map of a head that looks at all it may see alike."""
    seen = np.tri(cells) if causal else np.ones((cells, cells))
    return np.asarray(seen / seen.sum(axis=1, keepdims=True))


def _head(name: str, maps: Sequence[Seen], places: Mapping[str, Place], each: int) -> Head:
    rows = sum(len(weights) for _, weights in maps)
    shares = {
        place: sum(float(weights[found.meant(labels)].sum()) for labels, weights in maps) / rows
        for place, found in places.items()
    }
    fixed = sum(float(weights.sum(axis=0).max()) for _, weights in maps) / rows
    distance = sum(float((weights * _apart(len(weights))).sum()) for _, weights in maps) / rows * each
    entropy = sum(float(_entropies(weights).sum()) for _, weights in maps) / rows
    return Head(name, MappingProxyType(shares), fixed, distance, math.exp(entropy))


def _apart(cells: int) -> Floats:
    """Cells from the one that asks to the one looked at."""
    places = np.arange(cells, dtype=np.float64)
    return np.asarray(np.abs(places[:, None] - places))


def _entropies(weights: Floats) -> Floats:
    """Of each row's shares, in nats."""
    logs = np.log(weights, out=np.zeros(weights.shape), where=weights > 0)
    return np.asarray(-(weights * logs).sum(axis=1))


def head_text(data: HeadsData, head: Head) -> str:
    """A head in words."""
    place, share = max(head.shares.items(), key=lambda found: found[1])
    alike = percent(data.alike.shares[place])
    return (
        f"{percent(share)} of its attention goes to {_says(place, data)}; if it looked at all alike, {alike}. It looks "
        f"{number(head.distance, 1)} {data.unit}s {_way(data)} on average, at about {number(head.breadth, 1)} "
        f"{data.cells} at a time."
    )


def sentences(data: HeadsData) -> tuple[str, ...]:
    """The strongest things seen: what a head picks out, how far heads look, and at how much at a time."""
    return (_picked(data), _far(data), _broad(data))


def _picked(data: HeadsData) -> str:
    """Of the places that have a name the one with most attention beyond its due, unless one without a name has more."""
    alike = data.alike
    gain, i, place = max(
        (share - alike.shares[at], -i, at) for i, head in enumerate(data.heads) for at, share in head.shares.items()
    )
    fixed = max(data.heads, key=lambda head: head.fixed)
    if fixed.fixed - alike.fixed >= gain + PICKED:
        return f"The strongest pattern is that of {fixed.name}: {_told(_one(data), fixed.fixed, alike.fixed)}."
    told = _told(_says(place, data), data.heads[-i].shares[place], alike.shares[place])
    if gain < PICKED:
        return f"No head picks out one place. The nearest to it is {data.heads[-i].name}: {told}."
    return f"The strongest pattern is that of {data.heads[-i].name}: {told}."


def _told(place: str, share: float, alike: float) -> str:
    would = f"{percent(alike)} would if it looked at all alike"
    return f"{percent(share)} of its attention goes to {place}, where {would}"


def _one(data: HeadsData) -> str:
    return f"one {data.cell} of each example, whichever asks"


def _far(data: HeadsData) -> str:
    near, far = (pick(data.heads, key=lambda head: head.distance) for pick in (min, max))
    alike = f"looking at all alike would be {number(data.alike.distance, 1)}"
    nearest = f"{number(near.distance, 1)} {data.unit}s {_way(data)}"
    if far.distance - near.distance < SAME * data.alike.distance:
        return f"On average every head looks about {nearest}; {alike}."
    return (
        f"On average {near.name} looks the least far, {nearest}, and {far.name} the farthest, "
        f"{number(far.distance, 1)}; {alike}."
    )


def _broad(data: HeadsData) -> str:
    narrow, broad = (pick(data.heads, key=lambda head: head.breadth) for pick in (min, max))
    alike = f"all alike would be {number(data.alike.breadth, 1)}"
    least, most = (f"about {number(head.breadth, 1)} {data.cells} at a time" for head in (narrow, broad))
    if broad.breadth - narrow.breadth < SAME * data.alike.breadth:
        return f"Every head spreads its attention over {most}; {alike}."
    return (
        f"The choosiest, {narrow.name}, spreads its attention over {least}, the least choosy, {broad.name}, over "
        f"{number(broad.breadth, 1)}; {alike}."
    )


def _says(place: str, data: HeadsData) -> str:
    return PLACES[place].says.format(data.cell)


def _way(data: HeadsData) -> str:
    return "back" if data.causal else "away"


def head_columns(data: HeadsData) -> tuple[str, ...]:
    """The heads of the columns of `head_rows`."""
    return ("head", *data.alike.shares, f"one {data.cell}", f"{data.unit}s {_way(data)}", f"{data.cells} at a time")


def head_rows(data: HeadsData) -> tuple[tuple[str, ...], ...]:
    """Every head in numbers, and last one that would look at all alike."""
    return tuple(
        (
            head.name,
            *map(percent, (*head.shares.values(), head.fixed)),
            number(head.distance, 1),
            number(head.breadth, 1),
        )
        for head in (*data.heads, data.alike)
    )
