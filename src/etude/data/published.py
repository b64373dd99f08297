"""A file that others publish: what it is known by, and its content, which is the bytes published or an error."""

import gzip
import hashlib
import re
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from etude.values.errors import DataError

NAME = re.compile(r"[A-Za-z0-9][\w.+-]*(/[A-Za-z0-9][\w.+-]*)*", re.ASCII)
CHECKSUM = re.compile(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}")
BLOCK = 2**18
"""Bytes that are read at a time."""
MOST_BYTES = 2**32
"""A file of which no size is known is given up at this one."""


@dataclass(frozen=True, slots=True)
class Published:
    """A file that others publish, known by a checksum of its content. An md5 finds damage, not a forger.

    name:     what it is called in the cache, perhaps in a folder: "fashion-mnist/train-labels-idx1-ubyte.gz"
    checksum: "md5:…" or "sha256:…" of the content, in hexadecimal digits
    mirrors:  the http or https addresses that publish it, the best first
    size:     bytes of the file as published; None where mirrors packed it differently
    unpacked: for a gzip file whose checksum is of what is inside, the bytes inside, which are also the most that are
              unpacked; a copy that is already unpacked will do. None: the file is itself the content
    places:   where operating systems install it
    packaged: Python packages that bring it along: (name of the package, path inside it)
    """

    name: str
    checksum: str
    mirrors: tuple[str, ...] = ()
    size: int | None = None
    unpacked: int | None = None
    places: tuple[str, ...] = ()
    packaged: tuple[tuple[str, str], ...] = ()

    @property
    def most(self) -> int:
        """Bytes that a copy can have; packing can make a file larger, but by less than 1 %.

        >>> Published("a.gz", "md5:" + 32 * "0", unpacked=100_000).most
        102024
        """
        if self.size is not None:
            return self.size
        return MOST_BYTES if self.unpacked is None else self.unpacked + self.unpacked // 100 + 1024

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise DataError(
                f"published file {self.name!r}: a name is made of letters, digits and . _ + - with / between."
            )
        if not CHECKSUM.fullmatch(self.checksum):
            raise DataError(
                f"{self.name}: checksum {self.checksum!r} is neither md5:… nor sha256:… in lower-case digits."
            )
        for url in self.mirrors:
            if not url.startswith(("https://", "http://")):
                raise DataError(
                    f"{self.name}: mirror {url!r} is no http or https address, and no other is fetched from."
                )
        for package, _ in self.packaged:
            if not package.isidentifier():  # to look for a.b would import a
                raise DataError(
                    f"{self.name}: {package!r} is no top-level package. Name that, and the path from there."
                )


def content(file: Published, path: Path) -> bytes:
    """The content of `path`, unpacked where it is gzip, and checked once more: what is returned is what was published.

    Other bytes, or a file that cannot be read, are a DataError.

    >>> digits = Published(name="digits.txt", checksum="md5:781e5e245d69b566979b86e28d23f2c7")
    >>> with __import__("tempfile").NamedTemporaryFile() as kept:
    ...     _ = Path(kept.name).write_bytes(b"0123456789")
    ...     content(digits, Path(kept.name))
    b'0123456789'
    """
    try:
        return b"".join(_checked(file, path))
    except _WrongBytesError as error:
        raise refused(file, path, str(error)) from error


def wrong(file: Published, path: Path) -> str | None:
    """What is wrong with the file at `path`, in words that go on after its name; None where it is as published.

    >>> wrong(Published(name="digits.txt", checksum="md5:" + 32 * "0"), Path("no-such-file"))
    'cannot be read: No such file or directory'
    """
    try:
        for _ in _checked(file, path):
            pass
    except _WrongBytesError as error:
        return str(error)
    return None


def refused(file: Published, path: Path, says: str) -> DataError:
    """The error that tells a person that `says` is wrong with the file at `path`, and what to do."""
    return DataError(
        f"{path} {says}. It is not the file that was published as {file.name}, or it was damaged on the way. "
        "Get it again, or move it away. Nothing was changed."
    )


class _WrongBytesError(Exception):
    """A file is not as published; its message goes on after the file's name."""


def _checked(file: Published, path: Path) -> Iterator[bytes]:
    """The content in blocks; at its end, or before, a _WrongBytesError where it is not as published."""
    algorithm, _, published = file.checksum.partition(":")
    digest = hashlib.new(algorithm, usedforsecurity=False)
    try:
        for block in _blocks(file, path):
            digest.update(block)
            yield block
    except EOFError as error:
        raise _WrongBytesError("is cut short") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _WrongBytesError(f"is damaged: {error}") from error
    except OSError as error:
        raise _WrongBytesError(f"cannot be read: {error.strerror}") from error
    if digest.hexdigest() != published:
        raise _WrongBytesError(f"has {algorithm} {digest.hexdigest()[:12]}… instead of {published[:12]}…")


def _blocks(file: Published, path: Path) -> Iterator[bytes]:
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):  # a pipe would be waited for
        raise _WrongBytesError("is not a regular file")
    if file.unpacked is None and file.size not in (None, about.st_size):
        raise _WrongBytesError(f"has {about.st_size:,} bytes instead of {file.size:,}")
    most, done = file.most if file.unpacked is None else file.unpacked, 0
    with path.open("rb") as raw:
        packed = file.unpacked is not None and raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        source = gzip.GzipFile(fileobj=raw) if packed else raw
        while block := source.read(BLOCK):
            done += len(block)
            if done > most:
                raise _WrongBytesError(f"holds more than the {most:,} bytes published")
            yield block
