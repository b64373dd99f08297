"""CIFAR-10's archive: twenty genuine images in the official form, and what is told when it is anything else."""

import functools
import gzip
import io
import pickle
import struct
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etude.data.formats.cifar import FOLDER, META, TEST, TRAIN, read_cifar10
from etude.values.errors import DataError

TWENTY = Path(__file__).parent / "files" / "cifar-10-python.tar.gz"
NAMES = [b"airplane", b"automobile", b"bird", b"cat", b"deer", b"dog", b"frog", b"horse", b"ship", b"truck"]
NUMPY_1 = "numpy.core.multiarray"


def python_2(value, core=NUMPY_1) -> bytes:
    """A pickle in protocol 2 as Python 2 wrote it, with byte strings where Python 3 would write texts."""
    return b"\x80\x02" + written(value, core) + b"."


def written(value, core) -> bytes:
    parts = functools.partial(written, core=core)
    match value:
        case Raw():
            return value.opcodes
        case bool() | None:
            return {True: b"\x88", False: b"\x89", None: b"N"}[value]
        case int():
            return b"J" + struct.pack("<i", value)
        case bytes():
            return b"T" + struct.pack("<I", len(value)) + value
        case tuple():
            return b"(" + b"".join(map(parts, value)) + b"t"
        case list():
            return b"](" + b"".join(map(parts, value)) + b"e"
        case dict():
            return b"}(" + b"".join(parts(key) + parts(held) for key, held in value.items()) + b"u"
    kind = b"cnumpy\ndtype\n" + parts((value.dtype.str.encode().strip(b"|<"), 0, 1)) + b"R"
    kind += parts((3, b"|", None, None, None, -1, -1, 0)) + b"b"
    made = f"c{core}\n_reconstruct\n(cnumpy\nndarray\n".encode() + parts((0,)) + parts(b"b") + b"tR"
    return made + parts((1, value.shape, Raw(kind), False, value.tobytes())) + b"b"


@dataclass
class Raw:
    """A part of a pickle that is already written."""

    opcodes: bytes


def batch(labels, data=None) -> dict:
    images = np.arange(3072 * len(labels), dtype=np.uint32).astype(np.uint8).reshape(-1, 3072)
    return {
        b"batch_label": b"a batch",
        b"labels": list(labels),
        b"data": images if data is None else data,
        b"filenames": [b"made.png"] * len(labels),
    }


def members(**changed) -> dict[str, bytes]:
    """The seven members by name, some replaced: a value is pickled, bytes are taken as they are, None leaves it out."""
    values = {name: batch([i]) for i, name in enumerate((*TRAIN, TEST))}
    values[META] = {b"num_cases_per_batch": 1, b"label_names": NAMES, b"num_vis": 3072}
    values |= {f"{FOLDER}/{name.replace('__', '.')}": value for name, value in changed.items()}
    return {
        name: value if isinstance(value, bytes) else python_2(value)
        for name, value in values.items()
        if value is not None
    }


def tarred(contents, *others: tarfile.TarInfo) -> bytes:
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for other in others:
            tar.addfile(other)
    return gzip.compress(kept.getvalue(), compresslevel=1, mtime=0)


@pytest.fixture
def archive(tmp_path):
    """Writes bytes, or the seven members with some replaced, as an archive and says its path."""

    def made(content=None, **changed):
        path = tmp_path / "cifar.tar.gz"
        path.write_bytes(tarred(members(**changed)) if content is None else content)
        return path

    return made


def refused(path, says):
    with pytest.raises(DataError, match=says) as refusal:
        read_cifar10(path)
    assert str(path) in str(refusal.value)
    assert "Nothing was read." in str(refusal.value)


def test_twenty_genuine_images_are_read_with_their_labels():
    read = read_cifar10(TWENTY)
    # the first twenty test images of CIFAR-10: a cat, two ships, an airplane, …
    labels = np.concatenate([read.test_labels, read.train_labels])
    assert labels.tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1, 0, 9, 5, 7, 9, 8, 5, 7, 8, 6]
    assert read.classes == tuple(name.decode() for name in NAMES)
    assert (read.train_images.shape, read.test_images.shape) == ((15, 3, 32, 32), (5, 3, 32, 32))
    assert (read.train_images.dtype, read.train_labels.dtype) == (np.uint8, np.int64)
    assert read.test_images[0, :, 0, 0].tolist() == [158, 112, 49]  # its first pixel, in any picture viewer
    assert read.test_images[0, :, 0, 1].tolist() == [159, 111, 47]  # and the one to the right of it


def test_the_arrays_are_read_only():
    assert not any(array.flags.writeable for array in read_cifar10(TWENTY)[:4])


def test_the_training_batches_are_joined_in_their_order_whatever_that_of_the_archive(archive):
    backwards = dict(reversed(members().items()))
    assert read_cifar10(archive(tarred(backwards))).train_labels.tolist() == [0, 1, 2, 3, 4]


def test_rows_become_three_channels_of_32_rows(archive):
    image = read_cifar10(archive()).test_images[0]
    # value number 1024 c + 32 y + x of a row, which batch() fills with its number modulo 256
    assert (image[0, 0, 5], image[0, 1, 0], image[2, 31, 31]) == (5, 32, 3071 % 256)


def test_numpy_2_names_are_read_too(archive):
    path = archive(test_batch=python_2(batch([7]), core="numpy._core.multiarray"))
    assert read_cifar10(path).test_labels.tolist() == [7]


def test_what_else_is_in_the_archive_is_passed_over(archive):
    path = archive(tarred({f"{FOLDER}/readme.html": b"<html>", **members()}))
    assert len(read_cifar10(path).test_labels) == 1


@pytest.mark.parametrize("name", [*TRAIN, TEST, META])
def test_a_missing_member_is_named(archive, name):
    held = {of: content for of, content in members().items() if of != name}
    refused(archive(tarred(held)), f"has no member {name}")


def test_a_pickle_that_would_run_a_command_is_refused_and_runs_nothing(archive, tmp_path):
    class Hostile:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    refused(
        archive(test_batch=pickle.dumps(Hostile(), protocol=2)), "member .*/test_batch: byte .* plain data does not"
    )
    command = b"cos\nsystem\n" + written((f"touch {tmp_path}/ran".encode(),), NUMPY_1) + b"R."
    refused(archive(test_batch=b"\x80\x02" + command), "test_batch: it asks for os.system")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["builtins\neval", "numpy\nload", "numpy.core.multiarray\nscalar", "_codecs\nencode"])
def test_no_other_name_is_looked_up(archive, name):
    refused(archive(test_batch=f"\x80\x02c{name}\n.".encode("latin1")), f"it asks for {name.replace(chr(10), '.')}")


@pytest.mark.parametrize(
    ("opcodes", "says"),
    [
        (b"r\xff\xff\xff\xff", "byte 3 numbers object 4294967295, but there are at most 2"),  # would take 64 GB
        (b"\x8e" + struct.pack("<Q", 2**60), "not a readable pickle: expected .* bytes"),
        (b"T" + struct.pack("<i", 2**31 - 1), "not a readable pickle: expected .* bytes"),
        (b"B" + struct.pack("<i", 0), "byte 3 is the pickle instruction BINBYTES"),
        (b"0", "byte 3 is the pickle instruction POP"),
        (b"", "not a readable pickle: pickle exhausted before seeing STOP"),
        (b"\xff", "not a readable pickle: at position 3, opcode .* unknown"),
        (b".", "holds a NoneType, not a dict"),
        (b"R.", "not a readable pickle"),
        (b"b.", "not a readable pickle"),
    ],
)
def test_a_pickle_that_is_cut_short_or_asks_for_memory_is_refused(archive, opcodes, says):
    refused(archive(test_batch=b"\x80\x02N" + opcodes), says)


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ([1, 2], "holds a list, not a dict"),
        ({b"labels": [1]}, "lacks an array 'data' or a list 'labels'"),
        (batch([1]) | {b"labels": None}, "lacks an array 'data' or a list 'labels'"),
        (batch([1]) | {b"labels": [1, 2]}, "has 1 image but 2 labels"),
        (batch([1, 2]) | {b"labels": [1]}, "has 2 images but 1 label"),
        (batch([3, 10]), "label 1 is 10, not a whole number from 0 to 9"),
        (batch([-1]), "label 0 is -1, not"),
        (batch([True]), "label 0 is True, not"),
        (batch([b"cat"]), "label 0 is b'cat', not"),
        (batch([]), r"'data' has the shape \(0, 3072\), not \(images, 3072\)"),
        (batch([1], np.zeros((1, 3071), np.uint8)), r"'data' has the shape \(1, 3071\), not \(images, 3072\)"),
        (batch([1], np.zeros(3072, np.uint8)), r"'data' has the shape \(3072,\), not"),
        (batch([1], np.zeros((1, 3072), np.int8)), "an array that is not one of bytes"),
        (batch([1], Raw(b"cnumpy\nndarray\n")), "lacks an array 'data'"),
        (batch([1], Raw(b"cnumpy\nndarray\n)R")), "lacks an array 'data'"),  # made, and never filled
    ],
)
def test_a_batch_that_is_not_images_with_labels_is_refused(archive, held, says):
    refused(archive(data_batch_3=held), f"member .*/data_batch_3: .*{says}")


@pytest.mark.parametrize("shape", [(1, 3073), (-1, 3072), (b"1", 3072), (2**31 - 1, 2**31 - 1), (), None])
def test_an_array_whose_bytes_do_not_fill_its_shape_is_refused(archive, shape):
    array = np.zeros((1, 3072), np.uint8)
    whole = written(array, NUMPY_1)
    told = whole.replace(written(array.shape, NUMPY_1), written(shape, NUMPY_1))
    refused(archive(test_batch=batch([1], Raw(told))), "test_batch: it is not a readable pickle")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (None, "lacks a list 'label_names'"),
        ([*NAMES[:9], 9], "lacks a list 'label_names'"),
        ([*NAMES[:9], b"\xff"], "lacks a list 'label_names'"),
        (NAMES[:9], "9 different names, not 10"),
        ([*NAMES, *NAMES[:1]], "10 different names, not 10"),
    ],
)
def test_class_names_must_be_ten(archive, names, says):
    refused(archive(batches__meta={b"label_names": names}), f"batches.meta: .*{says}")


def test_a_member_that_is_a_link_is_refused(archive):
    held = members()
    del held[TEST]
    link = tarfile.TarInfo(TEST)
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    refused(archive(tarred(held, link)), "test_batch is a link, folder or device")


def test_a_member_that_is_there_twice_is_refused(archive):
    refused(archive(tarred(members(), tarfile.TarInfo(TEST))), "test_batch is in the archive twice")


def test_a_member_that_is_too_large_is_refused_before_it_is_read(archive):
    huge = tarfile.TarInfo(TEST)
    huge.size = 2**40  # as its header says; there are no bytes
    content = gzip.compress(huge.tobuf())
    refused(archive(content), "test_batch has 1,099,511,627,776 bytes; at most 67,108,864 are read")


def test_an_archive_that_unpacks_without_end_is_refused(archive):
    other = tarfile.TarInfo("zeros")
    other.size = 2**40
    content = gzip.compress(other.tobuf() + bytes(2**28), compresslevel=1)
    refused(archive(content), "unpacks to more than 268,435,456 bytes")


@pytest.mark.parametrize("content", [b"", b"not gzip", gzip.compress(b"x" * 999, mtime=0), gzip.compress(b"", mtime=0)])
def test_what_is_no_archive_is_refused(archive, content):
    refused(archive(content), "is not a readable .tar.gz|has no member")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    refused(tmp_path / "gone.tar.gz", "is not a readable .tar.gz: .*No such file")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_an_archive_that_is_cut_short_is_refused(archive, share):
    whole = TWENTY.read_bytes()
    refused(archive(whole[: int(len(whole) * share)]), "is not a readable .tar.gz")


@settings(max_examples=150)
@given(junk=st.binary(max_size=200))
def test_no_bytes_in_place_of_a_batch_raise_anything_but_a_data_error(tmp_path_factory, junk):
    path = tmp_path_factory.mktemp("cifar") / "a.tar.gz"
    path.write_bytes(tarred(members(test_batch=b"\x80\x02" + junk)))
    with pytest.raises(DataError):
        read_cifar10(path)


@settings(max_examples=150)
@given(data=st.data())
def test_changed_bytes_raise_nothing_but_a_data_error(tmp_path_factory, data):
    raw = bytearray(gzip.decompress(tarred(members())))
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("cifar") / "a.tar.gz"
    path.write_bytes(gzip.compress(bytes(raw), compresslevel=1))
    try:
        read = read_cifar10(path)
    except DataError:
        return
    assert read.test_images.shape[1:] == (3, 32, 32)
