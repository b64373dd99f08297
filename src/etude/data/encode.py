"""Columns to inputs: scaling, filling and one-hot codes, all learned from the training part alone.

The number of inputs is the same in every replicate: a category that a training part happens to lack keeps its input,
which is 0 in every row of that replicate.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.data.frame import Categories, Column, Frame, Numbers
from etude.data.notes import named
from etude.data.partition import Partition
from etude.data.splits import Part, Splits
from etude.values.metric import Kind

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The inputs one column becomes, shape (rows, len(names)).

    silent: whether one of them is 0 throughout, because no training row tells it apart
    """

    values: Floats
    names: tuple[str, ...]
    silent: bool


def encode(frame: Frame, rows: Partition, *, form: tuple[int, ...] = ()) -> Splits:
    """The parts of one replicate: numbers centred and divided by their standard deviation, labels one-hot.

    form: of an image, where the columns are its pixels: all are centred and scaled alike, so that a stroke looks the
          same wherever it is
    """
    blocks = [_image(frame.columns, rows.train)] if form else [block(column, rows.train) for column in frame.columns]
    inputs = np.concatenate([b.values for b in blocks], axis=1).astype(np.float32)
    train, validation, test = (
        Part(inputs[mask], frame.targets[mask]) for mask in (rows.train, rows.validation, rows.test)
    )
    return splits(
        parts=(train, validation, test if rows.test.any() else None),
        kind=frame.kind,
        classes=frame.classes,
        features=tuple(name for b in blocks for name in b.names),
        notes=frame.notes if form else (*frame.notes, *_silenced(frame.columns, blocks)),
        form=form,
    )


def splits(  # noqa: PLR0913 - the fields of Splits
    *,
    parts: tuple[Part, Part, Part | None],
    kind: Kind,
    classes: tuple[str, ...],
    features: tuple[str, ...] = (),
    notes: tuple[str, ...],
    form: tuple[int, ...] = (),
    characters: int = 0,
    each_position: bool = False,
) -> Splits:
    """Splits with read-only arrays, their checksum, and the centre and scale of a regression's training targets."""
    digest = hashlib.sha256()
    for part in parts:
        for array in () if part is None else (part.inputs, part.targets):
            array.setflags(write=False)
            digest.update(f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
    center, scale = 0.0, 1.0
    if kind == "regression":
        center, scale = float(parts[0].targets.mean()), _deviation(parts[0].targets) or 1.0
    shape = (form, characters, each_position)
    return Splits(*parts, kind, classes, features, center, scale, digest.hexdigest(), notes, *shape)


def block(column: Column, train: NDArray[np.bool_]) -> Block:
    """The inputs of one column; `train` says which rows it may learn from, shape (rows,).

    >>> block(Numbers("age", np.array([1.0, 3.0, 9.0])), np.array([True, True, False])).values.ravel().tolist()
    [-1.0, 1.0, 7.0]
    """
    if isinstance(column, Categories):
        return _one_hot(column, train)
    return _scaled(column, train)


def _silenced(columns: Sequence[Column], blocks: Sequence[Block]) -> Iterator[str]:
    """Words that hold for every replicate, this one's accident being another one's."""
    silent = [column for column, of in zip(columns, blocks, strict=True) if of.silent]
    same = [column.name for column in silent if isinstance(column, Numbers)]
    lacking = [column.name for column in silent if isinstance(column, Categories)]
    if same:
        yield f"where all training rows of a replicate have the same value, the input is 0: {named(same)}"
    if lacking:
        yield f"a category that is not among the training rows of a replicate is all 0 there: {named(lacking)}"


def _scaled(column: Numbers, train: NDArray[np.bool_]) -> Block:
    """(value − mean)/sd; gaps take the median and are marked 1 in an input of their own."""
    missing = np.isnan(column.values)
    values = column.values
    if missing.any():
        known = values[train & ~missing]
        values = np.where(missing, float(np.median(known)) if known.size else 0.0, values)
    deviation = _deviation(values[train])
    scaled = (values - values[train].mean()) / deviation if deviation else np.zeros_like(values)
    if not missing.any():
        return Block(scaled[:, None], (column.name,), not deviation)
    marked = np.stack([scaled, missing.astype(np.float64)], axis=1)
    return Block(marked, (column.name, f"{column.name} is missing"), not deviation)


def _image(columns: Sequence[Column], train: NDArray[np.bool_]) -> Block:
    pixels = np.stack([column.values for column in columns if isinstance(column, Numbers)], axis=1)
    deviation = _deviation(pixels[train])
    return Block((pixels - pixels[train].mean()) / (deviation or 1.0), (), not deviation)


def _one_hot(column: Categories, train: NDArray[np.bool_]) -> Block:
    labels = np.arange(len(column.labels))
    seen = np.isin(labels, column.codes[train])
    values = ((column.codes[:, None] == labels) & seen).astype(np.float64)
    return Block(values, tuple(f"{column.name}={label}" for label in column.labels), not seen.all())


def _deviation(values: Floats) -> float:
    """Standard deviation; exactly 0 where all values are equal, which rounding would hide."""
    return float(values.std()) if values.size and values.min() < values.max() else 0.0
