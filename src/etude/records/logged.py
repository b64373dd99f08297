"""What a reader finds in other tools' logs, before anybody decides what is training and what is validation."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etude.values.curve import frozen
from etude.values.errors import LogError
from etude.values.lost import Lost
from etude.values.run import Run

__all__ = [
    "HEAD",
    "MOST_FACTS",
    "MOST_SERIES",
    "Log",
    "LogError",
    "Lost",
    "Reader",
    "Series",
    "file_by_file",
    "series",
]

HEAD = 4096
"""Bytes of a file by which its format is recognised."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One quantity as a tool logged it, in the order in which it was written. Build it with `series`.

    name:   as the tool has it, with the folder of a sub-run before it: "val_loss", "train/epoch_loss"
    values: shape (n,), float64; NaN and infinities are kept
    steps:  optimiser or logging steps, shape (n,), NaN where a row has none; None where the tool logs none
    epochs: epochs, perhaps with fractions, likewise
    clock:  seconds since 1970, likewise
    """

    name: str
    values: NDArray[np.float64]
    steps: NDArray[np.float64] | None = None
    epochs: NDArray[np.float64] | None = None
    clock: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for axis in (self.steps, self.epochs, self.clock):
            assert axis is None or axis.shape == self.values.shape, f"{self.name}: every value needs its place"


def series(
    name: str,
    values: ArrayLike,
    *,
    steps: ArrayLike | None = None,
    epochs: ArrayLike | None = None,
    clock: ArrayLike | None = None,
) -> Series:
    """A series from anything array-like, copied.

    >>> series("loss", [0.7, 0.6], epochs=[1, 2]).epochs.tolist()
    [1.0, 2.0]
    """
    axes = (None if axis is None else frozen(np.array(axis, dtype=np.float64)) for axis in (steps, epochs, clock))
    return Series(name, frozen(np.array(values, dtype=np.float64)), *axes)


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """One run of another tool, as it was logged.

    name:   what a person would call the run: its folder, file or id
    format: what the reader calls what it read: "TensorBoard", "Lightning CSV"
    files:  what was read
    series: in the order in which they first appear; names are unique
    facts:  parameters that the tool kept: learning rate, batch size, …
    notes:  what a person should know: "steps 10–14 were logged twice; the later file was taken"
    """

    name: str
    format: str
    files: tuple[str, ...]
    series: tuple[Series, ...]
    lost: tuple[Lost, ...] = ()
    facts: Mapping[str, str | int | float] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [one.name for one in self.series]
        assert len(set(names)) == len(names), f"{self.name}: two series have one name"


MOST_SERIES, MOST_FACTS = 10_000, 1_000
"""Of a log; what is beyond is told."""


def file_by_file(files: Iterable[Path], logs: Callable[[Path], Iterable[Log]]) -> Iterator[Log | LogError]:
    """The logs of each file; one of which nothing can be read is its LogError, and the next is read."""
    for path in files:
        try:
            yield from logs(path)
        except LogError as error:
            yield error


@dataclass(frozen=True, slots=True)
class Reader:
    """One format.

    says:       what it reads, for lists of formats
    recognises: whether a regular file is of this format, by its path and its first HEAD bytes
    read:       the runs in files that were recognised, all below the folder `root`; what belongs to one run becomes
                one Log, or a Run where the file says all that a Run has. A file of which nothing can be read is a
                LogError among them, and never stops the others
    """

    says: str
    recognises: Callable[[Path, bytes], bool]
    read: Callable[[Sequence[Path], Path], Iterator[Log | Run | LogError]]
