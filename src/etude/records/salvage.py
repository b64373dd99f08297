"""What can be saved of a damaged store: every run and plan that is whole, in a new file."""

from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from etude.records.database import Kind, reading, writing
from etude.records.encoding import EncodedRun, decoded
from etude.records.kept_study import decode_study
from etude.values.errors import StoreDamagedError, StoreError

WHOLE: Mapping[Kind, Callable[[str, bytes], object]] = MappingProxyType(
    {"run": lambda key, body: decoded(EncodedRun(key, body), None), "study": decode_study}
)
"""How each kind of record is checked: by reading all of it."""

BATCH = 256
"""Records that are written at once."""


def salvage(damaged: Path, into: Path) -> tuple[int, int]:
    """Copy every whole run and plan to the new store `into`; how many there were, and how many places were not whole.

    The damaged file is only read. A place is a run, or a stretch of any number of runs that cannot be read.
    Where the first page is harmed, which says what tables there are, SQLite's own `.recover` may bring more back.
    """
    whole = broken = 0
    with closing(reading(damaged)) as old, closing(writing(into)) as new:
        if new.names("run") or new.names("study"):
            raise StoreError(f"{into} already holds runs: name a new file to salvage into. Nothing was changed.")
        rows = old.rows()
        while batch := list(islice(rows, BATCH)):
            kept = [row for row in batch if row is not None and _is_whole(*row)]
            for kind in WHOLE:
                new.put_all(kind, {name: body for of, name, body in kept if of == kind})
            whole, broken = whole + len(kept), broken + len(batch) - len(kept)
    return whole, broken


def _is_whole(kind: Kind, name: str, body: bytes) -> bool:
    if kind not in WHOLE or not isinstance(name, str) or not isinstance(body, bytes):
        return False
    try:
        WHOLE[kind](name, body)
    except StoreDamagedError:
        return False
    return True
