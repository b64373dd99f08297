"""A trained network, drawn: layers, units, and each weight as a line whose width is its size."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from etude.figures.numbers import listed, plural, significant
from etude.figures.svg import element, picture, text
from etude.values.model import Attention, Convnet, Mlp, Pretrained, Recurrent
from etude.values.run import Run

Place = tuple[float, float]

MOST_UNITS = 10
"""A wider layer shows its first units and says how many it has."""

SHOWN_OF_WIDE = 7
MOST_EDGES_TABLED = 60
WIDTH, HEIGHT, EDGE = 380, 250, 44
THINNEST, THICKEST = 0.4, 4.5
RADIUS = 9


@dataclass(frozen=True, slots=True, eq=False)
class NetworkData:
    """One fully connected network.

    weights: one array a layer of weights, shape (units of the layer, units before it)
    sizes:   how many units each layer has, inputs first
    run:     the name of the run whose weights these are; its score is the nearest to the arm's median
    """

    arm: str
    run: str
    replicate: int | None
    weights: tuple[NDArray[np.float64], ...]
    sizes: tuple[int, ...]


def network_data(arm: str, runs: Sequence[Run], scores: Sequence[float]) -> NetworkData | None:
    """The network of the arm's most typical run: the one whose score is nearest to the median.

    None where no run kept its weights, or where they do not form one chain of layers.
    scores: one number a run; NaN for a run that diverged.
    """
    given = np.asarray(scores, dtype=np.float64)
    chains = [_chain(run) for run in runs[: given.size]]
    usable = [i for i, chain in enumerate(chains) if chain and np.isfinite(given[i])]
    if not usable:
        return None
    typical = min(usable, key=lambda i: abs(given[i] - float(np.median(given[usable]))))
    weights = chains[typical]
    sizes = (weights[0].shape[1], *(layer.shape[0] for layer in weights))
    return NetworkData(arm, runs[typical].name, runs[typical].replicate, weights, sizes)


def _chain(run: Run) -> tuple[NDArray[np.float64], ...]:
    """The matrices of layers that follow each other; none where the network is of another kind than that."""
    kept = {name: array for name, array in run.arrays.items() if name.startswith("weights/")}
    matrices = [np.asarray(array, dtype=np.float64) for array in kept.values() if np.ndim(array) == 2]
    model = run.recipe.model if run.recipe else None
    other = isinstance(model, Convnet | Recurrent | Attention | Pretrained) or (
        isinstance(model, Mlp) and model.residual
    )
    filters = any(np.ndim(array) > 2 or "weight_hh" in name for name, array in kept.items())
    fits = all(b.shape[1] == a.shape[0] for a, b in pairwise(matrices))
    finite = all(np.isfinite(matrix).all() for matrix in matrices)
    return tuple(matrices) if fits and finite and not other and not filters else ()


def draw_network(data: NetworkData) -> str:
    """Layers from left to right; solid lines are positive weights, dashed ones negative, wider ones larger."""
    largest = max((float(np.abs(layer).max()) for layer in data.weights if layer.size), default=1.0) or 1.0
    places = [_places(i, size, len(data.sizes)) for i, size in enumerate(data.sizes)]
    edges = [
        edge
        for layer, before, after in zip(data.weights, places, places[1:], strict=False)
        for edge in _edges(layer / largest, before, after)
    ]
    units = [element("circle", cx=x, cy=y, r=_radius(layer), class_="unit") for layer in places for x, y in layer]
    parts = [*edges, *units, *_labels(data, places)]
    title = f"The network of {data.arm}"
    return picture(title, _describe(data, largest), *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="network")


def shown_units(size: int) -> int:
    """How many units of a layer are drawn."""
    return size if size <= MOST_UNITS else SHOWN_OF_WIDE


def _places(layer: int, size: int, layers: int) -> list[Place]:
    shown = shown_units(size)
    rows = shown + (shown < size)
    x = EDGE + (WIDTH - 2 * EDGE) * layer / max(layers - 1, 1)
    gap = min((HEIGHT - 60) / max(rows, 1), 46)
    top = (HEIGHT - 26) / 2 - gap * (rows - 1) / 2
    return [(round(x, 1), round(top + gap * i, 1)) for i in range(shown)]


def _radius(layer: list[Place]) -> float:
    """As large as looks well, and small enough that units do not touch."""
    return RADIUS if len(layer) < 2 else min(RADIUS, round(0.38 * (layer[1][1] - layer[0][1]), 1))


def _edges(
    layer: NDArray[np.float64], before: Sequence[tuple[float, float]], after: Sequence[tuple[float, float]]
) -> list[str]:
    lines = []
    for (i, (x2, y2)), (j, (x1, y1)) in ((a, b) for a in enumerate(after) for b in enumerate(before)):
        size = abs(float(layer[i, j]))
        negative = layer[i, j] < 0
        lines.append(
            element(
                "path",
                d=f"M{x1:g} {y1:g}L{x2:g} {y2:g}",
                stroke_width=round(THINNEST + (THICKEST - THINNEST) * size, 1),
                stroke_dasharray="5 3" if negative else None,
                class_="negative" if negative else "positive",
                stroke="currentColor",
                stroke_opacity=round(0.25 + 0.7 * size, 2),
            )
        )
    return lines


def _labels(data: NetworkData, places: list[list[Place]]) -> list[str]:
    labels = []
    last = len(data.sizes) - 1
    for i, (size, layer) in enumerate(zip(data.sizes, places, strict=True)):
        x, y = layer[-1]
        if len(layer) < size:
            labels.append(text(f"… {size} units", x=x, y=y + 26, text_anchor="middle"))
        name = "inputs" if i == 0 else "output" if i == last else f"hidden {i}" if last > 2 else "hidden"
        labels.append(text(f"{name} · {size}", x=x, y=HEIGHT - 6, text_anchor="middle", class_="unit-label"))
    return labels


def _describe(data: NetworkData, largest: float) -> str:
    layers = [plural(size, "unit") for size in data.sizes]
    which = f" of replicate {data.replicate}" if data.replicate is not None else ""
    return (
        f"The weights{which} as lines between {listed(layers)}. Wider lines are larger weights, the largest "
        f"{significant(largest)}; dashed lines are negative."
    )


def table_rows(data: NetworkData) -> tuple[tuple[str, ...], ...]:
    """The largest weights as rows of words: layer, from, to, weight."""
    rows = [
        (abs(float(w)), (str(layer + 1), str(j + 1), str(i + 1), significant(float(w))))
        for layer, weights in enumerate(data.weights)
        for (i, j), w in np.ndenumerate(weights)
    ]
    rows.sort(key=lambda row: -row[0])
    return tuple(row for _, row in rows[:MOST_EDGES_TABLED])
