"""What a run learns from: a synthetic task, a bundled set, the user's table, or the user's arrays."""

import hashlib
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from etude.values.errors import DataError
from etude.values.spec import Spec

Share = Annotated[float, Field(gt=0, lt=1)]
TestShare = Annotated[float, Field(ge=0, lt=1)]


class Task(Spec):
    """A synthetic task whose best possible score is known; `data/load.py` lists the tasks."""

    task: str = Field(description="the name of a synthetic task, such as 'sincos'")
    rows: int = Field(1000, ge=2, description="rows of the pool that is split into training and validation")
    features: int | None = Field(None, ge=1, description="inputs a row; those the pattern does not use are distractors")
    flip: float = Field(0.0, ge=0, lt=0.5, description="probability that a label is flipped")
    noise: float | None = Field(
        None, ge=0, description="standard deviation of the task's own noise; None is its default"
    )
    validation: Share = Field(0.2, description="share of the pool kept for validation")
    test_rows: int = Field(5000, ge=100, description="rows of the separate test set")


class Bundled(Spec):
    """One of scikit-learn's bundled sets: breast_cancer, digits, diabetes, iris, wine."""

    bundled: str = Field(description="the name of a bundled set, such as 'wine'")
    validation: Share = Field(0.2, description="share of the rows kept for validation")
    test: TestShare = Field(0.2, description="share of the rows kept for the final score")


class Table(Spec):
    """The user's own CSV or Parquet file, one row an example."""

    table: str = Field(min_length=1, description="the path of a .csv, .tsv or .parquet file")
    target: str = Field(description="the column to predict")
    kind: Literal["classification", "regression"] | None = Field(
        None, description="what is predicted; None: regression for a numeric target with more than 20 values"
    )
    drop: tuple[str, ...] = Field((), description="columns to leave out, such as an identifier")
    missing: Literal["refuse", "impute"] = Field(
        "refuse", description="'impute' fills gaps with the training median and adds an indicator column"
    )
    validation: Share = Field(0.2, description="share of the rows kept for validation")
    test: TestShare = Field(0.2, description="share of the rows kept for the final score")

    @field_validator("drop", mode="before")
    @classmethod
    def _one_column(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given


class Arrays(Spec):
    """The user's own arrays: inputs of shape (rows, features), targets of shape (rows,)."""

    inputs: NDArray[np.float32] = Field(description="an array of shape (rows, features)", repr=False)
    targets: NDArray[Any] = Field(description="an array of shape (rows,)", repr=False)
    checksum: str = Field("", description="sha256 of both arrays, computed from them")
    kind: Literal["classification", "regression"] | None = Field(None, description="what is predicted")
    validation: Share = Field(0.2, description="share of the rows kept for validation")
    test: TestShare = Field(0.2, description="share of the rows kept for the final score")

    @model_validator(mode="before")
    @classmethod
    def _copy_and_freeze(cls, fields: dict[str, Any]) -> dict[str, Any]:
        inputs = np.array(fields.get("inputs"), dtype=np.float32)
        targets = np.array(fields.get("targets"))
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = targets[:, 0]
        if inputs.ndim != 2 or targets.shape != inputs.shape[:1]:
            raise DataError(
                f"inputs have shape {inputs.shape} and targets {targets.shape}. One row is one example: "
                "pass inputs of shape (rows, features) and targets of shape (rows,)."
            )
        inputs.setflags(write=False)
        targets.setflags(write=False)
        content = inputs.tobytes() + repr(targets.tolist()).encode()
        checksum = hashlib.sha256(repr(inputs.shape).encode() + content).hexdigest()
        return {**fields, "inputs": inputs, "targets": targets, "checksum": checksum}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Arrays):
            return NotImplemented
        mine, theirs = ((data.checksum, data.kind, data.validation, data.test) for data in (self, other))
        return mine == theirs

    def __hash__(self) -> int:
        return hash(self.checksum)


PAIRS = "Pass a pair (inputs, targets), or a dataset whose every item is an (input, target) pair of numbers."


@runtime_checkable
class IndexedPairs(Protocol):
    """A map-style dataset, such as torch's: a length, and (input, target) at each index."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...  # noqa: ANN401 - whatever the dataset holds


def _which(data: object) -> str:
    if isinstance(data, Spec):
        return type(data).__name__.lower()
    if isinstance(data, dict):
        return next((key for key in ("task", "bundled", "table") if key in data), "unknown")
    return "unknown"


Data = Annotated[
    Annotated[Task, Tag("task")]
    | Annotated[Bundled, Tag("bundled")]
    | Annotated[Table, Tag("table")]
    | Annotated[Arrays, Tag("arrays")],
    Discriminator(
        _which,
        custom_error_type="unknown_data",
        custom_error_message="data needs one of the keys 'task', 'bundled' or 'table' that says where rows come from",
    ),
]
"""Any source of rows, told apart in TOML by the key that is present."""


def as_data(given: object) -> object:
    """A pair of arrays, or a dataset with a length and (input, target) items, as `Arrays`; else unchanged."""
    if isinstance(given, Spec | dict | str | bytes | np.ndarray):
        return given
    if isinstance(given, tuple) and len(given) == 2:
        return Arrays(inputs=given[0], targets=given[1])
    if isinstance(given, IndexedPairs):
        return _as_arrays(given)
    return given


def _as_arrays(dataset: IndexedPairs) -> Arrays:
    inputs: list[NDArray[np.float32]] = []
    targets: list[NDArray[Any]] = []
    for i in range(_length(dataset)):
        x, y = _pair(dataset, i)
        first = (inputs[0].shape, targets[0].shape) if inputs else (x.shape, y.shape)
        if (x.shape, y.shape) != first:
            raise DataError(
                f"dataset, item {i}: input and target have shapes {x.shape} and {y.shape}, those of item 0 have "
                f"{first[0]} and {first[1]}. Every example needs the same shape: crop or fill them alike."
            )
        inputs.append(x)
        targets.append(y)
    return Arrays(inputs=np.stack(inputs).reshape(len(inputs), -1), targets=np.stack(targets))


def _length(dataset: IndexedPairs) -> int:
    try:
        n = len(dataset)
    except Exception as error:
        raise DataError(f"dataset: its length raises {type(error).__name__}: {error}. {PAIRS}") from error
    if not n:
        raise DataError(f"dataset: it is empty (length 0). {PAIRS}")
    return n


def _pair(dataset: IndexedPairs, i: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Item i as two arrays; a DataError names the item where it is none."""
    try:
        item = dataset[i]
    except Exception as error:
        raise DataError(f"dataset, item {i}: reading it raises {type(error).__name__}: {error}. {PAIRS}") from error
    if not isinstance(item, tuple | list) or len(item) != 2:
        of = f" of length {len(item)}" if isinstance(item, tuple | list) else ""
        raise DataError(f"dataset, item {i}: {type(item).__name__}{of}, where an (input, target) pair belongs. {PAIRS}")
    try:
        return np.asarray(item[0], dtype=np.float32), np.asarray(item[1])
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that wants its gradient
        raise DataError(f"dataset, item {i}: it does not convert to arrays of numbers: {error}. {PAIRS}") from error
