"""Many small arrays as a few compressed blocks, and back, bit for bit.

Arrays of one type lie end to end in one block, because what costs with short arrays is the number of calls.
"""

import math
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from etude.records.sealing import LEVEL, Json, digest, inflated
from etude.values.errors import StoreDamagedError, StoreError

WORD_SIZES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
)
"""The numpy kinds and item sizes that mean the same on every machine."""


class Column(NamedTuple):
    """An array as bytes that mean the same on every machine: equal columns are equal arrays, bit for bit."""

    kind: str
    shape: tuple[int, ...]
    plain: bytes


def column(array: NDArray[Any], what: str) -> Column:
    """The array, called `what` in the StoreError for one that holds anything but portable numbers."""
    kind = _little_endian(array.dtype)
    if kind is None:
        raise StoreError(
            f"{what!r} is an array of {array.dtype}, which is not a number of at most 64 bits, the same on every "
            "machine. Keep such numbers only. Nothing was stored."
        )
    return Column(kind.str, array.shape, array.astype(kind, copy=False).tobytes())


def packed(columns: Sequence[Column]) -> tuple[Json, bytes]:
    """What `unpacked` must be told of the columns, as JSON, and the blocks.

    >>> described, blocks = packed([column(np.arange(3), "steps"), column(np.ones(2), "values")])
    >>> described["columns"]
    [['<i8', '<i8', (3,)], ['<f8', '<f4', (2,)]]
    >>> unpacked(described, blocks, ["steps", "values"])
    (array([0, 1, 2]), array([1., 1.]))
    """
    parts: dict[str, list[bytes]] = {}
    form = []
    with np.errstate(all="ignore"):
        for each in columns:
            kept, plain = _narrowed(each)
            parts.setdefault(kept, []).append(plain)
            form.append([each.kind, kept, each.shape])
    blocks = {kept: _compressed(b"".join(plain), kept) for kept, plain in parts.items()}
    marks = [[kept, len(block), digest(block).hex()] for kept, block in blocks.items()]
    return {"columns": form, "blocks": marks}, b"".join(blocks.values())


def unpacked(described: Json, blocks: bytes, names: Sequence[str]) -> tuple[NDArray[Any], ...]:
    """The arrays, read-only; a StoreDamagedError names those in the block whose bytes are not those written."""
    found: dict[int, NDArray[Any]] = {}
    begin = 0
    for kept, size, mark in described["blocks"]:
        block, begin = blocks[begin : begin + size], begin + size
        members = [i for i, (_, stored, _) in enumerate(described["columns"]) if stored == kept]
        ends = list(accumulate(math.prod(described["columns"][i][2]) for i in members))
        planes = inflated(block, ends[-1] * np.dtype(kept).itemsize) if digest(block).hex() == mark else None
        if planes is None:
            others = f" or one of {len(members) - 1} more" if len(members) > 1 else ""
            raise StoreDamagedError(f"{names[members[0]]}{others} does not match its checksum")
        numbers = words_of(planes, kept)
        for i, (start, end) in zip(members, pairwise([0, *ends]), strict=True):
            kind, _, shape = described["columns"][i]
            found[i] = widened(numbers[start:end], kind).reshape(shape)
    if begin != len(blocks):
        raise StoreDamagedError(f"{len(blocks) - begin} bytes follow that were not written with it")
    return tuple(found[i] for i in range(len(found)))


def words_of(planes: bytes, kept: str) -> NDArray[Any]:
    """The numbers, shape (n,), whose differences lie in these planes of bytes."""
    word = _word(kept)
    differences = np.frombuffer(planes, dtype=np.uint8).reshape(word.itemsize, -1).T.copy().view(word)
    numbers = np.cumsum(differences.reshape(-1), dtype=word).view(kept)
    numbers.setflags(write=False)
    return numbers


def widened(numbers: NDArray[Any], kind: str) -> NDArray[Any]:
    """The numbers in the type they had, read-only."""
    if numbers.dtype.str == kind:
        return numbers
    with np.errstate(all="ignore"):
        wide: NDArray[Any] = numbers.astype(kind)
    wide.setflags(write=False)
    return wide


def _compressed(plain: bytes, kept: str) -> bytes:
    """The differences of successive words, one byte plane after another, compressed.

    Even steps become a run of one byte, and the slowly changing high bytes of a curve lie together. Exact for any
    bits, NaN payloads included.
    """
    words = np.frombuffer(plain, dtype=_word(kept))
    differences = words.copy()
    differences[1:] -= words[:-1]
    return zlib.compress(differences.view(np.uint8).reshape(-1, words.dtype.itemsize).T.tobytes(), LEVEL)


def _narrowed(one: Column) -> tuple[str, bytes]:
    """As float32 where that keeps every bit of a float64 array, as it does for what torch measured in float32."""
    if one.kind == "<f8":
        narrow = np.frombuffer(one.plain, dtype="<f8").astype("<f4")
        if narrow.astype("<f8").tobytes() == one.plain:
            return "<f4", narrow.tobytes()
    return one.kind, one.plain


@cache
def _little_endian(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype.newbyteorder("<") if dtype.itemsize in WORD_SIZES.get(dtype.kind, ()) else None


@cache
def _word(kept: str) -> np.dtype[Any]:
    dtype = np.dtype(kept)
    return np.dtype(f"<u{dtype.itemsize // (2 if dtype.kind == 'c' else 1)}")
