"""TFRecord files: the records whose checksums match, and where the others were.

A record is its length (8 bytes), the masked CRC-32C of that (4), the data, and the masked CRC-32C of the data (4).
Source: tensorflow.org, "TFRecord and tf.train.Example".
"""

from array import array
from collections.abc import Iterator
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from etude.records.crc32c import crc32c, crc32c_of_spans, masked, unmasked
from etude.records.logged import Lost

LENGTH, HEADER, FOOTER = 8, 12, 4
"""Bytes: the length; it and its checksum; the checksum of the data."""

UNSOUND = -1
"""The length that a header has whose checksum does not match."""

FIRST_WINDOW, LARGEST_WINDOW = 256, 1 << 16
"""Bytes in which a header is looked for after damage: few first, as it is mostly near."""

BATCH = 1 << 16
"""Records whose data are checked at once, so that what this takes stays small beside a large file."""

Places = NDArray[np.int64]


def records(raw: bytes, file: str) -> tuple[Places, Places, tuple[Lost, ...]]:
    """Where the data of every sound record start and end, both of shape (n,), and what was lost."""
    starts, ends = array("q"), array("q")
    lost: list[tuple[int, Lost]] = []
    known: dict[bytes, int] = {}
    at = 0
    while at < len(raw):
        header = raw[at : at + HEADER]
        length = known.get(header)
        if length is None:
            length = known[header] = _length(header)
        end = at + HEADER + length
        if length != UNSOUND and end + FOOTER <= len(raw):
            starts.append(at + HEADER)
            ends.append(end)
            at = end + FOOTER
            continue
        if ends and ends[-1] + FOOTER == at and not _is_sound(raw, starts[-1], ends[-1]):
            # that record has more or fewer bytes than it says, so this is not where the next one starts
            ends.pop()
            at, length = starts.pop() - HEADER, UNSOUND
        behind = _next_header(raw, at + 1)
        lost.append((at, _damaged(raw, at, length, behind, file)))
        at = len(raw) if behind is None else behind
    return _checked(raw, np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64), lost, file)


def first_record(head: bytes) -> bytes:
    """The data of the first record, as far as they are there; nothing where the file is no TFRecord."""
    length = _length(head[:HEADER])
    return b"" if length == UNSOUND else head[HEADER : HEADER + length]


def _length(header: bytes) -> int:
    stored = int.from_bytes(header[LENGTH:], "little")
    if len(header) < HEADER or masked(crc32c(header[:LENGTH])) != stored:
        return UNSOUND
    return int.from_bytes(header[:LENGTH], "little")


def _checked(
    raw: bytes, starts: Places, ends: Places, lost: list[tuple[int, Lost]], file: str
) -> tuple[Places, Places, tuple[Lost, ...]]:
    """The records whose data match their checksums; the others are lost as well."""
    batches = [_sound(raw, starts[i : i + BATCH], ends[i : i + BATCH]) for i in range(0, len(starts), BATCH)]
    sound = np.concatenate([np.zeros(0, dtype=np.bool_), *batches])
    altered = [(at, _altered(n, at, file)) for n, at in _altered_runs(starts, sound)]
    ordered = sorted([*lost, *altered], key=lambda pair: pair[0])
    return starts[sound], ends[sound], tuple(damage for _, damage in ordered)


def _sound(raw: bytes, starts: Places, ends: Places) -> NDArray[np.bool_]:
    """Whether the data of each record match the checksum behind them."""
    sound: NDArray[np.bool_] = crc32c_of_spans(raw, starts, ends) == unmasked(_numbers(raw)[ends])
    return sound


def _is_sound(raw: bytes, start: int, end: int) -> bool:
    return start <= end and bool(_sound(raw, np.array([start]), np.array([end]))[0])


def _numbers(raw: bytes) -> NDArray[np.uint32]:
    """The 4-byte numbers that start at every byte, not copied."""
    return np.ndarray((max(len(raw) - FOOTER + 1, 0),), dtype="<u4", buffer=raw, strides=(1,))


def _damaged(raw: bytes, at: int, length: int, behind: int | None, file: str) -> Lost:
    """What to say of damage from `at` to the next sound header."""
    start = f"byte {at}"
    if behind is not None:
        one = _is_sound(raw, at + HEADER, behind - FOOTER)
        because = f"what is there is damaged; the next length that matches its checksum is at byte {behind}"
        return Lost(file, start, 1 if one else None, because)
    if length != UNSOUND or len(raw) - at < HEADER:
        return Lost(file, start, 1, f"the record is cut short: the file ends at byte {len(raw)}")
    return Lost(file, start, None, "the rest of the file holds no length that matches its checksum")


def _next_header(raw: bytes, at: int) -> int | None:
    """The first byte from `at` on at which a length and its checksum agree."""
    window = FIRST_WINDOW
    while at + HEADER <= len(raw):
        piece = raw[at : at + window + HEADER - 1]
        starts = np.arange(len(piece) - HEADER + 1)
        agree = crc32c_of_spans(piece, starts, starts + LENGTH) == unmasked(_numbers(piece)[starts + LENGTH])
        if agree.any():
            return at + int(agree.argmax())
        at += len(starts)
        window = min(4 * window, LARGEST_WINDOW)
    return None


def _altered_runs(starts: Places, sound: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """How many records in a row do not match their checksums, and at which byte the first of them starts."""
    i = 0
    for good, run in groupby(sound.tolist()):
        n = len(list(run))
        if not good:
            yield n, int(starts[i]) - HEADER
        i += n


def _altered(n: int, at: int, file: str) -> Lost:
    return Lost(file, f"byte {at}", n, f"{'its' if n == 1 else 'their'} data do not match the checksum")
