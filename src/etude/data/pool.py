"""Published sets: rows to learn from, of which a replicate draws some, and official test rows that select nothing."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from etude.data.partition import smallest_keys
from etude.numerics.limits import binary_limits, multiclass_limits
from etude.numerics.seeds import stream
from etude.values.errors import DataError, RecipeError
from etude.values.metric import Limit
from etude.values.nearest import nearest

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """A set as it was published.

    where:  what errors call it
    inputs: shape (rows, …), of whatever type they came in; test_inputs likewise
    labels: class numbers, shape (rows,); test_labels likewise
    """

    where: str
    inputs: NDArray[Any]
    labels: Numbers
    test_inputs: NDArray[Any]
    test_labels: Numbers
    classes: tuple[str, ...]

    @property
    def kind(self) -> Literal["binary", "multiclass"]:
        """What is predicted."""
        return "binary" if len(self.classes) == 2 else "multiclass"


@dataclass(frozen=True, slots=True)
class Draw:
    """What a replicate takes of a set; None: all.

    class_shares: share of a class's rows to learn from that is kept, by class
    flip:         probability that a label to learn from is another class's; the test rows keep theirs
    validation:   share of the rows to learn from that is kept for validation
    """

    validation: float
    flip: float = 0.0
    rows: int | None = None
    test_rows: int | None = None
    class_shares: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """Positions in the set of each part's rows, ascending, and the labels to learn from, flips included."""

    train: Numbers
    validation: Numbers
    test: Numbers
    labels: Numbers


def check_draw(pool: Pool, draw: Draw) -> None:
    """A RecipeError or DataError where so much cannot be taken, whatever the replicate."""
    kept = int(_kept_of_classes(pool, draw).sum())
    rows = draw.rows or kept
    if rows > kept or (draw.test_rows or 0) > pool.test_labels.size:
        raise DataError(
            f"{pool.where}: rows={draw.rows} and test_rows={draw.test_rows} were asked for, and there are {kept:,} to "
            f"learn from and {pool.test_labels.size:,} to test on. Ask for fewer, or leave them out. Nothing was run."
        )
    validation = _rounded(rows * draw.validation)
    if not 1 <= validation <= rows - 2:
        raise DataError(
            f"{pool.where}: {rows} rows with validation={draw.validation} leave {rows - validation} to learn from and "
            f"{validation} to validate on; at least 2 and 1 are needed. Ask for more rows or another share."
        )


def taken(pool: Pool, draw: Draw, *, seed: int, replicate: int) -> Taken:
    """What one replicate takes.

    Every row has a number of its own for each purpose, so fewer rows are among those of more, the labels flipped at
    5 % are among those flipped at 10 %, and a class that is kept in part keeps the same ones whatever the others do.
    Which of a class are kept and which rows are drawn of all that are kept has nothing to do with one another.
    """
    n, k = pool.labels.size, len(pool.classes)
    keys = stream(seed, replicate, "inputs").random(n)
    of_its_class = stream(seed, replicate, "inputs", 1).random(n)
    among = np.zeros(n, dtype=np.bool_)
    for label, kept in enumerate(_kept_of_classes(pool, draw)):
        of_class = np.flatnonzero(pool.labels == label)
        among[of_class[smallest_keys(of_its_class[of_class], kept)]] = True
    rows = np.flatnonzero(among)
    if draw.rows is not None:
        rows = rows[smallest_keys(keys[rows], draw.rows)]
    held = smallest_keys(stream(seed, replicate, "split").random(n)[rows], _rounded(rows.size * draw.validation))
    flipped = stream(seed, replicate, "flips").random(n) < draw.flip
    others = (pool.labels + stream(seed, replicate, "flips", 1).integers(1, k, n)) % k
    test = np.arange(pool.test_labels.size)
    if draw.test_rows is not None:
        test = test[smallest_keys(stream(seed, replicate, "test").random(test.size), draw.test_rows)]
    return Taken(rows[~held], rows[held], test, np.where(flipped, others, pool.labels))


def pool_limits(pool: Pool) -> Mapping[str, Limit]:
    """Chance and best constant on the official test rows; the best possible is unknown."""
    if pool.kind == "binary":
        return binary_limits(pool.test_labels.astype(np.float64), bayes=False)
    return multiclass_limits(np.bincount(pool.test_labels, minlength=len(pool.classes)) / pool.test_labels.size)


def pool_fingerprint(pool: Pool) -> str:
    """sha256 of every array."""
    digest = hashlib.sha256()
    for array in (pool.inputs, pool.labels, pool.test_inputs, pool.test_labels):
        digest.update(f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _kept_of_classes(pool: Pool, draw: Draw) -> Numbers:
    """How many rows of each class are kept, at least one, shape (classes,)."""
    counts = np.bincount(pool.labels, minlength=len(pool.classes))
    shares = np.ones(counts.size)
    for label, share in draw.class_shares:
        if label not in pool.classes:
            raise RecipeError(f"{pool.where} has no class {label!r}. {nearest(label, pool.classes)}")
        shares[pool.classes.index(label)] = share
    return np.maximum(np.floor(counts * shares + 0.5).astype(np.int64), np.minimum(counts, 1))


def _rounded(x: float) -> int:
    return int(np.floor(x + 0.5))
