"""What a tool kept about a run beside its series, as a bounded number of words and numbers."""

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from etude.records.labels import text
from etude.records.logged import MOST_FACTS

LONGEST_FACT = 200
"""Characters of a value that are kept."""

DEEPEST = 8
"""Mappings within mappings; what is deeper is left out."""

Fact = str | int | float


def facts(found: Iterable[tuple[str, object]]) -> Mapping[str, Fact]:
    """Named values as facts: what is within a mapping by its path, lists as text, and nothing for None.

    >>> dict(facts([("optimizer", {"lr": 0.1, "nesterov": True}), ("hidden", [32]), ("group", None)]))
    {'optimizer/lr': 0.1, 'optimizer/nesterov': 'True', 'hidden': '[32]'}
    """
    kept: dict[str, Fact] = {}
    for name, value in flat(found):
        if len(kept) == MOST_FACTS:
            break
        if value is not None:
            kept[text(name)] = _fact(value)
    return MappingProxyType(kept)


def flat(found: Iterable[tuple[str, object]], before: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Every value that is no mapping, by its path.

    >>> list(flat({"loss": {"box": 1.0, "class": 2.0}}.items()))
    [('loss/box', 1.0), ('loss/class', 2.0)]
    """
    for name, value in found:
        if not isinstance(value, Mapping):
            yield f"{before}{name}", value
        elif depth < DEEPEST:
            yield from flat(value.items(), f"{before}{name}/", depth + 1)


def from_text(value: str) -> Fact:
    """A fact of a tool that keeps everything as text: the number where it is one.

    >>> from_text("64"), from_text("3e-4"), from_text("adam")
    (64, 0.0003, 'adam')
    """
    short = value.strip()
    if len(short) > LONGEST_FACT or "_" in short:
        return short[:LONGEST_FACT]
    for kind in (int, float):
        try:
            return kind(short)
        except ValueError:
            continue
    return short


def _fact(value: object) -> Fact:
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63):
        return value
    if isinstance(value, str):
        return text(value[:LONGEST_FACT])
    try:
        says = json.dumps(value) if isinstance(value, list | tuple) else str(value)
    except (TypeError, ValueError, RecursionError):
        return type(value).__name__
    return says[:LONGEST_FACT]
