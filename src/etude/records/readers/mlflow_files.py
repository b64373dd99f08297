"""MLflow's file store: mlruns/<experiment>/<run>/, with a file for each metric, parameter and tag."""

import json
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from etude.records.bounded import lines, opened
from etude.records.facts import facts, from_text
from etude.records.labels import text, told_apart
from etude.records.logged import MOST_FACTS, MOST_SERIES, Log, LogError, Lost, Reader, Series, series
from etude.records.rows import condensed, unique

KINDS = ("metrics", "params", "tags")
"""Folders of a run, of which each file is one value of that kind; a name with a slash lies in folders below."""

ABOUT = "meta.yaml"
IDENTITY = re.compile(rb"^run_(?:id|uuid): ", re.MULTILINE)
"""What tells the meta.yaml of a run from that of an experiment or a model."""

STATUSES: Mapping[str, str] = MappingProxyType(
    {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
)

POINT = re.compile(rb"\s*(-?\d{1,19}) ([^\s_]{1,40})(?: (-?\d{1,19})(?: \S+ \S+)?)?\s*")
"""Milliseconds since 1970, value, step (not in files of before 2019), and name and digest of a data set."""

LONGEST_TEXT = 2**16
"""Bytes of a parameter, tag or meta.yaml; MLflow allows parameters of 6,000."""

MOST_GAPS = 100
"""Stretches of damaged lines of a file that are told apart."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a run. kind: one of KINDS, or "" for its meta.yaml; name: of the metric, parameter or tag."""

    path: Path
    run: Path
    kind: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class _About:
    """What the meta.yaml of a run, and that of its experiment, say of it."""

    name: str
    deleted: bool
    facts: Mapping[str, str]


def recognises(path: Path, head: bytes) -> bool:
    """Whether it is a run's meta.yaml, or lies in one of the folders of a run."""
    if path.name == ABOUT:
        return IDENTITY.search(head) is not None
    file = _placed(path)
    if not file.kind:
        return False
    if file.kind == "metrics" and POINT.fullmatch(head.partition(b"\n")[0]):
        return True
    return IDENTITY.search(_first_bytes(file.run / ABOUT)) is not None


def read(files: Sequence[Path], root: Path) -> Iterator[Log | LogError]:
    """Every run that has metrics and was not deleted."""
    by_run: dict[Path, list[_File]] = {}
    for file in map(_placed, files):
        by_run.setdefault(file.run, []).append(file)
    abouts = {run: _about(run) for run in by_run}
    kept = [run for run in by_run if not abouts[run].deleted]
    shown = [run for run in kept if any(file.kind == "metrics" for file in by_run[run])]
    counts = ((len(by_run) - len(kept), "that were deleted"), (len(kept) - len(shown), "without metrics"))
    left = " and ".join(f"{n} {what}" for n, what in counts if n)
    if not shown:
        says = f"{root} is an MLflow store without metrics to show; runs in it: {left}. "
        yield LogError(says + "MlflowClient().restore_run brings back one that was deleted. Nothing was read.")
    names = told_apart([(abouts[run].name, text(run.name)) for run in shown])
    notes = (f"left out of {root}: runs {left}",) if left else ()
    for name, run in zip(names, shown, strict=True):
        yield _log(name, by_run[run], abouts[run], notes)


def _log(name: str, files: Sequence[_File], about: _About, notes: tuple[str, ...]) -> Log | LogError:
    lost: list[Lost] = []
    metrics = [file for file in files if file.kind == "metrics"]
    if len(metrics) > MOST_SERIES:
        because = f"more than {MOST_SERIES:,} series are not read"
        lost.append(Lost(str(metrics[MOST_SERIES].path), "line 1", len(metrics) - MOST_SERIES, because))
    labels = unique([text(file.name) for file in metrics])
    found = [_series(label, file.path, lost) for label, file in zip(labels[:MOST_SERIES], metrics, strict=False)]
    measured = tuple(one for one in found if one.values.size)
    if not measured:
        says = f"{lost[0].file} ({lost[0].where}): {lost[0].because}" if lost else f"{metrics[0].path} is empty"
        return LogError(f"{says}, and so with every metric of run {name!r}. Put back a copy. Nothing was read.")
    return Log(
        name,
        "MLflow files",
        tuple(str(file.path) for file in metrics),
        measured,
        lost=condensed(lost),
        facts=facts({**about.facts, **_kept(files)}.items()),
        notes=notes,
    )


def _series(name: str, path: Path, lost: list[Lost]) -> Series:
    values, clock, steps = array("d"), array("d"), array("d")
    gaps: list[tuple[int, int, int]] = []
    try:
        for number, line in lines(path):
            found = None if line is None else POINT.fullmatch(line)
            value = None if found is None else _value(found[2])
            if found is None or value is None:
                _extend(gaps, number)
                continue
            values.append(value)
            clock.append(float(found[1]) / 1000)
            steps.append(float(found[3] or "nan"))
        if values and (not gaps or gaps[-1][1] < number) and not _is_ended(path):
            _extend(gaps, number)
            del values[-1], clock[-1], steps[-1]
    except LogError as error:
        lost.append(Lost(str(path), "line 1", None, str(error)))
    because = "it is not a time, a value and a step, with a line end"
    lost += [Lost(str(path), _lines(first, last), count, because) for first, last, count in gaps]
    known = np.isfinite(steps).any()
    return series(name, values, steps=steps if known else None, clock=clock)


def _value(written: bytes) -> float | None:
    try:
        return float(written)
    except ValueError:
        return None


def _extend(gaps: list[tuple[int, int, int]], line: int) -> None:
    """Add a line to the stretches of damaged lines: of each its first, its last, and how many are damaged."""
    if gaps and (gaps[-1][1] == line - 1 or len(gaps) == MOST_GAPS):
        first, _, count = gaps.pop()
        gaps.append((first, line, count + 1))
    else:
        gaps.append((line, line, 1))


def _lines(first: int, last: int) -> str:
    return f"line {first:,}" if first == last else f"lines {first:,} to {last:,}"


def _is_ended(path: Path) -> bool:
    """Whether the last line has its end; without it, its last digits may not have been written yet."""
    with opened(path) as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def _placed(path: Path) -> _File:
    """Where in a run a file belongs: the folder nearest to it that lies beside a meta.yaml, or is named as one."""
    places = [folder for folder in path.parents if folder.name in KINDS]
    place = next((folder for folder in places if (folder.parent / ABOUT).is_file()), next(iter(places), None))
    if place is None:
        return _File(path, path.parent)
    return _File(path, place.parent, place.name, path.relative_to(place).as_posix())


def _about(run: Path) -> _About:
    """Of the folder of a run."""
    told, experiment = _fields(run / ABOUT), _fields(run.parent / ABOUT)
    status = told.get("status", "")
    known = {"status": STATUSES.get(status, status), "experiment": experiment.get("name", "")}
    name = _first_bytes(run / "tags" / "mlflow.runName").decode("utf-8", errors="replace").strip()
    return _About(
        text(name or told.get("run_name", "") or told.get("name", "")),
        "deleted" in (told.get("lifecycle_stage"), experiment.get("lifecycle_stage")),
        {key: value for key, value in known.items() if value},
    )


def _kept(files: Sequence[_File]) -> Mapping[str, object]:
    """Parameters, then the user's own tags."""
    kept: dict[str, object] = {}
    for kind in ("params", "tags"):
        for file in files:
            if file.kind == kind and not file.name.startswith("mlflow.") and len(kept) < MOST_FACTS:
                kept.setdefault(file.name, from_text(_first_bytes(file.path).decode("utf-8", errors="replace")))
    return kept


def _fields(path: Path) -> Mapping[str, str]:
    """The "key: value" lines of a meta.yaml; what MLflow writes in it has no other form that is needed here."""
    pairs = (line.partition(": ") for line in _first_bytes(path).decode("utf-8", errors="replace").splitlines())
    return {key: _unquoted(value.strip()) for key, colon, value in pairs if colon}


def _unquoted(value: str) -> str:
    """The text that YAML put into quotes, where it did."""
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    if value.startswith('"'):
        try:
            return str(json.loads(value))
        except (ValueError, RecursionError):
            return value.strip('"')
    return value


def _first_bytes(path: Path) -> bytes:
    """Nothing where there is no such file, or none that can be read."""
    try:
        with opened(path) as file:
            return file.read(LONGEST_TEXT)
    except LogError:
        return b""


READER = Reader("MLflow's file store (mlruns/)", recognises, read)
