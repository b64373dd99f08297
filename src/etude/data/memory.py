"""Synthetic tasks on sequences: what was said at the start must be known at the end. The best score is known."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.data.encode import splits
from etude.data.partition import smallest_keys
from etude.data.splits import Part, Splits
from etude.numerics.seeds import Purpose, stream
from etude.values.data import Memory
from etude.values.errors import RecipeError
from etude.values.metric import Kind, Limit

Floats = NDArray[np.float64]
Streams = Callable[[int], np.random.Generator]
VERSION = 1
"""Raised when the same seed would give other sequences, so that stored results are not reused."""


@dataclass(frozen=True, slots=True)
class Question:
    """One task.

    draw:   the recipe's data, streams by number and a number of rows → sequences (rows, positions, channels), answers
            (rows,); each stream is drawn in row order, so fewer rows are the first rows of more
    limits: metric → (chance, best constant, best possible)
    """

    kind: Kind
    draw: Callable[[Memory, Streams, int], tuple[Floats, Floats]]
    limits: Callable[[Memory], Mapping[str, tuple[float, float, float]]]


def draw_memory(data: Memory, *, seed: int, replicate: int) -> Splits:
    """The sequences of one replicate, and a fresh test set."""
    check_memory(data)
    question = QUESTIONS[data.memory]
    pool = _part(data, seed, replicate, "inputs", data.rows)
    test = _part(data, seed, replicate, "test", data.test_rows)
    kept = smallest_keys(stream(seed, replicate, "split").random(data.rows), _validation_rows(data))
    return splits(
        parts=(_taken(pool, ~kept), _taken(pool, kept), test),
        kind=question.kind,
        classes=memory_classes(data),
        notes=(),
        form=(data.length, test.inputs.shape[1] // data.length),
    )


def check_memory(data: Memory) -> None:
    """A RecipeError where the task cannot be drawn as described."""
    kept = _validation_rows(data)
    if not 1 <= kept <= data.rows - 2:
        raise RecipeError(
            f"task {data.memory!r}: {data.rows} rows with validation={data.validation} leave {data.rows - kept} to "
            f"learn from and {kept} to validate on; at least 2 and 1 are needed. Ask for more rows or another share."
        )


def memory_limits(data: Memory) -> Mapping[str, Limit]:
    """Chance, best constant, and the best score possible, which is perfect: nothing is hidden.

    >>> round(memory_limits(Memory(memory="adding"))["squared_error"].chance, 4)  # the variance of two uniform numbers
    0.1667
    """
    found = QUESTIONS[data.memory].limits(data)
    return {metric: Limit(metric, *limits) for metric, limits in found.items()}


def memory_fingerprint(data: Memory) -> str:
    """sha256 of the task's name and version, which together fix what a seed draws."""
    return hashlib.sha256(f"memory {data.memory} version {VERSION}".encode()).hexdigest()


def memory_kind(data: Memory) -> Kind:
    """What is predicted."""
    return QUESTIONS[data.memory].kind


def _adding(data: Memory, streams: Streams, rows: int) -> tuple[Floats, Floats]:
    values, half, row = streams(0).random((rows, data.length)), data.length // 2, np.arange(rows)
    first, second = streams(1).integers(0, half, rows), streams(2).integers(half, data.length, rows)
    marks = np.zeros((rows, data.length))
    marks[row, first] = marks[row, second] = 1
    return np.stack([values, marks], axis=2), values[row, first] + values[row, second]


def _adding_limits(_: Memory) -> Mapping[str, tuple[float, float, float]]:
    """The sum of two uniform numbers has variance 1/6, and is 1/3 from its median on average (a triangle)."""
    return {"squared_error": (1 / 6, 1 / 6, 0.0), "absolute_error": (1 / 3, 1 / 3, 0.0), "r2": (0.0, 0.0, 1.0)}


def _copy(data: Memory, streams: Streams, rows: int) -> tuple[Floats, Floats]:
    symbol = streams(0).integers(0, data.symbols, rows)
    sequences = np.zeros((rows, data.length, data.symbols))
    sequences[np.arange(rows), 0, symbol] = 1
    return sequences, symbol.astype(np.float64)


def _copy_limits(data: Memory) -> Mapping[str, tuple[float, float, float]]:
    n = data.symbols
    return _sure(float(np.log(n)), 1 - 1 / n, 1 / n)


def _parity(data: Memory, streams: Streams, rows: int) -> tuple[Floats, Floats]:
    bits = streams(0).integers(0, 2, (rows, data.length))
    return bits[:, :, None].astype(np.float64), (bits.sum(axis=1) % 2).astype(np.float64)


def _sure(log_loss: float, brier: float, accuracy: float) -> Mapping[str, tuple[float, float, float]]:
    """Limits of equally likely classes of which nothing is hidden; the best constant is chance."""
    return {
        "log_loss": (log_loss, log_loss, 0.0),
        "brier": (brier, brier, 0.0),
        "accuracy": (accuracy, accuracy, 1.0),
        "calibration": (0.0, 0.0, 0.0),
    }


QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {
        "adding": Question("regression", _adding, _adding_limits),
        "copy": Question("multiclass", _copy, _copy_limits),
        "parity": Question("binary", _parity, lambda _: _sure(float(np.log(2)), 0.25, 0.5)),
    }
)
"""The tasks by name."""


def memory_classes(data: Memory) -> tuple[str, ...]:
    """The label of each class; none for `adding`."""
    n = {"adding": 0, "copy": data.symbols, "parity": 2}[data.memory]
    return tuple(map(str, range(n)))


def _part(data: Memory, seed: int, replicate: int, of: Purpose, rows: int) -> Part:
    sequences, answers = QUESTIONS[data.memory].draw(data, lambda j: stream(seed, replicate, of, j), rows)
    return Part(sequences.reshape(rows, -1).astype(np.float32), answers)


def _taken(part: Part, rows: NDArray[np.bool_]) -> Part:
    return Part(part.inputs[rows], part.targets[rows])


def _validation_rows(data: Memory) -> int:
    return int(np.floor(data.rows * data.validation + 0.5))
