"""Arrays as layout 1 kept them: each compressed by itself, beside a digest of its plain bytes. Only read."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.records.columns import widened, words_of
from etude.records.sealing import digest, inflated
from etude.values.errors import StoreDamagedError


def unpacked(described: Sequence[Sequence[Any]], blocks: bytes, names: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """The arrays, read-only, by the digest they are known by; a StoreDamagedError names one that was changed.

    described: of each array its digest, its type, its type as stored, its shape and its compressed size
    names:     what each array is, by its digest
    """
    found, begin = {}, 0
    for mark, kind, kept, shape, size in described:
        packed, begin = blocks[begin : begin + size], begin + size
        planes = inflated(packed, math.prod(shape) * np.dtype(kept).itemsize)
        if planes is None:
            raise StoreDamagedError(f"{names[mark]} cannot be decompressed")
        array = widened(words_of(planes, kept), kind).reshape(shape)
        if digest(f"{array.dtype.str}{array.shape}".encode() + array.tobytes()).hex() != mark:
            raise StoreDamagedError(f"{names[mark]} does not match its checksum")
        found[mark] = array
    return found
