"""What it means to the user when SQLite fails."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from etude.values.errors import StoreBusyError, StoreDamagedError, StoreError

FAILURES = (sqlite3.Error, MemoryError, UnicodeDecodeError)
"""What the sqlite3 module raises; the last two where a damaged file asks for much memory, or its bytes are quoted."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Whatever SQLite raises in the block, as a StoreError in our words."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        raise StoreError(
            f"{path}: {error} A store is used in the thread that opened it, until it is closed."
        ) from error
    except FAILURES as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        kind, says = ANSWERS.get(code, (StoreDamagedError, ""))
        raise (kind(f"{path}: {error}. {says}") if says else damaged(path, str(error))) from error


def damaged(path: Path, what: str) -> StoreDamagedError:
    """The error for a file whose pages, not only one run, are harmed, with the way out."""
    return StoreDamagedError(
        f"{path}: {what}. Its disk or a copy has changed bytes of it. Put back a copy, or rescue every run that is "
        "whole with etude.records.salvage.salvage(damaged, into); runs that are lost are then made again. "
        "Nothing was changed."
    )


_FULL = (
    StoreError,
    "The disk is full or failing. What was being written is not kept; every run that was acknowledged is. "
    "Make room and run the same command again; it goes on from there.",
)
_UNWRITABLE = (StoreError, "Its folder must be one that you may write to: change that, or name another store.")
_LOCKED = (
    StoreBusyError,
    "A program that is not étude has it open for writing. Close that program and run again. Nothing was changed.",
)
ANSWERS = MappingProxyType(
    {
        sqlite3.SQLITE_BUSY: _LOCKED,
        sqlite3.SQLITE_LOCKED: _LOCKED,
        sqlite3.SQLITE_FULL: _FULL,
        sqlite3.SQLITE_IOERR: _FULL,
        sqlite3.SQLITE_READONLY: _UNWRITABLE,
        sqlite3.SQLITE_CANTOPEN: _UNWRITABLE,
        sqlite3.SQLITE_PERM: _UNWRITABLE,
        sqlite3.SQLITE_NOTADB: (StoreError, "It is not an étude store, or its first page is damaged."),
    }
)
"""What each way in which SQLite can fail means to the user; any other is damage."""
