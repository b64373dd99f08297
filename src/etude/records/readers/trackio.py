"""trackio's SQLite file, one a project: a row for each call of log, with JSON in it."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from etude.records.facts import facts, flat
from etude.records.labels import text, told_apart
from etude.records.logged import Log, LogError, Lost, Reader, file_by_file
from etude.records.rows import logs
from etude.records.sqlite_log import SqliteLog, has_tables, is_sqlite, sqlite_log
from etude.records.tables import from_records

TABLES: Mapping[str, frozenset[str]] = MappingProxyType({"metrics": frozenset({"run_name", "step", "metrics"})})
MARK = b"run_name TEXT NOT NULL"
"""What a file that is too damaged to be asked for its tables has in their definitions."""

CALL = ("run_id", "run_name", "step", "timestamp", "metrics")
CONFIG = ("run_id", "run_name", "config")

STEP, CLOCK = "_step", "_timestamp"
"""What trackio's own count of calls and its clock are called among the keys of the user."""

ESCAPED = b"\\ud"
"""How JSON can spell half a character, which no terminal can show."""

Record = tuple[int, Mapping[str, object]]
"""The number of a row, and what it holds."""


@dataclass(slots=True)
class _Run:
    """What was logged of a run, in the order in which it was."""

    name: str = ""
    records: list[Record] = field(default_factory=list)
    config: Mapping[str, object] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)


def recognises(path: Path, head: bytes) -> bool:
    """Whether it is a SQLite file with trackio's tables."""
    return is_sqlite(head) and has_tables(path, TABLES, mark=MARK)


def read(files: Sequence[Path], root: Path) -> Iterator[Log | LogError]:
    """Every run of every project."""
    return file_by_file(files, _logs)


def _logs(path: Path) -> Iterator[Log]:
    """The runs; the file is read before this returns."""
    lost: list[Lost] = []
    with sqlite_log(path) as file:
        runs = {one: run for one, run in _runs(file, lost).items() if run.records or run.lost}
    if not runs:
        why = "; ".join([*file.notes, *(one.because for one in lost[:1])])
        says = f"{path} is a trackio project without anything logged{f' ({why})' if why else ''}. "
        raise LogError(says + "If more was logged, put back a copy. Nothing was read.")
    common = Log("", "trackio", (str(path),), (), notes=file.notes)
    names = told_apart([(run.name, text(one)) for one, run in runs.items()])
    return (
        log
        for name, run in zip(names, runs.values(), strict=True)
        for log in logs(
            from_records(run.records),
            replace(common, name=name, lost=(*lost, *run.lost), facts=_facts(run.config)),
        )
    )


def _runs(file: SqliteLog, lost: list[Lost]) -> Mapping[bytes, _Run]:
    """Every run by its id, or by its name where trackio had no ids yet."""
    runs: defaultdict[bytes, _Run] = defaultdict(_Run)
    for row, one, name, step, when, metrics in file.sound("metrics", CALL, lost):
        run = runs[_id(one, name)]
        run.name = run.name or text(_id(name))
        logged = _json(metrics)
        if logged is None:
            run.lost.append(Lost(str(file.path), f"row {row:,} of table metrics", 1, "it holds no JSON object"))
        else:
            run.records.append((row, {STEP: step, CLOCK: text(_id(when)), **_flat(logged)}))
    for _, one, name, config in file.sound("configs", CONFIG, lost):
        runs[_id(one, name)].config = _json(config) or {}
    return runs


def _flat(logged: Mapping[str, object]) -> Mapping[str, object]:
    """What was logged, its mappings by their paths; pictures, tables and the like are mappings with a "_type"."""
    if not any(isinstance(value, dict) for value in logged.values()):
        return logged
    kept = ((key, value) for key, value in logged.items() if not (isinstance(value, dict) and "_type" in value))
    return dict(flat(kept))


def _facts(config: Mapping[str, object]) -> Mapping[str, str | int | float]:
    """The parameters that the user gave; trackio's own have names such as "_Created"."""
    return facts((key, value) for key, value in config.items() if not key.startswith("_"))


def _json(cell: object) -> dict[str, object] | None:
    """A JSON object; None for anything else."""
    if not isinstance(cell, bytes):
        return None
    try:
        found = json.loads(cell.decode())
    except (ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(found, dict):
        return None
    return {text(key): value for key, value in found.items()} if ESCAPED in cell.lower() else found


def _id(*cells: object) -> bytes:
    """The first cell that holds something, as bytes; damage can make a number of a text."""
    return next((cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells if cell is not None), b"")


READER = Reader("trackio's SQLite file", recognises, read)
