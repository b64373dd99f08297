"""One event file of TensorBoard: its scalars and parameters, and what could not be read."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from etude.records.bounded import content
from etude.records.event_heads import heads
from etude.records.event_parameters import Facts
from etude.records.event_value import Cut, Value, value_in
from etude.records.logged import MOST_FACTS, MOST_SERIES, Lost, Series
from etude.records.tfrecord import BATCH, HEADER, records
from etude.values.curve import frozen

MOST_CUTS = 16
"""Places of a number in values of one length that are remembered: genuine files have one or two."""

LONGEST_TAG = 1000
"""Characters; a longer tag is no name."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """What an event file holds.

    began:  time of its first event, in seconds since 1970; infinite where it has none
    series: one a tag
    passed: tags that hold no scalars, with what they hold: "weights (histogram)"
    """

    path: Path
    began: float
    series: tuple[Series, ...]
    facts: Facts
    passed: tuple[str, ...]
    lost: tuple[Lost, ...]


def events(path: Path) -> Events:
    """The events of a file whose checksums match; LogError where it cannot be opened."""
    raw = content(path)
    starts, ends, lost = records(raw, str(path))
    clock, steps = np.empty(len(starts)), np.empty(len(starts), dtype=np.int64)
    scalars = _Scalars()
    for first in range(0, len(starts), BATCH):
        some = slice(first, first + BATCH)
        head = heads(raw, starts[some], ends[some])
        clock[some], steps[some] = head.clock, head.steps
        broken = [*head.broken, *scalars.take(raw, head.values, first)]
        lost += tuple(_no_event(path, int(starts[first + row]), because) for row, because in broken)
    if scalars.beyond:
        lost += (Lost(str(path), "byte 0", scalars.beyond, f"more than {MOST_SERIES:,} series are not read"),)
    began = float(clock[0]) if clock.size and np.isfinite(clock[0]) else float("inf")
    passed = tuple(f"{tag} ({kind})" for tag, kind in scalars.passed.items())
    return Events(path, began, tuple(scalars.series(clock, steps)), scalars.facts, passed, lost)


def _no_event(path: Path, start: int, because: str) -> Lost:
    return Lost(str(path), f"byte {start - HEADER}", 1, f"it is no event: {because}")


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """The scalars of one tag, as they are found: the rows of their records, and their numbers."""

    rows: "array[int]" = field(default_factory=lambda: array("q"))
    numbers: "array[float]" = field(default_factory=lambda: array("d"))


@dataclass(slots=True)
class _Scalars:
    """The scalars of a file by tag, and what it takes to find them quickly.

    cuts:   by the length of a value, where its number may lie; and by the bytes around it, the column it belongs to.
            What was learned from one value, byte by byte, so holds for all others that differ in the number only.
    passed: tags that hold no scalars, and what they hold
    beyond: scalars that were passed over because there were too many tags
    """

    columns: dict[str, _Column] = field(default_factory=dict)
    cuts: dict[int, dict[Cut, dict[bytes, _Column]]] = field(default_factory=dict)
    facts: dict[str, str | int | float] = field(default_factory=dict)
    passed: dict[str, str] = field(default_factory=dict)
    beyond: int = 0

    def take(self, raw: bytes, values: Iterable[tuple[int, int, int]], before: int) -> list[tuple[int, str]]:
        """Takes values whose rows come after `before` others; says which rows hold one that is none, and why."""
        broken = []
        cuts = self.cuts
        for row, start, end in values:
            message = raw[start:end]
            for (first, stop, unpack), known in cuts.get(end - start, {}).items():
                column = known.get(message[:first] + message[stop:])
                if column is not None:
                    column.rows.append(before + row)
                    column.numbers.append(unpack(message, first)[0])
                    break
            else:
                try:
                    self._learn(before + row, message)
                except ValueError as error:
                    broken.append((row, str(error)))
        return broken

    def series(self, clock: NDArray[np.float64], steps: NDArray[np.int64]) -> list[Series]:
        """What was found, in the order of the first record of each."""
        found = []
        for tag, column in self.columns.items():
            rows = np.array(column.rows)
            order = np.argsort(rows, kind="stable")  # records of another form were read after all others
            rows, numbers = rows[order], np.array(column.numbers)[order]
            at = frozen(steps[rows].astype(np.float64))
            found.append((rows[0], Series(tag, frozen(numbers), at, clock=frozen(clock[rows]))))
        return [one for _, one in sorted(found, key=lambda pair: pair[0])]

    def _learn(self, row: int, message: bytes) -> None:
        value = value_in(message)
        if len(value.tag) > LONGEST_TAG:
            raise ValueError(f"a tag of {len(value.tag):,} characters")
        if value.number is None:
            self._pass(value)
        elif value.tag not in self.columns and len(self.columns) == MOST_SERIES:
            self.beyond += 1
        else:
            column = self.columns.setdefault(value.tag, _Column())
            column.rows.append(row)
            column.numbers.append(value.number)
            self._remember(value, message, column)

    def _remember(self, value: Value, message: bytes, column: _Column) -> None:
        places = self.cuts.setdefault(len(message), {})
        if value.cut is not None and (value.cut in places or len(places) < MOST_CUTS):
            around = message[: value.cut.start] + message[value.cut.stop :]
            places.setdefault(value.cut, {})[around] = column

    def _pass(self, value: Value) -> None:
        self.facts |= dict(list(value.facts.items())[: MOST_FACTS - len(self.facts)])
        if not value.facts and value.kind != "hparams" and len(self.passed) < MOST_SERIES:
            self.passed[value.tag] = value.kind
