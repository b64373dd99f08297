"""CIFAR-10 from its official archive, cifar-10-python.tar.gz, without running anything that a pickle may ask for.

The archive holds pickles written by Python 2: a dict of lists, byte strings and one array a batch. They are read with
numpy's two names answered by classes of our own, which can become an array of bytes and nothing else.
Source: A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
"""

import gzip
import io
import pickle
import pickletools
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from etude.data.notes import counted
from etude.values.errors import DataError

FOLDER = "cifar-10-batches-py"
TRAIN = tuple(f"{FOLDER}/data_batch_{i}" for i in range(1, 6))
TEST = f"{FOLDER}/test_batch"
META = f"{FOLDER}/batches.meta"
MEMBERS = (*TRAIN, TEST, META)
CLASSES = 10
IMAGE = (3, 32, 32)
"""Channels red, green and blue, rows, columns."""
MOST_MEMBER = 2**26
"""Bytes of one member; the largest official one has 31,035,999."""
MOST_UNPACKED = 2**28
"""Bytes of all members together; the official archive unpacks to 186 MB."""
OPCODES = frozenset(
    re.findall(
        r"\w+",
        "PROTO MARK EMPTY_DICT EMPTY_LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 SETITEM SETITEMS APPEND APPENDS "
        "SHORT_BINSTRING BINSTRING BININT BININT1 BININT2 NONE NEWTRUE NEWFALSE BINPUT LONG_BINPUT BINGET LONG_BINGET "
        "GLOBAL REDUCE BUILD STOP",
    )
)
"""What plain containers, texts, whole numbers and arrays are written with in protocol 2."""
DAMAGED = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, LookupError, OverflowError)
UNREADABLE = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
)


class Cifar10(NamedTuple):
    """Images uint8 of shape (n, 3, 32, 32), labels int64 of shape (n,) that index `classes`; all read-only."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: tuple[str, ...]


class _WrongMemberError(Exception):
    """What is wrong with a member, in words that go on after its name."""


def read_cifar10(archive: Path) -> Cifar10:
    """The images, labels and class names in the archive, whose checksum the caller has compared.

    Batches may hold fewer images than the official 10,000; everything else must be as published. The arrays take
    184 MB, and reading was measured to take up to 450 MB.
    """
    batches: dict[str, tuple[NDArray[np.uint8], NDArray[np.int64]]] = {}
    classes: tuple[str, ...] = ()
    for name, raw in _members(archive):
        try:
            if name == META:
                classes = _classes(_plain(raw))
            else:
                batches[name] = _batch(_plain(raw))
        except _WrongMemberError as error:
            raise _refused(f"{archive}, member {name}: {error}") from error
    train_images = np.concatenate([batches[name][0] for name in TRAIN])
    train_labels = np.concatenate([batches[name][1] for name in TRAIN])
    for array in (train_images, train_labels, *batches[TEST]):
        array.setflags(write=False)
    return Cifar10(train_images, train_labels, *batches[TEST], classes)


class _Bounded(io.RawIOBase):
    """An unpacked stream that ends in an error rather than after more bytes than the archive can have."""

    def __init__(self, source: gzip.GzipFile, archive: Path) -> None:
        super().__init__()
        self.source = source
        self.archive = archive
        self.left = MOST_UNPACKED

    def read(self, size: int = -1) -> bytes:
        block = self.source.read(self.left + 1 if size < 0 else min(size, self.left + 1))
        self.left -= len(block)
        if self.left < 0:
            raise _refused(f"{self.archive} unpacks to more than {MOST_UNPACKED:,} bytes")
        return block


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The seven pickles, name and bytes, in the archive's order; what else is in it is passed over."""
    seen: set[str] = set()
    try:
        with gzip.open(archive) as packed, tarfile.open(fileobj=_Bounded(packed, archive), mode="r|") as tar:
            for member in tar:
                if member.name in MEMBERS:
                    yield member.name, _bytes(archive, tar, member, seen=member.name in seen)
                    seen.add(member.name)
    except DataError:
        raise
    except DAMAGED as error:
        raise _refused(f"{archive} is not a readable .tar.gz: {error}") from error
    missing = [name for name in MEMBERS if name not in seen]
    if missing:
        raise _refused(f"{archive} has no member {', '.join(missing)}")


def _bytes(archive: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, *, seen: bool) -> bytes:
    where = f"{archive}, member {member.name}"
    if seen:
        raise _refused(f"{where} is in the archive twice")
    if not member.isreg() or member.issparse():
        raise _refused(f"{where} is a link, folder or device, not a plain file")
    if member.size > MOST_MEMBER:
        raise _refused(f"{where} has {member.size:,} bytes; at most {MOST_MEMBER:,} are read")
    file = tar.extractfile(member)
    return b"" if file is None else file.read()


class _Array:
    """Stands for the array that numpy would make; filled by the state that follows it in the pickle."""

    values: NDArray[np.uint8] | None = None

    def __setstate__(self, state: tuple[int, tuple[int, ...], object, bool, bytes]) -> None:
        _, shape, kind, fortran, raw = state
        if not isinstance(kind, _Dtype) or kind.name not in (b"u1", b"|u1") or fortran or not isinstance(raw, bytes):
            raise ValueError("it holds an array that is not one of bytes, row after row")
        if not shape or any(type(n) is not int or n < 0 for n in shape):
            raise ValueError(f"it holds an array of the shape {shape}")
        self.values = np.frombuffer(raw, np.uint8).reshape(shape)


class _Dtype:
    """Stands for numpy's type of values; its state says nothing about bytes."""

    def __init__(self, name: bytes, *_: int) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None: ...


def _reconstruct(*_: object) -> _Array:
    return _Array()


ALLOWED: Mapping[tuple[str, str], Callable[..., Any]] = MappingProxyType(
    {
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,  # up to numpy 1
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,  # from numpy 2 on
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Dtype,
    }
)
"""All names that a pickle may use, and what they mean here."""


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        if (module, name) not in ALLOWED:
            raise _WrongMemberError(f"it asks for {module}.{name}, which a batch of images does not need")
        return ALLOWED[module, name]


def _plain(raw: bytes) -> dict[Any, Any]:
    """The dict in a pickle."""
    try:
        _check_opcodes(raw)
        held = _Plain(io.BytesIO(raw), encoding="bytes").load()
    except UNREADABLE as error:
        raise _WrongMemberError(f"it is not a readable pickle: {error}") from error
    if not isinstance(held, dict):
        raise _WrongMemberError(f"it holds a {type(held).__name__}, not a dict")
    return held


def _check_opcodes(raw: bytes) -> None:
    """Python's own unpickler takes memory as a pickle tells it to, and so sees only those that tell it nothing odd."""
    for count, (opcode, argument, at) in enumerate(pickletools.genops(raw)):
        if opcode.name not in OPCODES:
            raise _WrongMemberError(
                f"byte {at} is the pickle instruction {opcode.name}, which plain data does not need"
            )
        if opcode.name == "LONG_BINPUT" and isinstance(argument, int) and argument > count:
            raise _WrongMemberError(f"byte {at} numbers object {argument}, but there are at most {count}")


def _batch(held: dict[Any, Any]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    data, labels = held.get(b"data"), held.get(b"labels")
    images = data.values if isinstance(data, _Array) else None
    if images is None or not isinstance(labels, list):
        raise _WrongMemberError("it lacks an array 'data' or a list 'labels'")
    if images.ndim != 2 or images.shape[1] != np.prod(IMAGE) or not len(images):
        raise _WrongMemberError(f"'data' has the shape {images.shape}, not (images, {np.prod(IMAGE)})")
    if len(labels) != len(images):
        raise _WrongMemberError(f"it has {counted(len(images), 'image')} but {counted(len(labels), 'label')}")
    for i, label in enumerate(labels):
        if type(label) is not int or not 0 <= label < CLASSES:
            raise _WrongMemberError(f"label {i} is {label!r}, not a whole number from 0 to {CLASSES - 1}")
    return images.reshape(-1, *IMAGE), np.array(labels, dtype=np.int64)


def _classes(held: dict[Any, Any]) -> tuple[str, ...]:
    names = held.get(b"label_names")
    if not isinstance(names, list) or not all(isinstance(name, bytes) and name.isascii() for name in names):
        raise _WrongMemberError("it lacks a list 'label_names' of plain texts")
    if len(set(names)) != CLASSES or len(names) != CLASSES:
        raise _WrongMemberError(f"'label_names' are {len(set(names))} different names, not {CLASSES}")
    return tuple(name.decode("ascii") for name in names)


def _refused(what: str) -> DataError:
    return DataError(f"{what}. It is not the official cifar-10-python.tar.gz: get it again. Nothing was read.")
