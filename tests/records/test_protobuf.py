"""Fields of a message on the wire: the examples of the specification, and what is no message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.records.protobuf import BYTES, EIGHT_BYTES, FOUR_BYTES, VARINT, fields, signed, text, varint


def test_the_examples_of_the_specification_come_out():
    # protobuf.dev, "Encoding": {a: 150}; {b: "testing"}; {c: {a: 150}}
    assert list(fields(b"\x08\x96\x01")) == [(1, VARINT, 1, 3)]
    assert varint(b"\x08\x96\x01", 1, 3) == (150, 3)
    assert list(fields(b"\x12\x07testing")) == [(2, BYTES, 2, 9)]
    assert list(fields(b"\x1a\x03\x08\x96\x01", 2, 5)) == [(1, VARINT, 3, 5)]


def test_fixed_fields_have_always_as_many_bytes():
    assert list(fields(b"\x09" + bytes(8) + b"\x15" + bytes(4))) == [(1, EIGHT_BYTES, 1, 9), (2, FOUR_BYTES, 10, 14)]


def test_a_field_number_of_two_bytes_is_read():
    assert list(fields(b"\x82\x01\x01x")) == [(16, BYTES, 3, 4)]


def test_a_negative_number_takes_ten_bytes():
    number, end = varint(b"\xfe" + b"\xff" * 8 + b"\x01", 0, 10)
    assert (signed(number), end) == (-2, 10)


def test_bytes_that_are_not_utf_8_are_marked():
    assert text(b"a\xffb", 0, 3) == "a\ufffdb"


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"\x08", "number without an end"),
        (b"\x08\x96", "number without an end"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "number without an end"),
        (b"\x12\x05abc", "a field that is none"),
        (b"\x12", "number without an end"),
        (b"\x09\x00", "a field that is none"),
        (b"\x00\x00", "a field that is none"),
        (b"\x0b\x0c", "a field of kind 3"),
        (b"\x0f", "a field of kind 7"),
    ],
)
def test_what_is_no_message_is_refused(message, says):
    with pytest.raises(ValueError, match=says):
        list(fields(message))


def test_a_field_does_not_reach_beyond_the_end_that_is_given():
    with pytest.raises(ValueError, match="a field that is none"):
        list(fields(b"\x12\x03abc", 0, 4))
    with pytest.raises(ValueError, match="number without an end"):
        list(fields(b"\x08\x96\x01", 0, 2))


@given(st.binary(max_size=100), st.integers(0, 100), st.integers(0, 100))
def test_any_bytes_give_fields_within_their_bounds_or_a_value_error(message, start, end):
    start, end = sorted((min(start, len(message)), min(end, len(message))))
    behind = start
    try:
        for number, _, first, stop in fields(message, start, end):
            assert number > 0
            assert behind < first <= stop <= end
            behind = stop
    except ValueError:
        return
    assert behind == end
