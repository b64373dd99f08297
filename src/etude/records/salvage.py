"""What can be saved of a damaged store: every run and plan that is whole, in a new file."""

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

from etude.records.database import Kind, reading, writing
from etude.records.encoding import decode_run, unseal_study
from etude.values.errors import StoreDamagedError, StoreError

WHOLE: Mapping[Kind, Callable[[str, bytes], object]] = MappingProxyType(
    {"run": lambda key, body: decode_run(key, body, None), "study": unseal_study}
)
"""How each kind of record is checked: by reading all of it."""


def salvage(damaged: Path, into: Path) -> tuple[int, int]:
    """Copy every whole run and plan to the new store `into`; how many there were, and how many places were not whole.

    The damaged file is only read. A place is a run, or a stretch of any number of runs that cannot be read.
    Where the first page is harmed, which says what tables there are, SQLite's own `.recover` may bring more back.
    """
    whole = broken = 0
    with closing(reading(damaged)) as old, closing(writing(into)) as new:
        if new.names("run") or new.names("study"):
            raise StoreError(f"{into} already holds runs: name a new file to salvage into. Nothing was changed.")
        for row in old.rows():
            if row is not None and _is_whole(*row):
                new.put(*row)
                whole += 1
            else:
                broken += 1
    return whole, broken


def _is_whole(kind: Kind, name: str, body: bytes) -> bool:
    if kind not in WHOLE or not isinstance(name, str) or not isinstance(body, bytes):
        return False
    try:
        WHOLE[kind](name, body)
    except StoreDamagedError:
        return False
    return True
