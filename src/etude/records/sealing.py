"""Sealed JSON: compressed, behind a digest that no changed byte survives."""

import hashlib
import json
import struct
import zlib
from typing import Any

import numpy as np

from etude.values.errors import StoreDamagedError, StoreError

Json = dict[str, Any]

HEAD = struct.Struct("<16sII")
"""What precedes sealed JSON: the digest of its compressed bytes (of its plain ones in layout 1), and both sizes."""

LARGEST_JSON = 1 << 28
"""Bytes; a size above it is damage, and is refused before memory is asked for."""

LEVEL = 1
"""Of zlib: half the time of its default, 6, for 2 % more bytes, as most of what we keep is noise to any compressor."""


def seal(plain: Json) -> bytes:
    """JSON, compressed, behind a digest.

    >>> unseal(seal({"arms": 2}))[0]
    {'arms': 2}
    """
    text = json.dumps(plain, default=_from_numpy, separators=(",", ":")).encode()
    packed = zlib.compress(text, LEVEL)
    return HEAD.pack(digest(packed), len(packed), len(text)) + packed


def unseal(body: bytes) -> tuple[Json, int]:
    """What `seal` was given, and where it ends in `body`: whatever follows is the caller's."""
    if len(body) < HEAD.size:
        raise StoreDamagedError(f"the description is cut off after {len(body)} bytes")
    mark, packed_size, size = HEAD.unpack_from(body)
    end = HEAD.size + packed_size
    if len(body) < end:
        raise StoreDamagedError(f"the description is cut off after {len(body)} bytes, of {end}")
    packed = body[HEAD.size : end]
    text = inflated(packed, size) if size <= LARGEST_JSON else None
    if text is None or mark not in (digest(packed), digest(text)):
        raise StoreDamagedError("the description does not match its checksum")
    plain: Json = json.loads(text)
    return plain, end


def digest(plain: bytes) -> bytes:
    """16 bytes of BLAKE2b: two contents with one digest have never been seen."""
    return hashlib.blake2b(plain, digest_size=16).digest()


def inflated(packed: bytes, size: int) -> bytes | None:
    """The `size` bytes that were compressed; None where they are not `size`, or not to be had."""
    inflate = zlib.decompressobj()
    try:
        plain = inflate.decompress(packed, size + 1)
    except zlib.error:
        return None
    return plain if len(plain) == size and inflate.eof else None


def _from_numpy(value: object) -> Any:  # noqa: ANN401 - whatever Python number it is
    if isinstance(value, np.generic):
        return value.item()
    raise StoreError(f"a run's facts are words and numbers, not {type(value).__name__}. Nothing was stored.")
