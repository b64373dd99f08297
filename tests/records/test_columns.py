"""Many arrays as a few blocks, and back."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.records.columns import column, packed, unpacked
from etude.values.errors import StoreDamagedError, StoreError

kinds = st.one_of(
    hnp.floating_dtypes(sizes=(16, 32, 64)), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(),
    hnp.complex_number_dtypes(sizes=(64, 128)), hnp.boolean_dtypes(),
)  # fmt: skip
arrays = hnp.arrays(kinds, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))


def kept(several: list[np.ndarray]) -> tuple[dict, bytes]:
    return packed([column(array, "a") for array in several])


def bits(array: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    little = array.dtype.newbyteorder("<")
    return little.str, array.shape, array.astype(little).tobytes()


@given(several=st.lists(arrays, max_size=6))
def test_every_array_comes_back_with_every_bit(several):
    described, blocks = kept(several)
    back = unpacked(described, blocks, ["a"] * len(several))
    assert [bits(array) for array in back] == [bits(array) for array in several]
    assert not any(array.flags.writeable for array in back)


@given(words=st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_any_64_bits_survive_as_a_float_nan_payloads_and_negative_zero_included(words):
    floats = np.array(words, dtype=np.uint64).view(np.float64)
    described, blocks = kept([floats])
    (back,) = unpacked(described, blocks, ["a"])
    assert back.view(np.uint64).tolist() == words


def test_what_float32_holds_exactly_is_kept_as_such_and_comes_back_as_float64():
    described, _ = kept([np.array([0.5, -0.0, np.inf]), np.array([0.1])])
    assert [column[1] for column in described["columns"]] == ["<f4", "<f8"]


def test_arrays_of_one_type_share_a_block():
    described, blocks = kept([np.arange(5), np.ones(3), np.arange(2), np.full(3, 0.1), np.zeros(2, dtype=np.float32)])
    assert [kind for kind, _, _ in described["blocks"]] == ["<i8", "<f4", "<f8"]
    assert sum(size for _, size, _ in described["blocks"]) == len(blocks)


@pytest.mark.parametrize("bits", [0x01, 0x10, 0x80, 0x9D, 0xFF])  # 0x9D: another header of zlib
def test_every_changed_byte_is_noticed_and_the_array_named(bits: int):
    described, blocks = kept([np.arange(3), np.array([0.1, 0.2]), np.array([0.3])])
    for place in range(len(blocks)):
        broken = blocks[:place] + bytes([blocks[place] ^ bits]) + blocks[place + 1 :]
        in_the_first = place < described["blocks"][0][1]
        says = "^steps does not match" if in_the_first else "^values or one of 1 more does not match its checksum"
        with pytest.raises(StoreDamagedError, match=says):
            unpacked(described, broken, ["steps", "values", "errors"])


def test_bytes_that_are_missing_or_too_many_are_noticed():
    described, blocks = kept([np.arange(3), np.array([0.1])])
    for size in range(len(blocks)):
        with pytest.raises(StoreDamagedError, match="does not match its checksum"):
            unpacked(described, blocks[:size], ["a", "b"])
    with pytest.raises(StoreDamagedError, match="3 bytes follow"):
        unpacked(described, blocks + b"...", ["a", "b"])


def test_equal_columns_are_equal_bit_for_bit_and_in_shape():
    assert column(np.array([1.5, 2], dtype=">f8"), "a") == column(np.array([1.5, 2]), "a")
    assert column(np.array([0.0]), "a") != column(np.array([-0.0]), "a")
    assert column(np.zeros((2, 1)), "a") != column(np.zeros(2), "a")
    assert column(np.zeros(2, dtype=np.int64), "a") != column(np.zeros(2), "a")


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["a"]), np.zeros(2, dtype=np.longdouble)])
def test_anything_but_portable_numbers_is_refused(array):
    with pytest.raises(StoreError, match=r"'mine' is an array of .* Nothing was stored"):
        column(array, "mine")
