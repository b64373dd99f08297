"""What a transformer looks at in a few test examples, small enough to be kept with its run."""

from math import isqrt
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from etude.data.splits import Splits
from etude.engine.network import Network
from etude.engine.scoring import predictions
from etude.engine.sequence import sequence_form

MOST_EXAMPLES = 3

MOST_NUMBERS = 24_576
"""Of all maps of a run, two bytes each: three examples of 32 cells in two layers of four heads."""

LONGEST_STEPS, LONGEST_CHARACTERS = 32, 24
"""Cells along a map: as many as a small picture tells apart, and as many as can be named beside it."""

Arrays = dict[str, NDArray[Any]]


@runtime_checkable
class Attentive(Protocol):
    """A network that can say what it looks at."""

    def attention(self, inputs: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Of inputs (rows, features) the maps (layers, rows, heads, queries, keys); None where it has none."""


def attended(network: Network, splits: Splits) -> Arrays:
    """The attention maps of a transformer; nothing of another model, or of one that diverged.

    "attention/maps":  float16 of shape (examples, layers, heads, cells, cells): of the attention of the row's cell, the
                       share that goes to the column's. A row sums to 1; zero after the end of an example
    "attention/each":  positions that a cell covers, shape (): 1, or more where examples are longer than a map
    "attention/cells": of each example before its end, shape (examples,)
    "attention/codes": of characters, their numbers in the alphabet, shape (examples, cells), −1 after the end; only
                       where a cell is one character
    "attention/truth", "attention/said": class numbers, or of a regression numbers in the target's unit, shape
                       (examples,) or, where each position is asked, (examples, cells)
    """
    if splits.test is None or not isinstance(network, Attentive):
        return {}
    rows = _rows(splits.test.targets, splits)
    inputs = splits.test.inputs[rows]
    maps = network.attention(inputs)
    if maps is None or not np.isfinite(maps).all():
        return {}
    most, examples = _room(maps, splits)
    answers = np.stack([splits.test.targets[rows], _said(network, inputs, splits)], axis=1)[:examples]
    made = _cut(maps[:, :examples], inputs[:examples], splits, most)
    if splits.each_position:
        answers = answers[..., : int(made["attention/cells"].max())]
    made |= {"attention/truth": answers[:, 0], "attention/said": answers[:, 1]}
    for name, array in made.items():
        made[name] = array.copy()  # of its own, so that no view keeps all maps alive
        made[name].setflags(write=False)
    return made


def coarser(maps: NDArray[np.float32], each: int) -> NDArray[np.float64]:
    """Maps of n positions (…, n, n) as ones of cells of `each` positions, the last perhaps of fewer.

    A column is the sum over its positions, a row the mean over its own, so that a row still sums to 1.

    >>> coarser(np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]], dtype=np.float32), 2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    n = maps.shape[-1]
    starts = np.arange(0, n, each)
    summed = np.add.reduceat(np.add.reduceat(maps.astype(np.float64), starts, axis=-1), starts, axis=-2)
    return np.asarray(summed / np.diff(np.append(starts, n))[:, None])


def _rows(targets: NDArray[np.float64], splits: Splits) -> NDArray[np.int64]:
    """The first row of each of the first classes; of numbers the first rows, of a text pieces far from each other."""
    if splits.each_position:
        return np.unique(np.linspace(0, len(targets) - 1, MOST_EXAMPLES + 2).astype(np.int64)[1:-1])
    if splits.kind == "regression":
        return np.arange(min(MOST_EXAMPLES, len(targets)))
    return np.unique(np.rint(targets), return_index=True)[1][:MOST_EXAMPLES].astype(np.int64)


def _room(maps: NDArray[np.float32], splits: Splits) -> tuple[int, int]:
    """How many cells along a map are kept, and of how many examples: fewer where there are many layers and heads."""
    layers, rows, heads = maps.shape[:3]
    longest = LONGEST_CHARACTERS if splits.characters else LONGEST_STEPS
    most = max(1, min(longest, maps.shape[-1], isqrt(MOST_NUMBERS // (layers * heads))))
    return most, max(1, min(rows, MOST_NUMBERS // (layers * heads * most**2)))


def _cut(maps: NDArray[np.float32], inputs: NDArray[np.float32], splits: Splits, most: int) -> Arrays:
    """The maps without what follows an example's end, of `most` cells at the most.

    Where each position is asked, what follows is left out; it takes nothing away, for none looks ahead. Elsewhere a
    cell is made to cover several positions.
    """
    lengths = _lengths(inputs, splits)
    if splits.each_position:
        lengths = np.minimum(lengths, most)
    each = -(-int(lengths.max()) // most)
    cells = -(-lengths // each)
    longest = int(cells.max())
    shown = [coarser(maps[:, i, :, :n, :n], each) for i, n in enumerate(lengths.tolist())]
    filled = [np.pad(of, [(0, 0), (0, 0), *[(0, longest - of.shape[-1])] * 2]) for of in shown]
    made: Arrays = {"maps": np.stack(filled).astype(np.float16), "each": np.array(each), "cells": cells}
    if splits.characters and each == 1:
        made["codes"] = np.nan_to_num(inputs[:, :longest], nan=-1).astype(np.int64)
    return {f"attention/{name}": array for name, array in made.items()}


def _lengths(inputs: NDArray[np.float32], splits: Splits) -> NDArray[np.int64]:
    """Positions of each example before nothing but NaN follows, one at least."""
    positions, channels = sequence_form(splits.sizes(1))
    there = ~np.isnan(inputs).reshape(len(inputs), positions, channels).all(axis=2)
    return np.asarray((there * np.arange(1, positions + 1)).max(axis=1, initial=1), dtype=np.int64)


def _said(network: Network, inputs: NDArray[np.float32], splits: Splits) -> NDArray[np.float64]:
    """The class said, or the number, of every example or of every position of it."""
    outputs = predictions(network.outputs(inputs), splits)
    if splits.kind == "binary":
        return (outputs > 0).astype(np.float64)
    if splits.kind == "regression":
        return outputs
    said: NDArray[np.float64] = outputs.argmax(axis=-1).astype(np.float64)
    return said.reshape(len(inputs), -1) if splits.each_position else said
