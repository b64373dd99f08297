"""Pixels as a PNG inside the page, a ``data:`` address; eight bits a sample, row 0 on top."""

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
GREY, RGB, INDEXED = 0, 2, 3
"""What a sample means, as PNG numbers it."""


def palette_png(
    indices: Pixels, palette: Sequence[tuple[int, int, int]], *, opacities: Sequence[int] | None = None
) -> str:
    """A picture in the colours of a palette; indices of shape (rows, columns).

    opacities: of each colour, from 0, which shows the page, to 255; None: all 255

    >>> palette_png(np.zeros((2, 2), dtype=np.uint8), [(255, 0, 0)])[:22]
    'data:image/png;base64,'
    """
    colours = _chunk(b"PLTE", b"".join(map(bytes, palette)))
    see_through = b"" if opacities is None else _chunk(b"tRNS", bytes(opacities))
    return _address(indices, indices.shape[1], INDEXED, colours + see_through)


def image_png(image: Pixels) -> str:
    """An image of shape (channels, height, width), of 1 channel, grey, or of 3, colour.

    >>> image_png(np.zeros((3, 2, 2), dtype=np.uint8))[:22]
    'data:image/png;base64,'
    """
    channels, height, width = image.shape
    samples = np.moveaxis(image, 0, 2).reshape(height, width * channels)
    return _address(samples, width, GREY if channels == 1 else RGB)


def _address(samples: Pixels, width: int, meaning: int, before: bytes = b"") -> str:
    head = struct.pack(">IIBBBBB", width, len(samples), 8, meaning, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in samples)  # filter type 0 before each row
    chunks = _chunk(b"IHDR", head) + before + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
