"""CIFAR-10's binary batches: the genuine images read from both official forms are the same, and damage is told."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.data.formats.cifar import read_cifar10
from etude.data.formats.cifar_binary import RECORD, read_cifar10_batch
from etude.values.errors import DataError

TWENTY = Path(__file__).parent / "files" / "cifar-10-python.tar.gz"
BATCH = Path("test_batch.bin")


def written(images, labels) -> bytes:
    return b"".join(bytes([label]) + image.tobytes() for image, label in zip(images, labels, strict=True))


def test_the_genuine_images_are_those_of_the_archive():
    expected = read_cifar10(TWENTY)
    images, labels = read_cifar10_batch(written(expected.test_images, expected.test_labels), BATCH)
    assert np.array_equal(images, expected.test_images)
    assert np.array_equal(labels, expected.test_labels)
    assert not images.flags.writeable
    assert not labels.flags.writeable


@given(st.integers(0, 3 * RECORD).filter(lambda n: n == 0 or n % RECORD))
def test_a_batch_that_is_cut_short_is_refused(n):
    with pytest.raises(DataError, match=r"^test_batch\.bin has .* Nothing was read\.$"):
        read_cifar10_batch(bytes(n), BATCH)


@given(st.integers(10, 255), st.integers(0, 2))
def test_a_class_that_there_is_not_is_named_with_its_image(label, image):
    raw = bytearray(3 * RECORD)
    raw[image * RECORD] = label
    with pytest.raises(DataError, match=rf"image {image} of 3 images has the class {label}"):
        read_cifar10_batch(bytes(raw), BATCH)
