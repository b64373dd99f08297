"""A study as bytes and back."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.records.kept_study import KeptStudy, decode_study, encode_study
from etude.records.sealing import seal
from etude.values.errors import StoreDamagedError

any_text = st.text(st.characters(), max_size=12)
run_keys = st.binary(min_size=32, max_size=32).map(bytes.hex)
odd_keys = run_keys.map(str.upper) | run_keys.map(lambda key: key + "\n") | run_keys.map(lambda key: key[1:]) | any_text
keys = st.lists(run_keys, max_size=4) | st.lists(run_keys | odd_keys, max_size=4)


def key_of(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def study_of(n_keys: int) -> KeptStudy:
    return KeptStudy("s", "{}", {"arm": tuple(map(key_of, range(n_keys)))})


@given(name=any_text, plan=any_text, arms=st.dictionaries(any_text, keys.map(tuple), max_size=4))
def test_a_study_comes_back_with_every_key_in_order(name, plan, arms):
    back = decode_study(name, encode_study(KeptStudy(name, plan, arms)))
    assert (back.name, back.plan, list(back.arms.items())) == (name, plan, list(arms.items()))


def test_a_key_takes_thirty_two_bytes_so_that_a_million_take_32_megabytes():
    # What is beside the keys is the same, but for the digits of their number.
    sizes = [len(encode_study(study_of(n))) for n in (1_000, 9_000)]
    assert sizes[1] - sizes[0] == pytest.approx(32 * 8_000, abs=32)
    assert sizes[0] - 32 * 1_000 < 200


def test_the_keys_of_layout_1_are_read_where_they_are():
    kept = seal({"name": "s", "plan": "{}", "arms": {"arm": ["a", key_of(0)]}})
    assert decode_study("s", kept).arms == {"arm": ("a", key_of(0))}


@pytest.mark.parametrize("bits", [0x01, 0x10, 0x80, 0xFF])
def test_every_changed_byte_is_noticed(bits: int):
    body = encode_study(KeptStudy("s", "{}", {"arm": (key_of(0), key_of(1)), "mine": ("by hand",)}))
    for place in range(len(body)):
        with pytest.raises(StoreDamagedError, match=r"checksum|is cut off"):
            decode_study("s", body[:place] + bytes([body[place] ^ bits]) + body[place + 1 :])


def test_bytes_that_are_cut_off_or_added_are_noticed():
    body = encode_study(study_of(2))
    for other in (*(body[:size] for size in range(len(body))), body + b".", body + bytes(32)):
        with pytest.raises(StoreDamagedError):
            decode_study("s", other)


def test_another_study_is_noticed():
    with pytest.raises(StoreDamagedError, match="that of study 's'"):
        decode_study("t", encode_study(study_of(1)))
