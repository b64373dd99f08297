"""The parameters of a run as TensorBoard's hparams plugin keeps them in an event file.

Source: tensorboard/plugins/hparams/plugin_data.proto; google/protobuf/struct.proto.
"""

from collections.abc import Mapping
from struct import unpack_from

from etude.records.cells import LONGEST_TEXT, whole
from etude.records.protobuf import BYTES, EIGHT_BYTES, VARINT, fields, text

Facts = Mapping[str, str | int | float]

SESSION_START = 3
"""Of the plugin's data: the values of this run. The others say which parameters there are, and how the run ended."""

NUMBER, STRING, TRUTH = (2, EIGHT_BYTES), (3, BYTES), (4, VARINT)
"""Field and kind of a google.protobuf.Value; lists and objects are no facts."""


def parameters(message: bytes, start: int, end: int) -> Facts:
    """Those in message[start:end], by name; ValueError where that is no data of the plugin."""
    facts: dict[str, str | int | float] = {}
    for number, kind, first, stop in fields(message, start, end):
        if (number, kind) == (SESSION_START, BYTES):
            for inner, wire, begin, behind in fields(message, first, stop):
                if (inner, wire) == (1, BYTES):
                    facts |= _entry(message, begin, behind)
    return facts


def _entry(message: bytes, start: int, end: int) -> dict[str, str | int | float]:
    """One entry of the map: its name and its value, if that is a scalar."""
    name, value = "", None
    for number, kind, first, stop in fields(message, start, end):
        if (number, kind) == (1, BYTES):
            name = text(message, first, stop)[:LONGEST_TEXT]
        elif (number, kind) == (2, BYTES):
            value = _scalar(message, first, stop)
    return {} if value is None else {name: value}


def _scalar(message: bytes, start: int, end: int) -> str | int | float | None:
    value: str | int | float | None = None
    for number, kind, first, stop in fields(message, start, end):
        if (number, kind) == NUMBER:
            value = whole(unpack_from("<d", message, first)[0])
        elif (number, kind) == STRING:
            value = text(message, first, stop)[:LONGEST_TEXT]
        elif (number, kind) == TRUTH:
            value = "true" if message[first] else "false"
    return value
