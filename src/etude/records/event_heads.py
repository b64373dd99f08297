"""Events of TensorBoard: their times and steps, and where the values of their summaries lie.

Source: tensorflow/core/util/event.proto.
"""

from dataclasses import dataclass
from struct import unpack_from

import numpy as np
from numpy.typing import NDArray

from etude.records.protobuf import BYTES, EIGHT_BYTES, VARINT, fields, signed, varint
from etude.records.tfrecord import Places

WALL_TIME, STEP, SUMMARY = (1, EIGHT_BYTES), (2, VARINT), (5, BYTES)
"""Fields of an event and their kinds."""

VALUE = (1, BYTES)
"""Field of a summary and its kind."""

LONGEST_HEAD = 32
"""Bytes: more than the time, the step and the two lengths before a value take."""


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """Of events: the time of each, in seconds since 1970, and its step; all values, as (row, start, end); what is none.

    clock, steps: shape (n,)
    broken:       rows that are no events, and why
    """

    clock: NDArray[np.float64]
    steps: NDArray[np.int64]
    values: list[tuple[int, int, int]]
    broken: list[tuple[int, str]]


def heads(raw: bytes, starts: Places, ends: Places) -> Heads:
    """Nearly all events have a time, a step and one short value: those are read at once, the others one by one."""
    clock, steps, at, plain = _plain(raw, starts, ends)
    rows = np.flatnonzero(plain)
    values = list(zip(rows.tolist(), at[rows].tolist(), ends[rows].tolist(), strict=True))
    broken = []
    for row in np.flatnonzero(~plain).tolist():
        try:
            clock[row], steps[row], inner = event(raw, int(starts[row]), int(ends[row]))
            values += [(row, *span) for span in inner]
        except ValueError as error:
            broken.append((row, str(error)))
    return Heads(clock, steps, values, broken)


def event(raw: bytes, start: int, end: int) -> tuple[float, int, list[tuple[int, int]]]:
    """Time and step of any event, and where the values of its summary lie; ValueError where it is none."""
    clock, step = float("nan"), 0
    values: list[tuple[int, int]] = []
    for number, kind, first, stop in fields(raw, start, end):
        if (number, kind) == WALL_TIME:
            clock = float(unpack_from("<d", raw, first)[0])
        elif (number, kind) == STEP:
            step = signed(varint(raw, first, stop)[0])
        elif (number, kind) == SUMMARY:
            values += [field[2:] for field in fields(raw, first, stop) if field[:2] == VALUE]
    return clock, step, values


def _plain(
    raw: bytes, starts: Places, ends: Places
) -> tuple[NDArray[np.float64], NDArray[np.int64], Places, NDArray[np.bool_]]:
    """Of each event: its time, its step, where its value starts, and whether it is plain, so that these are right."""
    if not starts.size:
        return np.zeros(0), starts, starts, np.zeros(0, dtype=np.bool_)
    low, high = int(starts[0]), int(ends[-1])
    # a short event is read beyond its end, and then found not to be plain
    padded = np.frombuffer(b"".join((memoryview(raw)[low:high], bytes(LONGEST_HEAD))), dtype=np.uint8)
    starts, ends = starts - low, ends - low
    times = np.ndarray((high - low + LONGEST_HEAD - 7,), dtype="<f8", buffer=padded, strides=(1,))
    clock = times[starts + 1].astype(np.float64)
    has_step = padded[starts + 9] == _key(*STEP)
    steps, behind = _varints(padded, starts + 10)
    at = np.where(has_step, behind, starts + 9)
    plain = (
        (padded[starts] == _key(*WALL_TIME))
        & (padded[at] == _key(*SUMMARY))
        & (padded[at + 1] < 128)
        & (padded[at + 1] == ends - at - 2)
        & (padded[at + 2] == _key(*VALUE))
        & (padded[at + 3] < 128)
        & (padded[at + 3] == ends - at - 4)
    )
    return clock, np.where(has_step, steps, 0), at + 4 + low, plain


def _key(number: int, kind: int) -> int:
    """The byte that a field begins with."""
    return 8 * number + kind


def _varints(padded: NDArray[np.uint8], at: Places) -> tuple[NDArray[np.int64], Places]:
    """The numbers that start at these bytes, and where they end; of one of more than 63 bits, anything."""
    numbers = np.zeros(len(at), dtype=np.int64)
    going = np.ones(len(at), dtype=np.bool_)
    at = at.copy()
    for shift in range(0, 63, 7):
        byte = padded[at].astype(np.int64)
        numbers |= np.where(going, (byte & 127) << shift, 0)
        at += going
        going &= byte >= 128
        if not going.any():
            break
    return numbers, at
