"""The IDX format of MNIST and its successors: one array of any shape, big-endian. Bytes in, an array out.

Two zero bytes, one that names the type, one with the number of dimensions, each dimension in four bytes, then the
values, the last dimension running fastest.
Source: Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits.
"""

import math
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.values.errors import DataError

TYPES: Mapping[int, str] = MappingProxyType({0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"})
"""The third byte, and the type of the values in numpy's words."""
MOST_DIMENSIONS = 32
"""As many as numpy 1 can hold."""
AGAIN = "The file is damaged or another format: get it again."


def read_idx(raw: bytes, where: str) -> NDArray[Any]:
    """The array in an IDX file that is already unpacked, read-only and in this machine's byte order.

    where: what errors call the file

    >>> read_idx(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 2, 1]), "digits").tolist()
    [[7, 2, 1]]
    """
    kind, shape = _header(raw, where)
    start, size = 4 + 4 * len(shape), np.dtype(kind).itemsize
    promised, held = math.prod(shape) * size, len(raw) - start  # whole numbers of Python: no overflow, no memory taken
    if held != promised:
        says = "is cut short" if held < promised else f"goes on after its end, from byte {start + promised} on"
        raise DataError(
            f"{where} {says}: its header promises {' × '.join(map(str, shape))} values of {8 * size} bits, "
            f"{_digits(promised)} bytes from byte {start} on, but there are {held:,}. {AGAIN}"
        )
    values = np.frombuffer(raw, dtype=f">{kind}", offset=start).astype(kind, copy=False).reshape(shape)
    values.setflags(write=False)
    return values


def _header(raw: bytes, where: str) -> tuple[str, tuple[int, ...]]:
    if raw[:2] == b"\x1f\x8b":
        raise DataError(
            f"{where} is a gzip file, not the IDX file inside it (bytes 0 and 1 are 1f 8b). Unpack it first."
        )
    if len(raw) < 4:
        raise DataError(f"{where} has {len(raw)} bytes, but an IDX header alone has more than 4. {AGAIN}")
    if raw[:2] != b"\0\0":
        at = 0 if raw[0] else 1
        raise DataError(f"{where}, byte {at} is {raw[at]:#04x}, but an IDX file begins with two zero bytes. {AGAIN}")
    if raw[2] not in TYPES:
        known = ", ".join(f"{code:#04x}" for code in TYPES)
        raise DataError(f"{where}, byte 2 names the type {raw[2]:#04x}, but IDX has only {known}. {AGAIN}")
    dimensions = raw[3]
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise DataError(
            f"{where}, byte 3 says {dimensions} dimensions, but an array here has 1 to {MOST_DIMENSIONS}. {AGAIN}"
        )
    if len(raw) < 4 + 4 * dimensions:
        raise DataError(f"{where} is cut short at byte {len(raw)}, within its {dimensions} dimensions. {AGAIN}")
    shape = struct.unpack_from(f">{dimensions}I", raw, 4)
    if 0 in shape:
        raise DataError(f"{where}, byte {4 + 4 * shape.index(0)}: a dimension is 0, so there are no values. {AGAIN}")
    return TYPES[raw[2]], shape


def _digits(n: int) -> str:
    return f"{n:,}" if n < 10**15 else "10^15 or more"
