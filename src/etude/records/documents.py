"""JSON as other tools write it: NaN is a number, integers may be of any length, damage is found and stepped over."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DEEPEST = 5
"""Levels of records within records whose names are joined."""

LONGEST_INTEGER = 18
"""Digits; a longer integer becomes a float, for Python refuses to read one of thousands."""

LONGEST_NAME = 200

MOST_ATTEMPTS = 100
"""Places from which reading on is tried in a damaged document."""

BETWEEN = re.compile(r"[\s,]*")
FIRST_KEY = re.compile(r'\{\s*("[^"\\\n]{1,200}")\s*:')
LIST = re.compile(r'(?:"((?:[^"\\\n]|\\.){0,200})"\s*:\s*)?\[')


class DamagedError(ValueError):
    """What is read is no JSON; its arguments are why, and where it stops being so, in characters."""

    @property
    def position(self) -> int:
        """Where, in characters."""
        return int(self.args[1])

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of a damaged document that could not be read.

    position: where it begins, in characters
    """

    position: int
    because: str


def decoded_json(text: str) -> object:
    """The document in a text; DamagedError where there is none, or one that is nested too deep."""
    start = len(text) - len(text.lstrip())
    value, end = decoded_at(text, start)
    rest = text[end : end + 40].strip() or text[end:].strip()
    if rest:
        raise DamagedError(f"something comes after its end: {rest[:20]!r}", end)
    return value


def decoded_at(text: str, position: int) -> tuple[object, int]:
    """The value that begins at a position, and where it ends."""
    try:
        return DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise DamagedError(error.msg[:1].lower() + error.msg[1:], error.pos) from error
    except RecursionError as error:
        raise DamagedError("it is nested too deep", position) from error


def flattened(record: Mapping[str, object], prefix: str = "", depth: int = 0) -> dict[str, object]:
    """A record whose nested records are spread into it, their names joined with "/".

    >>> flattened({"step": 1, "train": {"loss": 0.7}})
    {'step': 1, 'train/loss': 0.7}
    """
    flat: dict[str, object] = {}
    for name, value in record.items():
        if not isinstance(value, dict):
            flat[f"{prefix}{name}"[:LONGEST_NAME]] = value
        elif depth < DEEPEST:
            flat.update(flattened(value, f"{prefix}{name}/", depth + 1))
    return flat


def salvaged(text: str) -> tuple[object, list[Gap]]:
    """What lists can still be read in a damaged document, and what could not be.

    A document that is a list gives a list, any other a record of its named lists. Of a list of records the damaged
    ones are left out; a list of anything else ends where it is damaged.
    """
    gaps: list[Gap] = []
    outer = text.lstrip()[:1] == "["
    found: dict[str, object] = {}
    position = 0
    while len(gaps) < MOST_ATTEMPTS and (match := LIST.search(text, position)):
        values, position = _elements(text, match.end(), gaps)
        if outer:
            return values, gaps
        if match[1] and values:
            found.setdefault(match[1], values)
    return found, gaps


def _elements(text: str, position: int, gaps: list[Gap]) -> tuple[list[object], int]:
    """The elements of the list that is open at a position, and where it or its readable part ends."""
    values: list[object] = []
    again: re.Pattern[str] | None = None
    while len(gaps) < MOST_ATTEMPTS:
        position = _skip(text, position)
        if position >= len(text) or text[position] == "]":
            break
        again = again or _like(text, position)
        try:
            value, position = decoded_at(text, position)
            values.append(value)
        except DamagedError as error:
            gaps.append(Gap(error.position, str(error)))
            following = again.search(text, position + 1) if again else None
            if following is None:
                return values, position + 1
            position = following.start()
    if position >= len(text):
        gaps.append(Gap(position, "it ends before its last bracket"))
    return values, position + 1


def _like(text: str, position: int) -> re.Pattern[str] | None:
    """What every record begins with that is like the one at a position."""
    first = FIRST_KEY.match(text, position)
    return re.compile(rf"\{{\s*{re.escape(first[1])}\s*:") if first else None


def objects(text: str) -> Iterator[tuple[dict[str, object] | None, str]]:
    """The records in one line, which has more than one where a line end was lost; (None, why) for damage."""
    position = 0
    while position < len(text):
        try:
            value, position = decoded_at(text, position)
        except DamagedError as error:
            yield None, str(error)
            return
        yield (value, "") if isinstance(value, dict) else (None, "it is no record")
        position = position if position == len(text) else _skip(text, position)


def _skip(text: str, position: int) -> int:
    """Where the next element begins."""
    found = BETWEEN.match(text, position)
    return found.end() if found else position


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_INTEGER else float(digits)


DECODER = json.JSONDecoder(parse_int=_integer)
