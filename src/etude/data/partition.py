"""Which rows are for training, for validation and for the final score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.data.frame import Frame
from etude.numerics.seeds import stream
from etude.values.errors import DataError

Rows = NDArray[np.bool_]
LEAST_TO_LEARN = 2
"""Rows of a regression's training part: one alone has no spread to scale by."""


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """Three masks over the rows, shape (rows,); every row is in exactly one."""

    train: Rows
    validation: Rows
    test: Rows


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the rows kept for validation and for the final score; the rest is for training.

    test_once: whether all replicates keep the same rows for the final score
    """

    validation: float
    test: float
    test_once: bool = False


def smallest_keys(keys: NDArray[np.float64], n: int) -> Rows:
    """Which rows hold the `n` smallest keys, shape (rows,).

    >>> smallest_keys(np.array([0.9, 0.1, 0.5]), 2).tolist()
    [False, True, True]
    """
    chosen = np.zeros(keys.size, dtype=np.bool_)
    chosen[np.argsort(keys, kind="stable")[:n]] = True
    return chosen


def check_partition(frame: Frame, shares: Shares) -> None:
    """A DataError where some part would be empty or lack a class, whatever the replicate."""
    if shares.validation + shares.test >= 1:
        raise DataError(
            f"{frame.where}: validation={shares.validation} and test={shares.test} leave nothing to learn from. "
            "Their sum must be below 1."
        )
    for group in _groups(frame):
        kept, exam = _sizes(group.size, shares)
        least = LEAST_TO_LEARN if frame.kind == "regression" else 1
        if group.size - kept - exam >= least:
            continue
        needed = least + 1 + (1 if shares.test else 0)
        if frame.kind == "regression":
            raise DataError(
                f"{frame.where}: {group.size} rows are too few to split into training, validation and test parts; "
                f"at least {needed} are needed. Add rows, or set test=0 or a smaller validation share."
            )
        label = frame.classes[int(frame.targets[group[0]])]
        raise DataError(
            f"{frame.where}: class {label!r} of {frame.target!r} has {group.size} row{'s' * (group.size > 1)}, and "
            f"every part needs one of each class, so at least {needed}. Add rows, merge the class with another, or "
            "remove its rows."
        )


def partition(frame: Frame, shares: Shares, *, seed: int, replicate: int) -> Partition:
    """A random partition, by one uniform key a row.

    Classification is stratified: of each class, ⌊n·share⌉ rows (at least one) with the smallest keys go to test, as
    many again by its share to validation, the rest to training. A regression is one such group. A test part that is
    drawn once has keys of its own, those of `fixed_keys`.
    """
    n = frame.targets.size
    keys = stream(seed, replicate, "split").random(n)
    test_keys = fixed_keys(n, seed=seed) if shares.test_once else keys
    validation, test = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    for group in _groups(frame):
        kept, exam = _sizes(group.size, shares)
        is_test = smallest_keys(test_keys[group], exam)
        test[group[is_test]] = True
        others = group[~is_test]
        validation[others[smallest_keys(keys[others], kept)]] = True
    return Partition(~(validation | test), validation, test)


def fixed_keys(n: int, *, seed: int) -> NDArray[np.float64]:
    """A key of each row by which all replicates agree on the test rows, shape (n,): replicate 0's stream "test"."""
    return stream(seed, 0, "test").random(n)


def _groups(frame: Frame) -> list[NDArray[np.int64]]:
    """The rows of each class; of a regression, all rows."""
    if frame.kind == "regression":
        return [np.arange(frame.targets.size)]
    return [np.flatnonzero(frame.targets == label) for label in range(len(frame.classes))]


def _sizes(rows: int, shares: Shares) -> tuple[int, int]:
    """Rows of a group for validation and for test."""
    kept, exam = (int(np.floor(rows * share + 0.5)) for share in (shares.validation, shares.test))
    return max(kept, 1), max(exam, 1) if shares.test else 0
