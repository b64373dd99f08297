"""CIFAR-10 from the batches of its official binary version, cifar-10-batches-bin: no pickle in it.

An image is a byte with its class and 3,072 bytes of pixels: red, green and blue, each row after row.
Source: A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from etude.data.formats.cifar import CLASSES, IMAGE
from etude.data.notes import counted
from etude.values.errors import DataError

RECORD = 1 + int(np.prod(IMAGE))
"""Bytes of one image."""


def read_cifar10_batch(raw: bytes, path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images of shape (n, 3, 32, 32) and their classes, of shape (n,), both read-only; `path` is named in errors."""
    if not raw or len(raw) % RECORD:
        raise DataError(
            f"{path} has {len(raw):,} bytes, which is not a number of images of {RECORD:,} bytes each. "
            "It is cut short, or no batch of CIFAR-10: get it again. Nothing was read."
        )
    records = np.frombuffer(raw, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= CLASSES:
        image = int(labels.argmax())
        raise DataError(
            f"{path}: image {image} of {counted(len(labels), 'image')} has the class {labels[image]}, but there are "
            f"classes 0 to {CLASSES - 1}. It is no batch of CIFAR-10: get it again. Nothing was read."
        )
    labels.setflags(write=False)
    return records[:, 1:].reshape(-1, *IMAGE), labels
