"""What the records of a W&B log say: the rows of its history, its configuration, its name and how it ended.

Source: wandb, proto/wandb_internal.proto.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from etude.records.logged import MOST_FACTS, MOST_SERIES, Series
from etude.records.protobuf import BYTES, VARINT, Field, fields, text, varint
from etude.records.wandb_items import item, measured, parameter, plain_items, scalars
from etude.values.curve import frozen

HISTORY, CONFIGURATION, RUN, EXIT = (2, BYTES), (5, BYTES), (17, BYTES), (18, BYTES)
"""Fields of a record; all others are passed over: a summary repeats the history, the rest is about the machine."""

ITEM, ROW_STEP = (1, BYTES), (2, BYTES)
"""Of a history and, the first, of a configuration; the step may be among the items as well."""

STEP_KEY = 0x12
"""What ROW_STEP begins with on the wire."""

RUN_ID, RUN_CONFIGURATION, DISPLAY_NAME = (1, BYTES), (4, BYTES), (8, BYTES)
NUMBER = (1, VARINT)
"""Of a step its number, of an exit its code."""

STEP, CLOCK, EPOCH = "_step", "_timestamp", "epoch"
"""Items that place the others of their row. Those of W&B itself begin with "_"."""


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """The numbers of one name, as they are found, and the rows that they are in."""

    rows: "array[int]" = field(default_factory=lambda: array("q"))
    numbers: "array[float]" = field(default_factory=lambda: array("d"))


@dataclass(slots=True)
class History:
    """A run, as its records are taken, one after the other.

    passed: names that hold no numbers
    beyond: numbers that were passed over because there were too many series
    ended:  the code with which the run ended; None as long as it has not
    """

    name: str = ""
    ended: int | None = None
    facts: dict[str, str | int | float] = field(default_factory=dict)
    passed: dict[str, None] = field(default_factory=dict)
    beyond: int = 0
    _n_rows: int = 0
    _columns: dict[str, _Column] = field(default_factory=dict)
    _plain: dict[bytes, _Column] = field(default_factory=dict)

    def take(self, message: bytes) -> None:
        """One record; ValueError where it is none, and then nothing of it is taken."""
        for outer in fields(message):
            kind = outer[:2]
            if kind == HISTORY:
                self._row(message, outer)
            elif kind == CONFIGURATION:
                self._configure(message, outer)
            elif kind == RUN:
                self._begin(message, outer)
            elif kind == EXIT:
                self.ended = _number(message, outer)

    def series(self) -> Iterator[Series]:
        """One a name that has numbers, in the order in which the names appeared."""
        steps, epochs, clock = (self._axis(name) for name in (STEP, EPOCH, CLOCK))
        for name, column in self._columns.items():
            if name != EPOCH and not name.startswith("_"):
                rows = np.array(column.rows)
                places = [None if axis is None else frozen(axis[rows]) for axis in (steps, epochs, clock)]
                yield Series(name, frozen(np.array(column.numbers)), *places)

    def _axis(self, name: str) -> NDArray[np.float64] | None:
        """What each row has under a name, NaN where it has nothing, shape (rows,)."""
        column = self._columns.get(name)
        if column is None:
            return None
        axis = np.full(self._n_rows, np.nan)
        axis[np.array(column.rows)] = np.array(column.numbers)
        return axis

    def _row(self, message: bytes, outer: Field) -> None:
        if not self._plain_row(message, *outer[2:]):
            for name, value in self._any_row(message, outer).items():
                self._add(name, value)
        self._n_rows += 1

    def _plain_row(self, message: bytes, start: int, end: int) -> bool:
        """Takes a row of plain items that were all seen before, their step among them, which is quick."""
        items, at = plain_items(message, start, end)
        is_all = at == end or message[at : at + 2] == bytes((STEP_KEY, max(end - at - 2, 0) & 127))
        values = dict(items)
        if (
            not is_all
            or len(values) < len(items)
            or STEP.encode() not in values
            or not values.keys() <= self._plain.keys()
        ):
            return False
        try:
            numbers = list(map(float, values.values()))
        except ValueError:
            return False
        for name, number in zip(values, numbers, strict=True):
            column = self._plain[name]
            column.rows.append(self._n_rows)
            column.numbers.append(number)
        return True

    def _any_row(self, message: bytes, outer: Field) -> dict[str, float]:
        values: dict[str, float] = {}
        for inner in fields(message, *outer[2:]):
            if inner[:2] == ITEM:
                for name, one in measured(*item(message, *inner[2:])):
                    if one is not None:
                        values[name] = one
                    elif not name.startswith("_") and len(self.passed) < MOST_SERIES:
                        self.passed[name] = None
            elif inner[:2] == ROW_STEP:
                values.setdefault(STEP, float(_number(message, inner)))
        return values

    def _add(self, name: str, value: float) -> None:
        column = self._columns.get(name)
        if column is None:
            if len(self._columns) == MOST_SERIES:
                self.beyond += 1
                return
            column = self._columns[name] = self._plain[name.encode()] = _Column()
        column.rows.append(self._n_rows)
        column.numbers.append(value)

    def _configure(self, message: bytes, outer: Field) -> None:
        for inner in fields(message, *outer[2:]):
            if inner[:2] == ITEM:
                for name, value in scalars(*item(message, *inner[2:])):
                    fact = parameter(value)
                    if fact is not None and not name.startswith("_") and len(self.facts) < MOST_FACTS:
                        self.facts[name] = fact

    def _begin(self, message: bytes, outer: Field) -> None:
        for inner in fields(message, *outer[2:]):
            if inner[:2] == RUN_CONFIGURATION:
                self._configure(message, inner)
            elif inner[:2] == DISPLAY_NAME or (inner[:2] == RUN_ID and not self.name):
                self.name = text(message, *inner[2:]) or self.name


def _number(message: bytes, outer: Field) -> int:
    """The number in a message that holds but that; 0 is not written."""
    inner = [one for one in fields(message, *outer[2:]) if one[:2] == NUMBER]
    return varint(message, *inner[-1][2:])[0] if inner else 0
