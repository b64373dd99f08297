"""MLflow's SQLite store: one file of any number of runs, without MLflow."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from etude.records.cells import Floats, number
from etude.records.facts import facts, from_text
from etude.records.labels import text, told_apart
from etude.records.logged import MOST_SERIES, Log, LogError, Lost, Reader, Series, file_by_file, series
from etude.records.rows import condensed, unique
from etude.records.sqlite_log import Row, SqliteLog, has_tables, is_sqlite, sqlite_log

INFINITE = 1.7976931348623157e308
"""What MLflow writes for infinity, which SQL does not know."""

TABLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {"metrics": frozenset({"key", "value", "run_uuid"}), "runs": frozenset({"run_uuid"})}
)
MARK = b"run_uuid"
"""What a file that is too damaged to be asked for its tables has in their definitions."""

POINT = ("run_uuid", "key", "value", "timestamp", "step", "is_nan")
RUN = ("run_uuid", "name", "status", "experiment_id", "lifecycle_stage")
KEPT = ("run_uuid", "key", "value")

Id = object
"""Of a run: bytes, unless the file is damaged."""

Points = dict[object, list[Row]]
"""By key, of each point: its row, value, milliseconds since 1970, step, whether it is NaN."""


@dataclass(slots=True)
class _About:
    """What is known of a run beside its metrics."""

    name: str = ""
    deleted: bool = False
    facts: dict[str, object] = field(default_factory=dict)


def recognises(path: Path, head: bytes) -> bool:
    """Whether it is a SQLite file with MLflow's tables."""
    return is_sqlite(head) and has_tables(path, TABLES, mark=MARK)


def read(files: Sequence[Path], root: Path) -> Iterator[Log | LogError]:
    """Every run that has metrics and was not deleted."""
    return file_by_file(files, _logs)


def _logs(path: Path) -> Iterator[Log]:
    """The runs; the file is read before this returns."""
    lost: list[Lost] = []
    with sqlite_log(path) as file:
        points = _points(file, lost)
        abouts = _abouts(file, lost)
    shown = [one for one in points if not abouts[one].deleted]
    n_deleted = sum(about.deleted for about in abouts.values())
    n_empty = len(abouts) - n_deleted - len(shown)
    left = [f"{n} {what}" for n, what in ((n_deleted, "that were deleted"), (n_empty, "without metrics")) if n]
    if not shown:
        why = "; ".join([*file.notes, *(one.because for one in lost[:1])])
        raise LogError(
            f"{path} is an MLflow store without metrics to show; runs in it: {' and '.join(left) or 'none'}"
            f"{f' ({why})' if why else ''}. MlflowClient().restore_run brings back one that was deleted. "
            "Nothing was read."
        )
    notes = (*file.notes, *([f"left out of {path.name}: runs {' and '.join(left)}"] if left else []))
    common = Log("", "MLflow SQLite", (str(path),), (), tuple(lost), notes=notes)
    names = told_apart([(abouts[one].name, _label(one)) for one in shown])
    return (_log(common, name, points[one], abouts[one]) for name, one in zip(names, shown, strict=True))


def _points(file: SqliteLog, lost: list[Lost]) -> dict[Id, Points]:
    found: defaultdict[Id, defaultdict[object, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for at, run, key, *point in file.sound("metrics", POINT, lost):
        found[run][key].append((at, *point))
    return {run: dict(by_key) for run, by_key in found.items()}


def _abouts(file: SqliteLog, lost: list[Lost]) -> defaultdict[Id, _About]:
    """What is known of each run, by its id: name, status, parameters, and tags of the user's own."""
    abouts: defaultdict[Id, _About] = defaultdict(_About)
    experiments = {one: _label(name) for _, one, name in file.sound("experiments", ("experiment_id", "name"), lost)}
    for _, run, name, status, experiment, stage in file.sound("runs", RUN, lost):
        about = {"status": _label(status), "experiment": experiments.get(experiment, _label(experiment))}
        abouts[run] = _About(_label(name), stage == b"deleted", {what: says for what, says in about.items() if says})
    for _, run, key, value in file.sound("params", KEPT, lost):
        abouts[run].facts[_label(key)] = from_text(_label(value))
    for _, run, key, value in file.sound("tags", KEPT, lost):
        if key == b"mlflow.runName":
            abouts[run].name = abouts[run].name or _label(value)
        elif not _label(key).startswith("mlflow."):
            abouts[run].facts.setdefault(_label(key), from_text(_label(value)))
    return abouts


def _log(common: Log, name: str, points: Points, about: _About) -> Log:
    lost: list[Lost] = []
    file = common.files[0]
    if len(points) > MOST_SERIES:
        because = f"more than {MOST_SERIES:,} series are not read"
        lost.append(
            Lost(file, f"row {min(rows[0][0] for rows in points.values()):,}", len(points) - MOST_SERIES, because)
        )
    keys = list(points)[:MOST_SERIES]
    names = unique([_label(key) for key in keys])
    found = [_series(label, points[key], file, lost) for label, key in zip(names, keys, strict=True)]
    return replace(
        common,
        name=name,
        series=tuple(one for one in found if one.values.size),
        lost=condensed((*common.lost, *lost)),
        facts=facts(about.facts.items()),
    )


def _series(name: str, points: list[Row], file: str, lost: list[Lost]) -> Series:
    columns = list(zip(*points, strict=True))
    values, clock, steps, nan = (_floats(column) for column in columns[1:])
    values = np.where(np.abs(values) >= INFINITE, np.copysign(np.inf, values), values)
    sound = ~np.isnan(values) | (nan == 1)
    values[nan == 1] = np.nan
    if not sound.all():
        first = int(np.flatnonzero(~sound)[0])
        because = f"{name!r} has no number there"
        lost.append(Lost(file, f"row {columns[0][first]:,} of table metrics", int((~sound).sum()), because))
    axes = (None if np.isnan(axis).all() else axis[sound] for axis in (steps, clock / 1000))
    return series(name, values[sound], **dict(zip(("steps", "clock"), axes, strict=True)))


def _floats(column: Sequence[object]) -> Floats:
    """Numbers; NaN for what is none."""
    if set(map(type, column)) <= {float, int}:
        return np.array(column, dtype=np.float64)
    found = [number(text(cell) if isinstance(cell, bytes) else cell) for cell in column]
    return np.array([np.nan if value is None else value for value in found], dtype=np.float64)


def _label(value: object) -> str:
    """Whatever a column holds, as it may be shown; nothing for what is not there."""
    return "" if value is None else text(value if isinstance(value, bytes) else str(value))


READER = Reader("MLflow's SQLite store (mlflow.db)", recognises, read)
