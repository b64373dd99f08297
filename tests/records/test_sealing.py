"""JSON behind a digest."""

import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.records.sealing import HEAD, digest, inflated, seal, unseal
from etude.values.errors import StoreDamagedError, StoreError

text = st.text(st.characters(), max_size=20)  # lone surrogates, quotes and NUL included
plain = st.recursive(st.none() | st.booleans() | st.integers() | text, lambda inner: st.lists(inner, max_size=3))


@given(content=st.dictionaries(text, plain, max_size=4), after=st.binary(max_size=9))
def test_what_was_sealed_comes_back_and_says_where_it_ends(content, after: bytes):
    body = seal(content)
    assert unseal(body + after) == (content, len(body))


@pytest.mark.parametrize("bits", [0x01, 0x10, 0x80, 0x9D, 0xFF])  # 0x9D: another header of zlib
def test_every_changed_byte_is_noticed(bits: int):
    body = seal({"name": "arm", "last_step": 1500})
    for place in range(len(body)):
        with pytest.raises(StoreDamagedError):
            unseal(body[:place] + bytes([body[place] ^ bits]) + body[place + 1 :])


def test_bytes_that_are_cut_off_anywhere_are_noticed():
    body = seal({"name": "arm"})
    for size in range(len(body)):
        with pytest.raises(StoreDamagedError, match=r"is cut off after \d+ bytes|does not match its checksum"):
            unseal(body[:size])


def test_the_digest_of_the_plain_bytes_is_taken_too_as_layout_1_had_it():
    content = json.dumps({"arms": 2}).encode()
    packed = zlib.compress(content)
    assert unseal(HEAD.pack(digest(content), len(packed), len(content)) + packed)[0] == {"arms": 2}
    with pytest.raises(StoreDamagedError, match="does not match its checksum"):
        unseal(HEAD.pack(digest(b"other"), len(packed), len(content)) + packed)


def test_a_small_record_that_claims_to_be_huge_is_refused_before_memory_is_taken():
    body = bytearray(seal({"a": "b" * 1000}))
    struct.pack_into("<I", body, 20, 2**32 - 1)  # its plain size
    with pytest.raises(StoreDamagedError, match="does not match its checksum"):
        unseal(bytes(body))


def test_bytes_that_inflate_to_another_size_or_not_at_all_are_nothing():
    packed = zlib.compress(b"abc")
    assert inflated(packed, 3) == b"abc"
    assert [inflated(packed, size) for size in (0, 2, 4)] == [None] * 3
    assert inflated(packed[:-1], 3) is None
    assert inflated(b"abc", 3) is None


def test_numpy_numbers_become_numbers_and_anything_else_is_refused():
    assert unseal(seal({"n": np.int64(7), "x": np.float32(0.5)}))[0] == {"n": 7, "x": 0.5}
    with pytest.raises(StoreError, match=r"words and numbers, not set\. Nothing was stored"):
        seal({"seen": {1}})
