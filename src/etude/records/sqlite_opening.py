"""Other tools' SQLite files opened for reading: without leaving a trace, within bounds, and also where damaged."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from etude.records.bounded import opened
from etude.values.errors import LogError

PATIENCE = 1.0
"""Seconds to wait for a program that is writing."""

OPERATIONS = 100_000
"""Of SQLite's machine between two looks at the clock: some milliseconds."""

LONGEST_VALUE = 2**22
"""Bytes of one value; a longer one is lost."""

WAL = 2
"""What bytes 18 and 19 of a file say that has its newest rows in a second file, ``<name>-wal``."""

SETTINGS = ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "temp_store = MEMORY")

LENIENT = "PRAGMA writable_schema"
"""Of a file that cannot be written to: SQLite passes over definitions that are damaged, and over pages not there."""

BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

Opened = tuple[sqlite3.Connection, tuple[str, ...]]
"""A connection, and what a person should know of how it came about."""


def connected(path: Path, head: bytes, ends: float, closing: ExitStack) -> Opened:
    """A connection that changes nothing in the file's folder, not even by making the -shm file of its tool.

    head: the first 100 bytes of the file
    ends: what `time.thread_time` says when it is to be given up

    A journal of a write that was cut off is never played back: it could name any file, and have it deleted.
    """
    ending = "-wal" if _size(path, "-wal") else "-journal"
    ways: list[Callable[[], Path]] = []
    if ending == "-wal":
        ways = [lambda: path] if _size(path, "-shm") else []
        ways.append(lambda: _copied(path, closing))
    elif WAL not in head[18:20]:
        ways = [lambda: path]
    for way in ways:
        try:
            return _connection(way(), "mode=ro", ends, closing), ()
        except (sqlite3.OperationalError, LogError) as error:
            if code_of(error) in BUSY:
                raise
    says = f"what was being written when {path.name} was left is in {path.name}{ending}, which cannot be read: "
    notes = (says + "the newest rows may be missing or damaged",) if _size(path, ending) else ()
    return _connection(path, "mode=ro&immutable=1", ends, closing), notes


def is_whole(connection: sqlite3.Connection) -> bool:
    """Whether SQLite took the file for sound, as far as it looked when it was opened."""
    return not connection.execute(LENIENT).fetchone()[0]


def code_of(error: Exception) -> int:
    """SQLite's number for what went wrong; 0 where it has none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _connection(path: Path, mode: str, ends: float, closing: ExitStack) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
    closing.callback(connection.close)
    connection.text_factory = bytes
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    connection.set_progress_handler(lambda: time.thread_time() > ends, OPERATIONS)
    for setting in SETTINGS:
        connection.execute(f"PRAGMA {setting}")
    try:
        connection.execute("SELECT COUNT(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        connection.execute(f"{LENIENT} = ON")
    return connection


def _copied(path: Path, closing: ExitStack) -> Path:
    """The file and its -wal in a folder of our own, where SQLite may make what it needs to read them."""
    folder = Path(closing.enter_context(TemporaryDirectory(prefix="etude-", ignore_cleanup_errors=True)))
    try:
        for ending in ("", "-wal"):
            with opened(path.with_name(path.name + ending)) as old, (folder / f"log{ending}").open("wb") as new:
                shutil.copyfileobj(old, new)
    except OSError as error:
        raise LogError(f"{path} cannot be copied, to read its -wal: {error.strerror}. Nothing was read.") from error
    return folder / "log"


def _size(path: Path, ending: str) -> int:
    """Bytes of the regular file beside it; 0 where there is none."""
    beside = path.with_name(path.name + ending)
    try:
        return beside.stat().st_size if beside.is_file() else 0
    except OSError:
        return 0
