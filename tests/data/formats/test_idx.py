"""IDX files: what is written is read back, and every kind of damage is told with its byte."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from etude.data.formats.idx import TYPES, read_idx
from etude.values.errors import DataError

FILES = Path(__file__).parent / "files"
TWO_BY_THREE = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])
CODES = {np.dtype(kind): code for code, kind in TYPES.items()}


def written(values) -> bytes:
    shape = struct.pack(f">{values.ndim}I", *values.shape)
    return (
        bytes([0, 0, CODES[values.dtype], values.ndim])
        + shape
        + values.astype(values.dtype.newbyteorder(">")).tobytes()
    )


def refused(raw, says):
    with pytest.raises(DataError, match=f"^digits.gz{says}"):
        read_idx(raw, "digits.gz")


def test_twenty_genuine_digits_are_read():
    images = read_idx(gzip.decompress((FILES / "t10k-images-idx3-ubyte.gz").read_bytes()), "images")
    labels = read_idx(gzip.decompress((FILES / "t10k-labels-idx1-ubyte.gz").read_bytes()), "labels")
    # the first twenty test digits of MNIST
    assert labels.tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9, 0, 6, 9, 0, 1, 5, 9, 7, 3, 4]
    assert (images.shape, images.dtype) == ((20, 28, 28), np.uint8)
    assert (images[0, 7, 6:11] == [84, 185, 159, 151, 60]).all()  # where the bar of the seven begins
    assert not images[:, 0].any()  # digits stand in a black frame


def test_the_last_dimension_runs_fastest():
    assert read_idx(TWO_BY_THREE, "digits").tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("code", "value", "number"),
    [
        (0x08, b"\xff", 255),
        (0x09, b"\xff", -1),
        (0x0B, b"\x01\x00", 256),
        (0x0B, b"\xff\xfe", -2),
        (0x0C, b"\x00\x01\x00\x00", 65536),
        (0x0D, b"\x3f\xc0\x00\x00", 1.5),
        (0x0E, b"\xc0\x04\x00\x00\x00\x00\x00\x00", -2.5),
    ],
)
def test_values_are_big_endian_and_become_this_machines_own(code, value, number):
    read = read_idx(bytes([0, 0, code, 1, 0, 0, 0, 1]) + value, "digits")
    assert read.tolist() == [number]
    assert read.dtype.isnative


@given(
    st.sampled_from(sorted(CODES, key=str)).flatmap(
        lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=1, max_dims=5, min_side=1, max_side=4))
    )
)
def test_what_is_written_is_read_back_bit_for_bit(values):
    read = read_idx(written(values), "digits")
    assert (read.dtype, read.shape) == (values.dtype, values.shape)
    assert read.tobytes() == values.tobytes()


@pytest.mark.parametrize("kind", CODES)
def test_arrays_are_read_only(kind):
    assert not read_idx(written(np.ones(3, kind)), "digits").flags.writeable


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", " has 0 bytes"),
        (b"\0\0\x08", " has 3 bytes, but an IDX header alone has more than 4"),
        (b"\x01\0\x08\x01", ", byte 0 is 0x01, but .* two zero bytes"),
        (b"\0\x02\x08\x01", ", byte 1 is 0x02, but .* two zero bytes"),
        (b"<html>", ", byte 0 is 0x3c"),
        (b"\x1f\x8b\x08\0", " is a gzip file, not the IDX file inside it"),
        (b"\0\0\x0a\x01", ", byte 2 names the type 0x0a, but IDX has only 0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e"),
        (b"\0\0\x08\0", ", byte 3 says 0 dimensions"),
        (b"\0\0\x08\x21" + 33 * b"\0\0\0\x01" + b"\0", ", byte 3 says 33 dimensions, but .* 1 to 32"),
        (TWO_BY_THREE[:11], " is cut short at byte 11, within its 2 dimensions"),
        (b"\0\0\x08\x02\0\0\0\x01\0\0\0\0", ", byte 8: a dimension is 0"),
        (TWO_BY_THREE[:12], " is cut short: .* 2 × 3 values of 8 bits, 6 bytes from byte 12 on, but there are 0"),
        (TWO_BY_THREE[:-1], " is cut short: .* but there are 5"),
        (TWO_BY_THREE + b"\0\0", " goes on after its end, from byte 18 on: .* but there are 8"),
    ],
)
def test_damage_is_told_with_its_byte_and_the_way_out(raw, says):
    refused(raw, f"{says}.*( again|Unpack it first)\\.$")


def test_absurd_dimensions_are_refused_before_memory_is_taken():
    # 4,294,967,295^3 values of 8 bytes: about 6e29 bytes
    refused(b"\0\0\x0e\x03" + 12 * b"\xff", " is cut short: .* 10\\^15 or more bytes from byte 16 on")


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda end: b"\0\0\x08\x01\0\0\0" + end))
def test_no_bytes_raise_anything_but_a_data_error(raw):
    try:
        values = read_idx(raw, "digits")
    except DataError:
        return
    assert written(values) == raw
