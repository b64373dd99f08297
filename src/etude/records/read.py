"""Any log to runs: which reader knows a file, and what came of every file."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from etude.records.bounded import opened
from etude.records.logged import HEAD, Log, Reader
from etude.records.readers import (
    aim,
    csv_log,
    etude_store,
    json_log,
    jsonl_log,
    mlflow_files,
    mlflow_sqlite,
    parquet_log,
    tensorboard,
    trackio,
    wandb,
)
from etude.records.roles import Choices, run_of
from etude.values.errors import LogError
from etude.values.run import Run

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "tensorboard": tensorboard.READER,
        "wandb": wandb.READER,
        "etude": etude_store.READER,
        "mlflow_sqlite": mlflow_sqlite.READER,
        "trackio": trackio.READER,
        "mlflow_files": mlflow_files.READER,
        "aim": aim.READER,
        "parquet": parquet_log.READER,
        "json": json_log.READER,
        "jsonl": jsonl_log.READER,
        "csv": csv_log.READER,
    }
)
"""In the order in which a file is offered to them: the particular before the general."""

PASSED = frozenset({".git", ".hg", "__pycache__", ".venv", "node_modules", ".ipynb_checkpoints"})
"""Folders that are not looked into."""

BY_PLACE = frozenset({"mlflow_files"})
"""Formats of which a file means what its place says: one that a tool that saves space linked is of both runs."""

MOST_NAMES = 3
"""Further names of a file that are told."""

MOST_FILES = 200_000
"""Of a folder; more is refused."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What came of some paths.

    runs:   in the order of their files
    failed: of each log that could not be read or judged, why
    passed: files that are no logs
    logs:   real paths of the files that were read, or should have been
    """

    runs: tuple[Run, ...]
    failed: tuple[LogError, ...]
    passed: int
    logs: frozenset[str] = frozenset()


class Seen:
    """The files that were come across, so that none is read twice.

    paths:  their real paths
    linked: of each that has several names in the file system, those by which it was met
    """

    def __init__(self) -> None:
        """None yet."""
        self.paths: set[str] = set()
        self.linked: dict[tuple[int, int], list[Path]] = {}

    def is_new(self, file: Path) -> bool:
        """Whether it is met for the first time, by whichever name."""
        try:
            about = file.stat()
        except OSError:
            return True  # gone meanwhile, as its reader will say
        if about.st_nlink == 1:
            return True
        names = self.linked.setdefault((about.st_dev, about.st_ino), [])
        names.append(file)
        return len(names) == 1

    def notes(self) -> Mapping[str, str]:
        """What is said of each file that was met by several names, by its real path."""
        return {
            os.path.realpath(first): _linked_note(first, others) for first, *others in self.linked.values() if others
        }


def _noted(run: Run, notes: Mapping[str, str]) -> Run:
    """The run with the notes on its files."""
    told = [notes[real] for file in run.files if (real := os.path.realpath(file)) in notes] if notes else []
    return replace(run, notes=(*run.notes, *told)) if told else run


def _linked_note(first: Path, others: Sequence[Path]) -> str:
    told = ", ".join(map(str, others[:MOST_NAMES]))
    more = f" and {len(others) - MOST_NAMES:,} more" if len(others) > MOST_NAMES else ""
    return f"{first} is the same file as {told}{more} (hard links): it was read once"


def read(paths: Sequence[str | Path], choices: Choices | None = None) -> Reading:
    """The runs in files, in folders with all below them, and in what matches a pattern with * in it.

    A file that is reached in several ways is read once, as the first of them names it; where it has several names
    itself, as hard links, the run says so. One bad file never stops the others. A LogError where a path is not there,
    or is a file of no format we know.
    """
    runs: list[Run] = []
    failed: list[LogError] = []
    passed = 0
    logs: set[str] = set()
    seen = Seen()
    for path in (found for given in paths for found in _matching(Path(given))):
        kinds, ignored = _recognised(path, seen)
        passed += ignored
        logs.update(os.path.realpath(file) for files in kinds.values() for file in files)
        for one in _logs(kinds, path if path.is_dir() else path.parent):
            try:
                runs.append(_run(one, choices or Choices()))
            except LogError as error:
                failed.append(error)
    logs.update(os.path.realpath(file) for run in runs for file in run.files)
    logs.update(os.path.realpath(name) for names in seen.linked.values() for name in names)
    notes = seen.notes()
    return Reading(tuple(_noted(run, notes) for run in runs), tuple(failed), passed, frozenset(logs))


def _run(one: Log | Run | LogError, choices: Choices) -> Run:
    if isinstance(one, LogError):
        raise one
    return one if isinstance(one, Run) else run_of(one, choices)


def _logs(kinds: Mapping[str, list[Path]], root: Path) -> Iterator[Log | Run | LogError]:
    for name, files in kinds.items():
        yield from READERS[name].read(files, root)


def _matching(path: Path) -> Iterator[Path]:
    path = path.expanduser()
    if path.exists():
        yield path
        return
    anchor = Path(path.anchor)
    found = sorted(anchor.glob(str(path.relative_to(anchor)))) if "*" in str(path) or "?" in str(path) else []
    if not found:
        raise LogError(f"{path} is not there. Check its name. Nothing was read.")
    yield from found


def _recognised(path: Path, seen: Seen) -> tuple[Mapping[str, list[Path]], int]:
    """The files at or below a path by reader, and how many are no logs; none that was `seen`, which all then are."""
    kinds: dict[str, list[Path]] = {}
    passed = 0
    for file in _below(path) if path.is_dir() else (path,):
        real = os.path.realpath(file)  # that of Path refuses links in a circle
        if real in seen.paths:
            continue
        seen.paths.add(real)
        kind = _kind(file, named=file == path)
        if kind is None:
            passed += 1
        elif kind in BY_PLACE or seen.is_new(file):
            kinds.setdefault(kind, []).append(file)
    return {name: sorted(kinds[name]) for name in READERS if name in kinds}, passed


def _below(folder: Path) -> Iterable[Path]:
    """Every file below, links to folders not followed, so that a circle of them ends."""
    count = 0
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in PASSED)
        count += len(files)
        if count > MOST_FILES:
            raise LogError(f"{folder} has more than {MOST_FILES:,} files. Name a folder with fewer. Nothing was read.")
        yield from (Path(where) / name for name in sorted(files))


def _kind(file: Path, *, named: bool) -> str | None:
    """The reader that knows a file; None where none does, which is a LogError for a file that was named itself."""
    try:
        with opened(file) as open_file:
            head = open_file.read(HEAD)
    except LogError:
        if named:
            raise
        return None
    kind = next((name for name, reader in READERS.items() if reader.recognises(file, head)), None)
    if kind is None and named:
        known = "; ".join(reader.says for reader in READERS.values())
        raise LogError(f"{file} is no log that étude knows. It reads: {known}. Nothing was read.")
    return kind
