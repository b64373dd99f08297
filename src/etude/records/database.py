"""One SQLite file of named bytes that has one writer, and that notices when a row has gone missing."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from etude.records.failures import FAILURES, damaged, explained
from etude.records.lock import owned
from etude.records.sealing import digest
from etude.values.errors import StoreError, StoreVersionError

Kind = Literal["run", "study"]

SQLITE_VERSION = sqlite3.sqlite_version
"""Of the library that writes; it belongs in the provenance of a study."""

APPLICATION = 0x65747564
"""'etud': tells our files from other SQLite files (``PRAGMA application_id``)."""

LAYOUT = 2
"""The layout of the tables and of what they keep (``PRAGMA user_version``). A higher one is refused."""

MAGIC = b"SQLite format 3\0"
PATIENCE = 5.0
"""Seconds to wait for a lock that another program holds for the length of one write."""

LONGEST_STRETCH = 10_000
"""Rows in a row that cannot be read, after which no more are looked for; a page of the file holds at most some 100."""

THIS_LAYOUT = f"PRAGMA user_version = {LAYOUT}"
CHANGES: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        0: (
            "CREATE TABLE records (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL)",
            "CREATE UNIQUE INDEX records_by_name ON records (kind, name)",
            "CREATE TABLE tally (kind TEXT PRIMARY KEY, n INTEGER NOT NULL, names BLOB NOT NULL)",
            "INSERT INTO tally VALUES ('run', 0, zeroblob(16)), ('study', 0, zeroblob(16))",
            f"PRAGMA application_id = {APPLICATION}",
            THIS_LAYOUT,
        ),
        1: (THIS_LAYOUT,),  # its records are read as they are; only an étude that knows both may add to them
    }
)
"""What makes this layout of an empty file (0) and of each earlier one.

`tally.names` is the exclusive or of a digest of every name of a kind, so that a row that a damaged page no longer
shows is missed; the bodies carry checksums of their own."""


class Reading:
    """The file as anybody may read it, also while its owner writes; each call sees one whole state of it."""

    def __init__(self, path: Path, *, connection: sqlite3.Connection, closing: ExitStack) -> None:
        """`closing` undoes what opening did, the last thing first."""
        self.path = path
        self._connection = connection
        self._closing = closing
        self._verified: dict[Kind, tuple[int, set[str]]] = {}

    def close(self) -> None:
        """Let go of the file; what was acknowledged is on the disk already."""
        self._closing.close()

    def names(self, kind: Kind) -> frozenset[str]:
        """Every name of a kind; a StoreDamagedError where they are not those that were written."""
        with self._transaction("BEGIN"):
            return frozenset(self._names(kind))

    def body(self, kind: Kind, name: str) -> bytes | None:
        """The bytes kept under a name; None where nothing is, which is certain."""
        with self._transaction("BEGIN"):
            return self._body(kind, name)

    def rows(self) -> Iterator[tuple[Kind, str, bytes] | None]:
        """What is left of a damaged file, row by row; None for each stretch of rows that cannot be read."""
        row = failures = 0
        while failures < LONGEST_STRETCH:
            found = self._row_after(row)
            if found == ():
                return
            if found is None and not failures:
                yield None
            if found:
                yield found[1:]
            row, failures = (found[0], 0) if found else (row + 1, failures + 1)

    def _row_after(self, row: int) -> tuple[int, Kind, str, bytes] | tuple[()] | None:
        """The next row; empty where there is no more, None where it cannot be read."""
        following = "SELECT id, kind, name, body FROM records WHERE id > ? ORDER BY id LIMIT 1"
        try:
            found: tuple[int, Kind, str, bytes] | tuple[()] = (
                self._connection.execute(following, (row,)).fetchone() or ()
            )
        except FAILURES:
            return None
        return found if not found or found[0] > row else None

    def _body(self, kind: Kind, name: str) -> bytes | None:
        found = self._connection.execute("SELECT body FROM records WHERE kind = ? AND name = ?", (kind, name))
        row = found.fetchone()
        if row is not None and isinstance(row[0], bytes):
            return row[0]
        if row is not None or name in self._names(kind):
            raise damaged(self.path, f"{kind} {name} is listed but cannot be read")
        return None

    def _names(self, kind: Kind) -> set[str]:
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        known = self._verified.get(kind)
        if known and known[0] == version:
            return known[1]
        found = [row[0] for row in self._connection.execute("SELECT name FROM records WHERE kind = ?", (kind,))]
        self._check_tally(kind, found)
        self._verified[kind] = (version, set(found))
        return self._verified[kind][1]

    def _check_tally(self, kind: Kind, found: list[str]) -> None:
        n, mark = self._tally(kind)
        if (len(found), _mark(map(str, found))) != (n, mark):  # damage can make a number of a name
            raise damaged(self.path, f"it lists {len(found)} {kind} records, not the {n} that were kept")

    def _tally(self, kind: Kind) -> tuple[int, int]:
        row = self._connection.execute("SELECT n, names FROM tally WHERE kind = ?", (kind,)).fetchone()
        if row is None or not isinstance(row[0], int) or not isinstance(row[1], bytes):
            raise damaged(self.path, f"its count of {kind} records is gone")
        return row[0], int.from_bytes(row[1], "little")

    @contextmanager
    def _transaction(self, begin: Literal["BEGIN", "BEGIN IMMEDIATE"]) -> Iterator[None]:
        try:
            with explained(self.path):
                self._connection.execute(begin)
                yield
                self._connection.execute("COMMIT")
        except BaseException:
            self._verified.clear()
            with suppress(*FAILURES):
                self._connection.rollback()
            raise


class Writing(Reading):
    """The file as its one owner holds it."""

    def put_all(self, kind: Kind, bodies: Mapping[str, bytes]) -> None:
        """Keep bytes under names, in place of those there, all or none; once this returns they are on the disk."""
        with self._transaction("BEGIN IMMEDIATE"):
            there = {name for name in bodies if self._body(kind, name) is not None}
            new = [name for name in bodies if name not in there]
            inserted = ((kind, name, bodies[name]) for name in new)
            self._connection.executemany("INSERT INTO records (kind, name, body) VALUES (?, ?, ?)", inserted)
            updated = ((bodies[name], kind, name) for name in there)
            self._connection.executemany("UPDATE records SET body = ? WHERE kind = ? AND name = ?", updated)
            self._count(kind, new, 1)
        self._known(kind).update(new)

    def drop(self, kind: Kind, name: str) -> bool:
        """Forget a name; whether it was there."""
        with self._transaction("BEGIN IMMEDIATE"):
            gone = self._connection.execute("DELETE FROM records WHERE kind = ? AND name = ?", (kind, name)).rowcount
            if gone:
                self._count(kind, [name], -1)
            elif name in self._names(kind):
                raise damaged(self.path, f"{kind} {name} is listed but cannot be deleted")
        self._known(kind).discard(name)
        return bool(gone)

    def _known(self, kind: Kind) -> set[str]:
        return self._verified[kind][1] if kind in self._verified else set()

    def _count(self, kind: Kind, names: Collection[str], change: Literal[1, -1]) -> None:
        n, mark = self._tally(kind)
        row = (n + change * len(names), (mark ^ _mark(names)).to_bytes(16, "little"), kind)
        self._connection.execute("UPDATE tally SET n = ?, names = ? WHERE kind = ?", row)


def reading(path: Path) -> Reading:
    """Open a file that exists, read-only; its owner is not disturbed and does not disturb."""
    path = path.resolve()
    if not _is_ours(path):
        raise StoreError(f"{path} holds no runs: it does not exist or is empty. Name the store of a study that ran.")
    with ExitStack() as closing, explained(path):
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=PATIENCE, isolation_level=None)
        closing.callback(connection.close)
        if _layout(connection, path) == 0:
            raise StoreError(f"{path} holds no runs yet: its making was interrupted. Run the study again.")
        return Reading(path, connection=connection, closing=closing.pop_all())


def writing(path: Path) -> Writing:
    """Open a file as its one owner, making it where there is none."""
    path = path.resolve()
    _is_ours(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent} cannot be made: {error.strerror}. Nothing was changed.") from error
    with ExitStack() as closing, explained(path):
        closing.enter_context(owned(path))
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        closing.callback(connection.close)
        _bring_to_this_layout(connection, _layout(connection, path))
        closing.callback(_settle, connection)
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        return Writing(path, connection=connection, closing=closing.pop_all())


def _is_ours(path: Path) -> bool:
    """Whether there is a store; False where there is nothing, and a StoreError where there is something else."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}. Name the file of a store.") from error
    if head and (head[:16] != MAGIC or int.from_bytes(head[68:72]) != APPLICATION):
        raise StoreError(f"{path} is not an étude store but some other file. Name another file. Nothing was changed.")
    return bool(head)


def _layout(connection: sqlite3.Connection, path: Path) -> int:
    layout: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if layout > LAYOUT:
        raise StoreVersionError(
            f"{path} has layout {layout}; this étude knows layouts up to {LAYOUT}. A newer étude wrote it: "
            "upgrade with `pip install --upgrade etude`, or name another store. Nothing was changed."
        )
    return layout


def _bring_to_this_layout(connection: sqlite3.Connection, layout: int) -> None:
    if layout in CHANGES:
        connection.execute("BEGIN IMMEDIATE")
        for statement in CHANGES[layout]:
            connection.execute(statement)
        connection.execute("COMMIT")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Where folder and readers allow it; else SQLite keeps its rollback journal, as safe but slower."""
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")


def _settle(connection: sqlite3.Connection) -> None:
    """Leave one plain file, which can be read from any medium, unless somebody is reading it now."""
    with suppress(*FAILURES):
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")


def _mark(names: Iterable[str]) -> int:
    """The exclusive or of the digests of all names, whatever their order."""
    mark = 0
    for name in names:
        mark ^= int.from_bytes(digest(name.encode()), "little")
    return mark
