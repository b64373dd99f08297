"""One owner for each file: an advisory lock that says who holds it and that ends with its process."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from etude.values.errors import StoreBusyError, StoreError

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # far behind the words, which others must be able to read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Hold `path` alone until the block ends; a StoreBusyError at once names who holds it.

    The lock is on a file beside it, ``<name>.lock``, which stays behind empty: a file that is removed could be
    locked by two processes, one before and one after. The system lets go of it whenever its process ends, and
    those that were forked from it.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {lock.name}: {error.strerror}. "
            "Name a file in a folder that you may write to. Nothing was changed."
        ) from error
    try:
        _take(descriptor, path)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    try:
        _lock(descriptor)
    except (BlockingIOError, PermissionError) as error:
        raise StoreBusyError(
            f"{path} is being written by {_owner(descriptor)}. One store has one writer, so that no run is lost: "
            "wait for it, stop it, or name another store. Nothing was changed; it can be read meanwhile."
        ) from error
    except OSError as error:
        raise StoreError(
            f"{path} cannot be locked: {error.strerror}. Some network folders know no locks: "
            "name a file on a local disk. Nothing was changed."
        ) from error
    import socket  # here, because who only reads a log never owns a store

    says = {"pid": os.getpid(), "host": socket.gethostname(), "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"}
    try:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(says).encode())
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}. Nothing was changed.") from error


def _owner(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        owner = json.loads(os.read(descriptor, 4096))
        return f"process {owner['pid']} on {owner['host']}, since {owner['since']}"
    except (ValueError, KeyError, TypeError):  # it has only just begun
        return "another process"
