"""Protocol buffers as they lie on the wire: the fields of one message, without a schema, within bounds.

Source: protobuf.dev, "Encoding". Nothing here recurses: a reader walks into the fields that it knows.
"""

from collections.abc import Iterator

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
"""Kinds of field that are in use; groups (3 and 4) have been deprecated since 2008."""

FIXED = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
"""Bytes of the kinds that have always as many."""

MOST_FIELDS = 100_000
"""Of one message; what may have more, as graphs do, is passed over whole."""

SHIFTS = range(0, 70, 7)
"""Of the bytes of a varint, at most ten: 64 bits, seven in each."""

Field = tuple[int, int, int, int]
"""Its number, its kind, where its content starts, and where that ends. Of a varint, the content is its bytes."""


def fields(message: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of the message in message[start:end], in the order in which they were written.

    ValueError where they are no such message: what was given before is as it was written.

    >>> list(fields(b"\\x08\\x96\\x01\\x12\\x02hi"))
    [(1, 0, 1, 3), (2, 2, 5, 7)]
    """
    at = start
    end = len(message) if end is None else end
    for _ in range(MOST_FIELDS):
        if at == end:
            return
        key, at = (message[at], at + 1) if message[at] < 128 else varint(message, at, end)
        kind = key & 7
        if kind == BYTES:
            length, begin = (message[at], at + 1) if at < end and message[at] < 128 else varint(message, at, end)
            at = begin + length
        else:
            begin, at = at, _end(message, at, end, kind)
        if key < 8 or at > end:
            raise ValueError(f"a field that is none, before byte {at} of a message")
        yield key >> 3, kind, begin, at
    raise ValueError(f"a message of more than {MOST_FIELDS:,} fields")


def varint(message: bytes, at: int, end: int) -> tuple[int, int]:
    """The unsigned number at `at`, below 2**64, and where it ends.

    >>> varint(b"\\x96\\x01", 0, 2)
    (150, 2)
    """
    value = 0
    for shift in SHIFTS:
        if at >= end:
            break
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (2**64 - 1), at
    raise ValueError(f"a number without an end before byte {at} of a message")


def signed(value: int) -> int:
    """A varint as the int64 or int32 that it was.

    >>> signed(2**64 - 1)
    -1
    """
    return value - 2**64 if value >= 2**63 else value


def text(message: bytes, start: int, end: int) -> str:
    """The content of a field that is a string; bytes that are not UTF-8 become the sign for it."""
    return message[start:end].decode("utf-8", errors="replace")


def _end(message: bytes, at: int, end: int, kind: int) -> int:
    """Where the content of a field ends that starts at `at`, and does not say how long it is."""
    if kind == VARINT:
        return varint(message, at, end)[1]
    if kind in FIXED:
        return at + FIXED[kind]
    raise ValueError(f"a field of kind {kind} at byte {at} of a message")
