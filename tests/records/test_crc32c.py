"""CRC-32C: the examples of RFC 3720, and many spans at once against one byte after the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.records.crc32c import PIECE, crc32c, crc32c_of_spans, masked, unmasked

EXAMPLES = {
    bytes(32): 0x8A9136AA,
    b"\xff" * 32: 0x62A8AB43,
    bytes(range(32)): 0x46DD794E,
    bytes(range(31, -1, -1)): 0x113FDB5C,
    b"": 0,
}


def of_spans(raw, spans):
    starts, ends = np.array(spans, dtype=np.int64).reshape(-1, 2).T
    return crc32c_of_spans(raw, starts, ends).tolist()


@pytest.mark.parametrize("data", EXAMPLES, ids=lambda data: data.hex()[:8])
def test_the_examples_of_rfc_3720_come_out(data):
    assert crc32c(data) == EXAMPLES[data]
    assert of_spans(data, [(0, len(data))]) == [EXAMPLES[data]]


def test_a_checksum_is_masked_by_rotation_and_addition():
    # 1 rotated right by 15 bits is 2**17
    assert masked(1) == (2**17 + 0xA282EAD8) % 2**32


@given(st.integers(0, 2**32 - 1))
def test_unmasking_undoes_masking(checksum):
    assert unmasked(np.array([masked(checksum)], dtype=np.uint32)).tolist() == [checksum]


@given(st.binary(max_size=200), st.data())
def test_many_spans_at_once_have_the_checksums_of_each(raw, data):
    place = st.integers(0, len(raw))
    spans = [tuple(sorted(pair)) for pair in data.draw(st.lists(st.tuples(place, place), max_size=20))]
    assert of_spans(raw, spans) == [crc32c(raw[start:end]) for start, end in spans]


@pytest.mark.parametrize("length", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 5])
def test_a_span_that_is_cut_into_pieces_has_the_checksum_of_the_whole(length):
    raw = np.random.default_rng(length).bytes(length + 10)
    spans = [(0, length), (3, length + 3), (7, 12), (10, length + 10)]
    assert of_spans(raw, spans) == [crc32c(raw[start:end]) for start, end in spans]


@given(st.binary(min_size=1, max_size=100), st.data())
def test_any_flipped_bit_changes_the_checksum(raw, data):
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    flipped = bytearray(raw)
    flipped[bit // 8] ^= 1 << bit % 8
    assert of_spans(raw, [(0, len(raw))]) != of_spans(bytes(flipped), [(0, len(raw))])
