"""Rows that come as arrays: the user's own, and scikit-learn's bundled sets."""

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.data.frame import LARGEST, Categories, Column, Frame, Numbers, frame
from etude.values.data import Arrays, Bundled
from etude.values.errors import DataError, RecipeError
from etude.values.nearest import nearest

SETS: Mapping[str, str] = MappingProxyType(
    {
        "breast_cancer": "569 tumours, 30 measurements; malignant or benign",
        "digits": "1,797 handwritten digits of 8 × 8 pixels; 0 to 9",
        "diabetes": "442 patients, 10 measurements; disease progression after a year",
        "iris": "150 flowers, 4 measurements; three species",
        "wine": "178 wines, 13 measurements; three growers",
    }
)
"""The bundled sets and what they are."""


@lru_cache(maxsize=8)
def bundled_frame(data: Bundled) -> Frame:
    """The set's rows, from scikit-learn; nothing is downloaded."""
    loaded = _loaded(data.bundled)
    columns = [Numbers(str(name), loaded.data[:, j]) for j, name in enumerate(loaded.feature_names)]
    if data.bundled == "diabetes":
        return frame("diabetes", columns, Numbers("progression", loaded.target.astype(np.float64)), "regression")
    labels = tuple(str(name) for name in loaded.target_names)
    return frame(data.bundled, columns, Categories("target", labels, loaded.target.astype(np.int64)), "classification")


def bundled_fingerprint(data: Bundled) -> str:
    """sha256 of the set's arrays."""
    loaded = _loaded(data.bundled)
    return hashlib.sha256(loaded.data.tobytes() + loaded.target.tobytes()).hexdigest()


@lru_cache(maxsize=2)
def arrays_frame(data: Arrays) -> Frame:
    """The user's arrays, every number checked, once for all replicates."""
    if not data.targets.size:
        raise DataError("arrays: there are no rows. Pass at least a few examples.")
    broken = np.argwhere(~np.isfinite(data.inputs))
    if broken.size:
        row, column = broken[0]
        raise DataError(
            f"arrays: inputs[{row}, {column}] is {data.inputs[row, column]}, one of {len(broken)} entries "
            "that are not finite as float32. Fill or remove those rows first; a network cannot take them in."
        )
    columns = [Numbers(f"x{j + 1}", data.inputs[:, j].astype(np.float64)) for j in range(data.inputs.shape[1])]
    target = _given_target(data.targets, data.kind)
    return frame("arrays", columns, target, data.kind, are_pixels=bool(data.form))


def _given_target(targets: NDArray[Any], kind: str | None) -> Column:
    if targets.dtype.kind in "biuf":
        numbers = targets.astype(np.float64)
        broken = np.flatnonzero(~(np.abs(numbers) <= LARGEST))
        if broken.size:
            raise DataError(
                f"arrays: targets[{broken[0]}] is {numbers[broken[0]]}, one of {broken.size} that cannot be "
                "learned. Remove those rows: an example without its answer teaches nothing."
            )
        return Numbers("target", numbers)
    if targets.dtype.kind in "cMmV":
        raise DataError(
            f"arrays: targets of type {targets.dtype} are neither numbers nor labels. Convert them to one or the other."
        )
    gaps = np.flatnonzero([target is None or target != target for target in targets.tolist()])
    if gaps.size:
        raise DataError(f"arrays: targets[{gaps[0]}] is missing, one of {gaps.size}. Remove those rows.")
    labels, codes = np.unique(targets.astype(str), return_inverse=True)
    return Categories("target", tuple(str(label) for label in labels), codes.astype(np.int64))


@lru_cache(maxsize=8)
def _loaded(name: str) -> Any:  # noqa: ANN401 - scikit-learn ships no types
    if name not in SETS:
        raise RecipeError(f"no bundled set {name!r}. {nearest(name, SETS)}")
    try:
        from sklearn import datasets
    except ImportError as error:
        raise DataError(f"the bundled set {name!r} needs scikit-learn. Run: pip install 'etude[data]'.") from error
    loaders: Mapping[str, Callable[..., Any]] = {
        "breast_cancer": datasets.load_breast_cancer,
        "digits": datasets.load_digits,
        "diabetes": datasets.load_diabetes,
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
    }
    return loaders[name]()
