"""What a run learns from: a synthetic task, a bundled set, the user's table, or the user's arrays."""

import hashlib
import math
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from etude.values.errors import DataError, RecipeError
from etude.values.spec import Spec

Share = Annotated[float, Field(gt=0, lt=1)]
TestShare = Annotated[float, Field(ge=0, lt=1)]
TestDrawn = Annotated[
    Literal["per replicate", "once"],
    Field(description="'once': all replicates keep the same test rows out, so that none ever learns from one of them"),
]


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

    @property
    def problem(self) -> str:
        """What is to be learned, whatever the number of rows, of distractors, or the noise."""
        return f"the task {self.task}"


class Bundled(Spec):
    """One of scikit-learn's bundled sets: breast_cancer, digits, diabetes, iris, wine."""

    bundled: str = Field(description="the name of a bundled set, such as 'wine'")
    validation: Share = Field(0.2, description="share of the rows kept for validation")
    test: TestShare = Field(0.2, description="share of the rows kept for the final score")
    test_drawn: TestDrawn = "per replicate"

    @property
    def problem(self) -> str:
        """What is to be learned."""
        return f"the bundled set {self.bundled}"


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
    test_drawn: TestDrawn = "per replicate"

    @property
    def problem(self) -> str:
        """What is to be learned."""
        return f"the column {self.target!r} of {self.table}"

    @field_validator("drop", mode="before")
    @classmethod
    def _one_column(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given


class Memory(Spec):
    """A synthetic task on sequences: what was said at the start must be known at the end. Its best score is known.

    "adding":  two numbers a position, a value in [0, 1) and a mark; the sum of the two marked values is asked, one
               marked in each half (Hochreiter and Schmidhuber 1997)
    "copy":    one of `symbols` symbols, then blanks; which symbol it was is asked at the end
    "parity":  random bits; whether an odd number of them is 1
    """

    memory: Literal["adding", "copy", "parity"] = Field(description="what is asked: 'adding', 'copy' or 'parity'")
    length: int = Field(20, ge=2, le=10_000, description="positions of a sequence: how long memory must last")
    symbols: int = Field(8, ge=3, le=100, description="different symbols of the copy task")
    rows: int = Field(2000, ge=10, description="sequences of the pool that is split into training and validation")
    validation: Share = Field(0.2, description="share of the pool kept for validation")
    test_rows: int = Field(2000, ge=100, description="sequences of the separate test set")

    @property
    def problem(self) -> str:
        """What is to be learned, however long memory must last."""
        return f"the task {self.memory}"


class Images(Spec):
    """A published set of images with its official test set, which is scored and never selects anything."""

    images: str = Field(description="the name of a set: mnist, fashion_mnist or cifar10")
    folder: str | None = Field(None, description="where its files are; None: known places, then a download")
    rows: int | None = Field(None, ge=20, description="training images drawn of the set; None: all of them")
    class_shares: tuple[tuple[str, float], ...] = Field(
        (), description="share of a class's images that is kept, such as {9 = 0.1}; the others keep all"
    )
    flip: float = Field(0.0, ge=0, lt=1, description="probability that a label to learn from is another class's")
    validation: Share = Field(0.1, description="share of the training images kept for validation")
    test_rows: int | None = Field(None, ge=20, description="images of the official test set; None: all of them")

    @property
    def problem(self) -> str:
        """What is to be learned."""
        return f"the images {self.images}"

    @field_validator("class_shares", mode="before")
    @classmethod
    def _pairs(cls, given: object) -> object:
        return tuple((str(label), share) for label, share in given.items()) if isinstance(given, dict) else given

    @field_validator("class_shares")
    @classmethod
    def _are_shares(cls, pairs: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
        for label, share in pairs:
            if not 0 < share <= 1:
                raise RecipeError(f"class {label!r} has the share {share}; a share is above 0 and at most 1.")
        return tuple(sorted(pairs))


class Series(Spec):
    """Time series of one or more channels, of equal or unequal length, from `.ts` files with an official test set."""

    series: str = Field(description="a name, such as 'JapaneseVowels', or the path of a ..._TRAIN.ts file")
    folder: str | None = Field(None, description="where its files are; None: known places")
    flip: float = Field(0.0, ge=0, lt=1, description="probability that a label to learn from is another class's")
    validation: Share = Field(0.2, description="share of the training series kept for validation")

    @property
    def problem(self) -> str:
        """What is to be learned."""
        return f"the series {self.series}"


class Text(Spec):
    """Text, a character at a time: at every position of a window the next character is asked."""

    text: str = Field(description="'moby_dick', or the path of a text file in UTF-8")
    folder: str | None = Field(None, description="where moby_dick is; None: known places, then a download")
    length: int = Field(64, ge=2, le=10_000, description="characters of a window")
    rows: int | None = Field(None, ge=10, description="windows drawn to learn from; None: all of them")
    validation: Share = Field(0.1, description="share of the windows to learn from kept for validation, in one piece")
    test: Share = Field(0.1, description="share of the text, its end, kept for the final score")

    @property
    def problem(self) -> str:
        """What is to be learned."""
        return f"the text {self.text}"


class Names(Spec):
    """People's names a letter at a time: which language are they from?"""

    names: tuple[str, ...] = Field(min_length=2, description="locales, such as ['en_US', 'de_DE', 'it_IT']")
    validation: Share = Field(0.2, description="share of the names kept for validation")
    test: Share = Field(0.2, description="share of the names kept for the final score")
    test_drawn: TestDrawn = "per replicate"

    @property
    def problem(self) -> str:
        """What is to be learned."""
        return f"names of {', '.join(self.names)}"

    @field_validator("names")
    @classmethod
    def _differ(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise RecipeError(f"the locale {twice!r} comes twice, and no name could tell one from the other.")
        return names


class Arrays(Spec):
    """The user's own arrays: inputs of shape (rows, features), or images, and targets of shape (rows,).

    Images are kept flat, and all their pixels are centred and scaled alike; each column of a table by itself.
    """

    inputs: NDArray[np.float32] = Field(
        description="an array of shape (rows, features), or of images (rows, channels, height, width)", repr=False
    )
    targets: NDArray[Any] = Field(description="an array of shape (rows,)", repr=False)
    checksum: str = Field("", description="sha256 of both arrays, computed from them")
    form: tuple[int, ...] = Field((), description="of an image: (channels, height, width); empty: a row of a table")
    kind: Literal["classification", "regression"] | None = Field(None, description="what is predicted")
    validation: Share = Field(0.2, description="share of the rows kept for validation")
    test: TestShare = Field(0.2, description="share of the rows kept for the final score")
    test_drawn: TestDrawn = "per replicate"

    @model_validator(mode="before")
    @classmethod
    def _copy_and_freeze(cls, fields: dict[str, Any]) -> dict[str, Any]:
        inputs = np.array(fields.get("inputs"), dtype=np.float32)
        targets = np.array(fields.get("targets"))
        form = tuple(fields.get("form", ()))
        if inputs.ndim == 4:
            form, inputs = inputs.shape[1:], inputs.reshape(len(inputs), -1)
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = targets[:, 0]
        if inputs.ndim != 2 or targets.shape != inputs.shape[:1]:
            raise DataError(
                f"inputs have shape {inputs.shape} and targets {targets.shape}. One row is one example: pass inputs of "
                "shape (rows, features), or of images (rows, channels, height, width), and targets of shape (rows,)."
            )
        if form and (len(form) != 3 or math.prod(form) != inputs.shape[1]):
            raise DataError(
                f"an image of form {form} does not have the {inputs.shape[1]} numbers of a row. "
                "Pass form=(channels, height, width), whose product is the number of columns."
            )
        inputs.setflags(write=False)
        targets.setflags(write=False)
        content = inputs.tobytes() + repr(targets.tolist()).encode()
        checksum = hashlib.sha256(repr(inputs.shape).encode() + content).hexdigest()
        return {**fields, "inputs": inputs, "targets": targets, "checksum": checksum, "form": form}

    @property
    def problem(self) -> str:
        """What is to be learned."""
        return f"arrays {self.checksum[:8]}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Arrays):
            return NotImplemented
        mine, theirs = (
            (data.checksum, data.form, data.kind, data.validation, data.test, data.test_drawn) for data in (self, other)
        )
        return mine == theirs

    def __hash__(self) -> int:
        return hash(self.checksum)


PAIRS = "Pass a pair (inputs, targets), or a dataset whose every item is an (input, target) pair of numbers."


@runtime_checkable
class IndexedPairs(Protocol):
    """A map-style dataset, such as torch's: a length, and (input, target) at each index."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...  # noqa: ANN401 - whatever the dataset holds


SOURCES: tuple[type[Spec], ...] = (Task, Bundled, Table, Memory, Images, Series, Text, Names)
"""Sources that can be written in TOML; each is told by the key that is its own name in small letters."""

_KEYS = tuple(source.__name__.lower() for source in SOURCES)


def _which(data: object) -> str:
    if isinstance(data, Spec):
        return type(data).__name__.lower()
    if isinstance(data, dict):
        return next((key for key in _KEYS if key in data), "unknown")
    return "unknown"


Data = Annotated[
    Annotated[Task, Tag("task")]
    | Annotated[Bundled, Tag("bundled")]
    | Annotated[Table, Tag("table")]
    | Annotated[Memory, Tag("memory")]
    | Annotated[Images, Tag("images")]
    | Annotated[Series, Tag("series")]
    | Annotated[Text, Tag("text")]
    | Annotated[Names, Tag("names")]
    | Annotated[Arrays, Tag("arrays")],
    Discriminator(
        _which,
        custom_error_type="unknown_data",
        custom_error_message=f"data needs one of the keys {', '.join(_KEYS)} that says where rows come from",
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
    stacked = np.stack(inputs)
    return Arrays(inputs=stacked if stacked.ndim == 4 else stacked.reshape(len(stacked), -1), targets=np.stack(targets))


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
