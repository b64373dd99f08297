"""A table of named columns: from records, from long to wide, and apart by run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from etude.records.axes import named, plain
from etude.records.cells import Column, Rows, column, joined, parts
from etude.values.curve import frozen

RUN_COLUMNS = (
    *("run", "run_id", "run_name", "run_uuid", "experiment", "experiment_id", "experiment_name", "exp", "exp_name"),
    *("trial", "trial_id", "trial_name", "job_id", "model", "model_name", "arm", "replicate", "seed", "fold", "name"),
)
MOST_RUNS = 1_000

KEY_COLUMNS = ("metric", "metric_name", "key", "tag", "variable", "quantity", "name")
VALUE_COLUMNS = ("value", "metric_value", "scalar")
"""Of a long table, which has one number a row: what was measured, and the number."""

MOST_COLUMNS = 20_000
"""More than there may be series, so that a table with too many is known for one."""

BLOCK = 10_000
"""Records that become columns at a time."""

Record = tuple[int, Mapping[str, object]]
"""The line it is in, and what it says."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns over the same rows.

    size:  rows
    lines: where each row is in its file, shape (size,), counted from 1; None: only the row's number is known
    """

    columns: tuple[Column, ...]
    size: int
    lines: Rows | None = None

    def where(self, row: int) -> str:
        """The row's place, for people."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"


def from_records(records: Iterable[Record]) -> Table:
    """A table from records, each with its line; their keys need not be the same, and beyond MOST_COLUMNS are left out.

    >>> [one.name for one in from_records([(1, {"step": 1, "loss": 0.7}), (2, {"step": 1, "val_loss": 0.8})]).columns]
    ['step', 'loss', 'val_loss']
    """
    found: dict[str, list[Column]] = {}
    lines: list[int] = []
    for block in _blocks(records):
        waiting: dict[str, tuple[list[int], list[object]]] = {}
        for row, (line, record) in enumerate(block, len(lines)):
            lines.append(line)
            for name, cell in record.items():
                if name not in waiting:
                    if name not in found and len(found) + len(waiting) >= MOST_COLUMNS:
                        continue
                    waiting[name] = ([], [])
                rows, cells = waiting[name]
                rows.append(row)
                cells.append(cell)
        for name, (rows, cells) in waiting.items():
            found.setdefault(name, []).append(column(name, np.array(rows), cells))
    return Table(tuple(map(joined, found.values())), len(lines), frozen(np.array(lines, dtype=np.int64)))


def _blocks(records: Iterable[Record]) -> Iterator[list[Record]]:
    """The records in lists, of which only one is held at a time: as columns they take less memory."""
    rest = iter(records)
    while block := list(islice(rest, BLOCK)):
        yield block


def wide(rows: Table) -> Table:
    """A table with one number a row and a column that says of what, as one with a column for each."""
    keys = [one for one in rows.columns if plain(one.name) in KEY_COLUMNS and one.texts and not one.rows.size]
    values = named(rows.columns, VALUE_COLUMNS)
    if not keys or not values:
        return rows
    key, value = keys[0], values[0]
    labels, codes = coded(key.texts, key.text_rows, rows.size)
    found = [replace(part, name=label) for label, part in zip(labels, parts(value, codes, len(labels)), strict=True)]
    return replace(rows, columns=(*(one for one in rows.columns if one not in (key, value)), *found))


def apart(rows: Table) -> Iterator[tuple[str, Table]]:
    """The table of every run, with its name; one with the name "" where no column tells runs apart."""
    telling = _telling(rows)
    if not telling:
        yield "", rows
        return
    labels = [" ".join(filter(None, said)) for said in zip(*(_labels(one, rows.size) for one in telling), strict=True)]
    names, codes = coded(labels, np.arange(rows.size), rows.size)
    rest = [parts(one, codes, len(names)) for one in rows.columns if one not in telling]
    for code, name in enumerate(names):
        mine = np.flatnonzero(codes == code)
        columns = tuple(_renumbered(some[code], mine) for some in rest)
        yield name or "without a name", Table(columns, mine.size, None if rows.lines is None else rows.lines[mine])


def coded(texts: Sequence[str], text_rows: Rows, size: int) -> tuple[list[str], Rows]:
    """The different texts in the order of their coming, and the place of every row's among them; -1: it has none."""
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    codes = np.full(size, -1, dtype=np.int64)
    codes[text_rows] = [places[text] for text in texts]
    return list(places), codes


def _telling(rows: Table) -> tuple[Column, ...]:
    """The columns that tell runs apart: named so, in nearly all rows, with a few values."""
    return tuple(
        one
        for one in rows.columns
        if plain(one.name) in RUN_COLUMNS
        and one.rows.size + one.text_rows.size >= 0.9 * rows.size
        and 1 < len(set(_labels(one, rows.size))) <= min(MOST_RUNS, rows.size // 2)
    )


def _labels(one: Column, size: int) -> list[str]:
    """The text of every row; a number with the column's name before it."""
    labels = [""] * size
    for row, value in zip(one.rows.tolist(), one.values.tolist(), strict=True):
        labels[row] = f"{one.name} {value:.15g}"
    for row, text in zip(one.text_rows.tolist(), one.texts, strict=True):
        labels[row] = text
    return labels


def _renumbered(one: Column, mine: Rows) -> Column:
    """The column of one run, its rows counted among the run's own."""
    rows, text_rows = (frozen(np.searchsorted(mine, some)) for some in (one.rows, one.text_rows))
    return Column(one.name, rows, one.values, text_rows, one.texts)
