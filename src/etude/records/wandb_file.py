"""W&B's write-ahead log: the records whose checksums match, and where the others were.

After a header of 7 bytes come fragments: a CRC-32 over kind and data (4 bytes), the length of the data (2), the kind
(1), the data. A record is one fragment, or a first one, middle ones and a last one, since no fragment goes across a
multiple of 32 KiB; up to 6 bytes before such a multiple are zeros. Every record begins with its number.
Source: LevelDB, doc/log_format.md; wandb, sdk/internal/datastore.py (whose checksum is zlib's, not LevelDB's masked
CRC-32C) and proto/wandb_internal.proto.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from struct import Struct
from typing import NamedTuple
from zlib import crc32

import numpy as np

from etude.records.logged import Lost
from etude.records.protobuf import varint

MAGIC = b":W&B"
HEAD = Struct("<IHB")
"""Of a fragment: checksum, length, kind. The header of the file has as many bytes."""

WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4
"""Kinds of fragment."""

LONGEST = 32 * 1024 - HEAD.size
"""Bytes of data in a fragment."""

FIRST_WINDOW, LARGEST_WINDOW = 64, 1 << 16
"""Bytes in which a fragment is looked for at once: few first, as it is mostly near."""

NUMBER = b"\x08"
"""What a record begins with: the key of field 1, a varint."""


Fragment = tuple[int, int, int]
"""A sound fragment: where it starts, its kind, where its data end."""


class Record(NamedTuple):
    """A record: where it starts, its number (0 where it has none), its message, whether that was in fragments."""

    at: int
    number: int
    message: bytes
    joined: bool


class Damage(NamedTuple):
    """Bytes that are in no sound record: where they start, of how many records if that is seen, and why."""

    at: int
    records: int | None
    because: str


def records(raw: bytes, file: str) -> tuple[list[Record], tuple[Lost, ...]]:
    """Every sound record of a file, in its order, and what was lost: counted by the numbers of the records around."""
    found, damages = _joined(raw)
    mixed = _mixed(found, damages)
    if mixed:
        found = [one for one in found if one.at not in mixed]
        damages = sorted(damages + [Damage(at, 1, "parts of two records follow one another") for at in mixed])
    return found, tuple(_lost(found, damages, file))


def _lost(found: Sequence[Record], damages: Sequence[Damage], file: str) -> Iterator[Lost]:
    """Damage before each record, and numbers that are left out where no damage is seen."""
    numbers = np.array([0, *(one.number for one in found)], dtype=np.uint64).astype(np.int64)
    before = np.searchsorted([one.at for one in found], [damage.at for damage in damages])
    first: dict[int, Damage] = {}
    for i, damage in zip(before.tolist(), damages, strict=True):
        first.setdefault(i, damage)
    jumps = np.flatnonzero((np.diff(numbers) > 1) & (numbers[:-1] > 0))
    for i in sorted({*first, *jumps.tolist()}):
        missing = int(numbers[i + 1] - numbers[i]) - 1 if i < len(found) and found[i].number else -1
        if i not in first:
            because = f"record {numbers[i]} is followed by record {numbers[i + 1]}"
            yield Lost(file, f"byte {found[i].at}", missing, because)
        else:
            counted = missing if missing >= 0 else None if i < len(found) else first[i].records
            yield Lost(file, f"byte {first[i].at}", counted, first[i].because)


def _mixed(found: Sequence[Record], damages: Sequence[Damage]) -> set[int]:
    """Where records start that were put together from fragments, and are not followed by the next number.

    Each fragment is sound, but where whole fragments are missing, the first one of a record and the last one of
    another may have met. Where damage lies behind, that is why the number does not follow.
    """
    where = np.array([damage.at for damage in damages], dtype=np.int64)
    suspects = [(one, behind) for one, behind in pairwise(found) if one.joined and behind.number != one.number + 1]
    return {one.at for one, behind in suspects if not ((where > one.at) & (where < behind.at)).any()}


def _joined(raw: bytes) -> tuple[list[Record], list[Damage]]:
    """The records that the sound fragments make up, and what lies between those or is left over."""
    found: list[Record] = []
    damages: list[Damage] = []
    parts: list[Fragment] = []
    at = HEAD.size
    if not raw.startswith(MAGIC):
        damages.append(Damage(0, 0, "the header of the file is damaged"))
        at = 0
    for fragment in _fragments(raw, at):
        if fragment[0] > at and not _is_filling(raw[at : fragment[0]]):
            damages.append(Damage(at, None, "what is there does not match its checksum"))
            parts = []
        at = fragment[2]
        if (fragment[1] >= MIDDLE) != bool(parts):  # it goes on with a record, and there is none; or the reverse
            damages.append(Damage((parts or [fragment])[0][0], None, "only a part of the record is there"))
            parts = []
        parts = _with(parts, fragment)
        if parts and parts[-1][1] in (WHOLE, LAST):
            found.append(_record(raw, parts))
            parts = []
    if parts or not _is_filling(raw[at:]):
        damages.append(_rest(raw, at, parts))
    return found, damages


def _with(parts: list[Fragment], fragment: Fragment) -> list[Fragment]:
    """The parts of a record and one more; nothing where that goes on with a record whose beginning is not there."""
    return [*parts, fragment] if parts or fragment[1] < MIDDLE else []


def _is_filling(between: bytes) -> bool:
    return len(between) < HEAD.size and not between.strip(b"\0")


def _record(raw: bytes, parts: Sequence[Fragment]) -> Record:
    start, _, end = parts[0]
    message = raw[start + HEAD.size : end]
    if len(parts) > 1:
        message = b"".join([raw[at + HEAD.size : end] for at, _, end in parts])
    number = 0
    if message[:1] == NUMBER:
        try:
            number, _ = varint(message, 1, len(message))
        except ValueError:
            number = 0
    return Record(start, number, message, len(parts) > 1)


def _rest(raw: bytes, at: int, parts: Sequence[Fragment]) -> Damage:
    """What to say of the bytes behind the last sound fragment, or of a record that wants another fragment."""
    start = parts[0][0] if parts else at
    if len(raw) - at < HEAD.size:
        cut = True
    else:
        _, length, kind = HEAD.unpack_from(raw, at)
        cut = WHOLE <= kind <= LAST and at + HEAD.size + length > len(raw)
    if cut:
        return Damage(start, 1, f"the record is cut short: the file ends at byte {len(raw)}")
    return Damage(start, None, "the rest of the file holds nothing that matches its checksum")


def _fragments(raw: bytes, at: int) -> Iterator[Fragment]:
    """The sound fragments from `at` on; what lies between them is passed over."""
    while at < len(raw):
        fragment = _fragment(raw, at) or _next_fragment(raw, at + 1)
        if fragment is None:
            return
        yield fragment
        at = fragment[2]


def _fragment(raw: bytes, at: int) -> Fragment | None:
    """The fragment at a byte; None where there is none whose checksum matches."""
    if at + HEAD.size > len(raw):
        return None
    checksum, length, kind = HEAD.unpack_from(raw, at)
    end = at + HEAD.size + length
    if not WHOLE <= kind <= LAST or length > LONGEST or end > len(raw):
        return None
    return (at, kind, end) if crc32(raw[at + HEAD.size - 1 : end]) == checksum else None


def _next_fragment(raw: bytes, at: int) -> Fragment | None:
    """The first sound fragment that starts at `at` or behind."""
    window = FIRST_WINDOW
    while at + HEAD.size <= len(raw):
        kinds = np.frombuffer(raw[at + HEAD.size - 1 : at + window + HEAD.size - 1], dtype=np.uint8)
        for offset in np.flatnonzero((kinds >= WHOLE) & (kinds <= LAST)).tolist():
            fragment = _fragment(raw, at + offset)
            if fragment is not None:
                return fragment
        at += window
        window = min(4 * window, LARGEST_WINDOW)
    return None
