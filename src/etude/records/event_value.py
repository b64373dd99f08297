"""One value of a TensorBoard summary: its tag, and its number, in whichever of the ways it was written.

Source: tensorflow/core/framework/summary.proto, tensor.proto, tensor_shape.proto and types.proto.
"""

from collections.abc import Callable, Mapping
from struct import Struct
from types import MappingProxyType
from typing import NamedTuple

from etude.records.event_parameters import Facts, parameters
from etude.records.protobuf import BYTES, EIGHT_BYTES, FOUR_BYTES, VARINT, Field, fields, signed, text, varint

Unpack = Callable[[bytes, int], tuple[float, ...]]


class Cut(NamedTuple):
    """Where the bytes of a number lie in a value, and what makes a number of them."""

    start: int
    stop: int
    unpack: Unpack


class Value(NamedTuple):
    """What a value of a summary holds.

    kind:   "scalar", or what else it is, for a note: "histogram", "image"
    number: of a scalar
    cut:    of a scalar whose bytes are as many whatever its number is: values that are equal outside it differ in
            their number only
    facts:  parameters of the run, where the value is about those
    """

    tag: str
    kind: str
    number: float | None = None
    cut: Cut | None = None
    facts: Facts = MappingProxyType({})


TAG, SIMPLE_VALUE, TENSOR, METADATA = 1, 2, 8, 9
OTHERS: Mapping[int, str] = MappingProxyType({4: "image", 5: "histogram", 6: "audio"})
"""Fields of a value; the last hold no scalar."""

SCALARS, HPARAMS = ("scalars", "tensor", ""), "hparams"
"""Plugins that we know. A tensor of one number is a scalar also if it names none, as later ones of a tag may not."""

DTYPE, SHAPE, CONTENT = 1, 2, 4
BFLOAT16 = 14
FLOAT, DOUBLE, HALF = Struct("<f"), Struct("<d"), Struct("<e")
BY_DTYPE: Mapping[int, Struct] = MappingProxyType(
    {
        **{1: FLOAT, 2: DOUBLE, 3: Struct("<i"), 4: Struct("<B"), 5: Struct("<h"), 6: Struct("<b"), 9: Struct("<q")},
        **{17: Struct("<H"), 19: HALF, 22: Struct("<I"), 23: Struct("<Q"), BFLOAT16: Struct("<2s")},
    }
)
"""The number in the content of a tensor; bool, complex and string tensors hold none."""

BY_FIELD: Mapping[int, Struct] = MappingProxyType({5: FLOAT, 6: DOUBLE})
"""float_val and double_val: the number as it is."""

HALVES, SIGNED, UNSIGNED = frozenset({13}), frozenset({7, 10}), frozenset({16, 17})
"""half_val; int_val and int64_val; uint32_val and uint64_val: the number as a varint."""


def value_in(message: bytes) -> Value:
    """What a Summary.Value holds; ValueError where it is none."""
    tag, kind, plugin = "", "unknown", ""
    found: tuple[float, Cut | None] | None = None
    facts: Facts = {}
    for number, wire, start, end in fields(message):
        if (number, wire) == (TAG, BYTES):
            tag = text(message, start, end)
        elif (number, wire) == (SIMPLE_VALUE, FOUR_BYTES):
            found = _fixed(message, start, FLOAT)
        elif (number, wire) == (TENSOR, BYTES):
            kind, found = "tensor", _tensor(message, start, end)
        elif (number, wire) == (METADATA, BYTES):
            plugin, facts = _metadata(message, start, end)
        else:
            kind = OTHERS.get(number, kind)
    if found is None or plugin not in SCALARS:
        return Value(tag, plugin or kind, facts=facts)
    return Value(tag, "scalar", *found)


def _metadata(message: bytes, start: int, end: int) -> tuple[str, Facts]:
    """The plugin that a value is for, and the parameters that it holds where that is for these."""
    plugin, about = "", (0, 0)
    for number, wire, first, stop in fields(message, start, end):
        if (number, wire) == (1, BYTES):
            for inner, kind, *span in fields(message, first, stop):
                if (inner, kind) == (1, BYTES):
                    plugin = text(message, *span)
                elif (inner, kind) == (2, BYTES):
                    about = (span[0], span[1])
    return plugin, parameters(message, *about) if plugin == HPARAMS else {}


def _tensor(message: bytes, start: int, end: int) -> tuple[float, Cut | None] | None:
    """The number of a tensor that has one element; None for any other."""
    parts = {number: (wire, first, stop) for number, wire, first, stop in fields(message, start, end)}
    wire, first, stop = parts.pop(DTYPE, (BYTES, 0, 0))
    dtype = varint(message, first, stop)[0] if wire == VARINT else 0
    _, first, stop = parts.pop(SHAPE, (BYTES, 0, 0))
    if not _has_one_element(message, first, stop):
        return None
    for number, (wire, first, stop) in parts.items():
        found = _one(message, (number, wire, first, stop), dtype)
        if found is not None:
            return found
    return None


def _has_one_element(message: bytes, start: int, end: int) -> bool:
    """Whether each dimension, of which a scalar has none, is 1."""
    sizes = [message[first:stop] for number, _, first, stop in fields(message, start, end) if number == 2]
    return all(size == b"\x08\x01" for size in sizes)


def _one(message: bytes, field: Field, dtype: int) -> tuple[float, Cut | None] | None:
    """The number in a field of a tensor, if that holds exactly one."""
    number, wire, start, end = field
    fixed = BY_DTYPE.get(dtype) if number == CONTENT else BY_FIELD.get(number)
    if fixed is not None and wire in (BYTES, FOUR_BYTES, EIGHT_BYTES) and end - start == fixed.size:
        if dtype == BFLOAT16:
            return FLOAT.unpack(bytes(2) + message[start:end])[0], None
        return _fixed(message, start, fixed)
    if number not in HALVES | SIGNED | UNSIGNED or wire not in (BYTES, VARINT):
        return None
    bits, stop = varint(message, start, end)
    if stop != end:
        return None
    if number in HALVES:
        return _half(bits, dtype), None
    return float(signed(bits) if number in SIGNED else bits), None


def _half(bits: int, dtype: int) -> float:
    """A number of two bytes. torch writes the four bytes of a float instead, the upper two of which are never 0."""
    if bits > 0xFFFF:
        return float(FLOAT.unpack((bits & 0xFFFFFFFF).to_bytes(4, "little"))[0])
    half = bits.to_bytes(2, "little")
    return float((FLOAT.unpack(bytes(2) + half) if dtype == BFLOAT16 else HALF.unpack(half))[0])


def _fixed(message: bytes, start: int, number: Struct) -> tuple[float, Cut]:
    cut = Cut(start, start + number.size, number.unpack_from)
    return float(number.unpack_from(message, start)[0]), cut
