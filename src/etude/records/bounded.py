"""Other people's files, read within bounds: regular files only, so much of them, line by line."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from etude.values.errors import LogError

MOST_BYTES = 2**31
"""A log beyond is refused."""

LONGEST_LINE = 2**24
"""Bytes; a longer line is given as None, and its bytes are passed over."""


@contextmanager
def opened(path: Path, *, most: int = MOST_BYTES) -> Iterator[BinaryIO]:
    """The file, opened for reading; a LogError where it is a pipe, a device, a folder, too large, or not readable."""
    try:
        descriptor = os.open(
            path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_BINARY", 0)
        )  # a pipe would be waited for
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error.strerror}. Check its name and its permissions.") from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise LogError(f"{path} is not a regular file. Name a log that is kept in one.")
    with os.fdopen(descriptor, "rb") as file:
        if about.st_size > most:
            raise LogError(f"{path} has {about.st_size:,} bytes; at most {most:,} are read. Export a part of it.")
        try:
            yield file
        except OSError as error:
            raise LogError(f"{path} cannot be read: {error.strerror}.") from error


def content(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """All bytes of the file."""
    with opened(path, most=most) as file:
        return file.read(os.fstat(file.fileno()).st_size)  # and no more, though it may grow while it is read


def lines(path: Path, *, longest: int = LONGEST_LINE) -> Iterator[tuple[int, bytes | None]]:
    """Number, from 1, and bytes of every line without its end; None for a line that is longer than `longest`."""
    with opened(path) as file:
        number = 0
        while line := file.readline(longest + 1):
            number += 1
            if len(line) > longest and not line.endswith(b"\n"):
                while (rest := file.readline(longest)) and not rest.endswith(b"\n"):
                    pass
                yield number, None
            else:
                yield number, line.rstrip(b"\r\n")
