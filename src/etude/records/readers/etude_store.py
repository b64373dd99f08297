"""étude's own store: its runs as they are, so that units, standard errors and recipes stay."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from etude.records.database import APPLICATION
from etude.records.logged import LogError, Reader
from etude.records.sqlite_log import is_sqlite
from etude.values.run import Run

MARK = slice(68, 72)
"""Where a SQLite file says whose it is."""


def recognises(path: Path, head: bytes) -> bool:
    """Whether it is a SQLite file that says it is étude's."""
    return is_sqlite(head) and int.from_bytes(head[MARK]) == APPLICATION


def read(files: Sequence[Path], root: Path) -> Iterator[Run | LogError]:
    """Every run: those of a study by arm and replicate, then all others; each damaged one is a LogError."""
    from etude.records.stored import stored_runs  # with recipes and what checks them, which no other format needs

    for path in files:
        yield from stored_runs(path)


READER = Reader("étude's own store", recognises, read)
