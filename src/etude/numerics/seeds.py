"""Where chance comes from: one sub-stream for each purpose, derived from (seed, replicate, purpose) alone.

So arms share every draw that they all make (common random numbers), changing the width leaves the data alone,
and a replicate is the same alone or among a thousand.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Purpose = Literal["inputs", "noise", "flips", "split", "init", "order", "dropout", "test", "model", "augment"]

PURPOSES: tuple[Purpose, ...] = (
    "inputs",
    "noise",
    "flips",
    "split",
    "init",
    "order",
    "dropout",
    "test",
    "model",
    "augment",
)
"""The order is part of every stored result: add at the end only."""


def stream(seed: int, replicate: int, purpose: Purpose, *part: int) -> np.random.Generator:
    """The generator of one purpose of one replicate; `part` tells apart columns, epochs and the like.

    >>> float(stream(0, 1, "inputs").random()) == float(stream(0, 1, "inputs").random())
    True
    """
    key = (replicate, PURPOSES.index(purpose), *part)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def key(seed: int, replicate: int, purpose: Purpose) -> np.uint64:
    """A 64-bit key for `hashed_uniform`, the counter-based source of chance."""
    spawn = (replicate, PURPOSES.index(purpose))
    return np.uint64(np.random.SeedSequence(seed, spawn_key=spawn).generate_state(1, np.uint64)[0])


def hashed_uniform(key: np.uint64, *counters: NDArray[np.uint64] | np.uint64 | int) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1) as a pure function of a key and counters; counters broadcast.

    Element [i, j] depends on the key and on (i, j) and on nothing else, so a wider layer repeats the numbers of a
    narrower one, and any engine can draw any element in any order. Each counter is absorbed by one round of
    splitmix64's finaliser (Steele, Lea and Flood 2014); the top 53 bits make the number.

    >>> narrow, wide = np.arange(3, dtype=np.uint64), np.arange(9, dtype=np.uint64)
    >>> bool((hashed_uniform(np.uint64(7), 5, narrow) == hashed_uniform(np.uint64(7), 5, wide)[:3]).all())
    True
    """
    state = np.asarray(key, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for counter in counters:
            state = _mix(state ^ (np.asarray(counter, dtype=np.uint64) * _GOLDEN + _GOLDEN))
        return (_mix(state + _GOLDEN) >> np.uint64(11)).astype(np.float64) * 2.0**-53


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
