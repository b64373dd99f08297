"""Other tools' SQLite files, asked for real tables only and read past damage, within bounds of time and memory."""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from etude.records.bounded import opened
from etude.records.database import MAGIC
from etude.records.failures import FAILURES
from etude.records.labels import text
from etude.records.logged import Lost
from etude.records.sqlite_opening import BUSY, code_of, connected, is_whole
from etude.values.errors import LogError

SECONDS, BYTES_A_SECOND = 0.5, 2**22
"""Of this thread's own work that a file may take: so much, and more by its size. A sound one takes a tenth."""

STRETCH = 250
"""Rows in a row that cannot be read, after which not every next one is tried; a page of a file holds some 100."""

MOST_GAPS = 100
"""Stretches of lost rows of a table, after which the rest is given up."""

MARKED = 2**18
"""First bytes of a damaged file in which the definitions of its tables are looked for."""

ROW_NUMBERS = ("rowid", "oid", "_rowid_")
"""What SQLite calls the number of a row, where no column has that name."""

DEFINITIONS = ("sqlite_master", ("type", "name", "rootpage"))

PUT_BACK = "It is damaged or incomplete: put back a copy, or try the `.recover` of sqlite3."

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SqliteLog:
    """An open file; `sqlite_log` opens one.

    tables: the columns of each real table, by name; views and virtual tables are not among them
    notes:  what a person should know of how it was opened
    whole:  whether SQLite took it for sound, as far as it looked when it was opened
    """

    path: Path
    tables: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]
    connection: sqlite3.Connection
    ends: float
    whole: bool

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Row | Lost]:
        """Every row in the order in which they were written: its number, then the columns; None for one not there.

        Text is given as bytes. A stretch of rows that cannot be read is one Lost.
        """
        have = self.tables.get(table, ())
        number = next((name for name in ROW_NUMBERS if name not in map(str.lower, have)), None)
        wanted = ", ".join(f'"{name}"' if name in have else "NULL" for name in columns)
        query = f'SELECT {number}, {wanted} FROM "{table}" NOT INDEXED WHERE {number} > ? ORDER BY {number}'
        last, gaps = -(2**63), 0
        while have and number:
            try:
                for row in _in_order(self.connection.execute(query, (last,))):
                    last = row[0]
                    yield row
            except FAILURES as error:
                again = None if self._is_late() else self._after(query, last)
                if again is not None:  # Python had read it, and let go of it as the next one could not be read
                    last = again[0]
                    yield again
                    continue
                resumed = self._resumed(query, max(last, 0)) if gaps < MOST_GAPS else None
                until = "on" if resumed is None else f"to {resumed:,}"
                yield Lost(str(self.path), f"rows {max(last, 0) + 1:,} {until} of table {table}", None, _reason(error))
                if resumed is None:
                    return
                last, gaps = resumed, gaps + 1
            else:
                return

    def sound(self, table: str, columns: Sequence[str], lost: list[Lost]) -> Iterator[Row]:
        """The rows that can be read; what cannot be is added to `lost`."""
        for row in self.rows(table, columns):
            if isinstance(row, Lost):
                lost.append(row)
            else:
                yield row

    def _resumed(self, query: str, last: int) -> int | None:
        """The last row of a stretch that cannot be read; None where no row can be read behind it."""
        row, step = last + 1, 1
        while row < 2**63 and not self._is_late():
            found = self._after(query, row)
            if found is not None:
                return int(found[0]) - 1
            step += (row - last > STRETCH) * (step // 4 + 1)
            row += step
        return None

    def _after(self, query: str, last: int) -> Row | None:
        """The first row after `last`; None where there is none, or where it cannot be read."""
        try:
            found: Row | None = self.connection.execute(f"{query} LIMIT 1", (last,)).fetchone()
        except FAILURES:
            return None
        return found if found is not None and found[0] > last else None

    def _is_late(self) -> bool:
        return time.thread_time() > self.ends


@contextmanager
def sqlite_log(path: Path) -> Iterator[SqliteLog]:
    """The file, opened for reading; a LogError where it cannot be, or where SQLite fails in the block."""
    with ExitStack() as closing:
        try:
            with opened(path) as file:
                head = file.read(100)
                size = file.seek(0, 2)
            ends = time.thread_time() + SECONDS + size / BYTES_A_SECOND
            connection, notes = connected(path, head, ends, closing)
            whole = is_whole(connection)
            notes += () if whole else (f"{path.name} is damaged or incomplete; what can be read of it was",)
            bare = SqliteLog(path, {DEFINITIONS[0]: DEFINITIONS[1]}, notes, connection, ends, whole)
            yield replace(bare, tables=_tables(bare))
        except FAILURES as error:
            raise LogError(f"{path} cannot be read: {_says(error)} Nothing was read.") from error


def is_sqlite(head: bytes) -> bool:
    """Whether a file's first bytes are those of a SQLite file."""
    return head.startswith(MAGIC)


def has_tables(path: Path, wanted: Mapping[str, frozenset[str]], *, mark: bytes) -> bool:
    """Whether a SQLite file has these tables with these columns.

    mark: what says so of a file that is too damaged to be asked, somewhere in its first bytes
    """
    try:
        with sqlite_log(path) as file:
            found = all(columns <= set(file.tables.get(name, ())) for name, columns in wanted.items())
            return found or (not file.whole and _is_marked(path, mark))
    except LogError:
        return _is_marked(path, mark)


def _is_marked(path: Path, mark: bytes) -> bool:
    try:
        with opened(path) as file:
            return mark in file.read(MARKED)
    except LogError:
        return False


def _tables(bare: SqliteLog) -> Mapping[str, tuple[str, ...]]:
    """The columns of each real table of which the definition can be read."""
    lost: list[Lost] = []
    tables = {}
    for _, kind, name, page in bare.sound(*DEFINITIONS, lost):
        if kind == b"table" and isinstance(name, bytes) and isinstance(page, int) and page > 0:
            tables[text(name)] = _columns(bare.connection, name)
    if not tables and not bare.whole:
        because = f"{lost[0].because}. " if lost else ""
        raise LogError(f"{bare.path} cannot be read: {because}{PUT_BACK} Nothing was read.")
    return MappingProxyType(tables)


def _columns(connection: sqlite3.Connection, name: bytes) -> tuple[str, ...]:
    try:
        found = connection.execute("SELECT name FROM pragma_table_info(?)", (text(name),)).fetchall()
    except FAILURES:
        return ()
    return tuple(text(column) for (column,) in found)


def _in_order(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, unless damage leads back to rows that were there before; one damaged number stops nothing."""
    before = last = -(2**63) - 1
    for row in rows:
        number = row[0]
        if number > last:
            before, last = last, number
        elif number > before:
            last = number
        else:
            raise sqlite3.DatabaseError("its rows are out of order")
        yield row


def _reason(error: Exception) -> str:
    if code_of(error) == sqlite3.SQLITE_INTERRUPT:
        return "it takes longer than any sound file of its size"
    return f"SQLite says: {text(str(error))}"


def _says(error: Exception) -> str:
    if code_of(error) in BUSY:
        return "another program is writing it. Try again when it has finished."
    return f"{_reason(error)}. {PUT_BACK}"
