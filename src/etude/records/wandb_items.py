"""Items of W&B records: a name, and a value that is JSON; as measured numbers or as parameters.

Source: wandb, proto/wandb_internal.proto (HistoryItem, ConfigItem).
"""

import json
import re
from collections.abc import Iterator

from etude.records.cells import LONGEST_TEXT, number
from etude.records.protobuf import BYTES, fields, text

KEY, NESTED_KEY, VALUE = (1, BYTES), (2, BYTES), (16, BYTES)
"""Fields of an item and their kinds: its name, or the parts of its name; its value."""

PLAIN = re.compile(rb"\n[\0-\x7f][\n\x12][\0-\x7f]([ -~]+)\x82\x01[\0-\x7f]([-+.0-9eE]+)")
"""Field 1 with an item in it of one name, in ASCII, and a finite number: as nearly all are. Neither the name nor the
number can hold the byte that follows on it, so that their lengths need not be looked at."""

DEEPEST = 8
"""Of objects in objects; what lies deeper is passed over."""

LONGEST_JSON = 100_000
"""Bytes; a longer value is neither a number nor a parameter."""

LONGEST_NAME = 1000
"""Bytes."""

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def plain_items(message: bytes, start: int, end: int) -> tuple[list[tuple[bytes, bytes]], int]:
    """Names and values of the items at `start`, up to the first that is not plain, and where that begins."""
    found: list[tuple[bytes, bytes]] = []
    while (one := PLAIN.match(message, start, end)) is not None:
        found.append((one[1], one[2]))
        start = one.end()
    return found, start


def item(message: bytes, start: int, end: int) -> tuple[str, bytes]:
    """Name and value of any item; ValueError where it is none."""
    key, nested, value = "", [], b""
    for field in fields(message, start, end):
        if field[:2] == KEY:
            key = text(message, *field[2:])
        elif field[:2] == NESTED_KEY:
            nested.append(text(message, *field[2:]))
        elif field[:2] == VALUE:
            value = message[field[2] : field[3]]
    name = key or ".".join(nested)
    if not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"an item whose name has {len(name):,} characters")
    return name, value


def measured(name: str, value: bytes) -> Iterator[tuple[str, float | None]]:
    """The numbers of an item by name; None for what is none. Numbers in objects are named "outer.inner".

    >>> list(measured("train", b'{"loss": "0.5", "best": true}'))
    [('train.loss', 0.5), ('train.best', None)]
    """
    try:
        yield name, float(value)
    except ValueError:
        for inner, scalar in scalars(name, value):
            yield inner, number(scalar)


def parameter(value: Json) -> str | int | float | None:
    """A value as a fact; None where it is a list, or nothing.

    >>> [parameter(value) for value in (0.1, True, [32], None)]
    [0.1, 'true', None, None]
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)[:LONGEST_TEXT]
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    return value if isinstance(value, float) else None


def scalars(name: str, value: bytes) -> Iterator[tuple[str, Json]]:
    """What a value holds that is no object, by name; an object with a type is a table or an image, and holds none.

    >>> list(scalars("net", b'{"width": 8, "on": false}'))
    [('net.width', 8), ('net.on', False)]
    """
    if len(value) > LONGEST_JSON:
        yield name, None
        return
    try:
        plain: Json = json.loads(value)
    except (ValueError, RecursionError):
        yield name, None
        return
    left = [(name, plain, 0)]
    while left:
        path, one, depth = left.pop()
        if isinstance(one, dict) and "_type" not in one and depth < DEEPEST:
            left += [(f"{path}.{key}"[:LONGEST_NAME], inner, depth + 1) for key, inner in reversed(one.items())]
        else:
            yield path, one
