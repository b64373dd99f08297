"""Logs that grow while a command runs: which files are new or changed, read again as often as a small share allows."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from etude.records.bounded import opened
from etude.records.logged import HEAD
from etude.records.read import PASSED, READERS
from etude.records.roles import Choices, run_of
from etude.values.errors import LogError
from etude.values.run import Run

MOST_FILES = 20_000
"""Of a folder that are looked at; of a larger one the log is to be named."""

DATABASES = (".db", ".sqlite", ".sqlite3")
"""Files that may hold the runs of earlier commands beside those of this one."""

COARSE = 0.02
"""Seconds by which the clock of a file system may lag."""

Stamp = tuple[int, int]
"""When a file was written last, in nanoseconds since 1970, and its size."""

Key = tuple[str, str]


class Logs:
    """The logs that a command writes, found by what is new or changed below some folders since it began."""

    def __init__(self, places: Sequence[Path], began: float) -> None:
        """Take note of what is there.

        places: folders, files, and patterns with * in them; they need not be there yet
        began:  when the command was begun, in seconds since 1970; a file written since then is the command's
        """
        self.places = tuple(places)
        self.is_too_large = False
        self.passed: set[Path] = set()
        self.failed: dict[Path, LogError] = {}
        self._began = int((began - COARSE) * 1e9)
        self._kinds: dict[Path, str] = {}
        self._runs: dict[str, tuple[Run, ...]] = {}
        self._earlier: dict[Key, tuple[int, int]] = {}
        self._before = {path: stamp for path, stamp in self._stamped() if stamp[0] < self._began}
        self._seen = dict(self._before)
        for kind, files in self._by_kind(path for path in self._before if path.suffix in DATABASES).items():
            self._earlier |= {_key(run): extent(run) for run in self._read(kind, files)}
        self.failed, self.passed = {}, set()

    def look(self) -> bool:
        """Look for changes and read what changed; whether anything did."""
        now = dict(self._stamped())
        changed = {path: stamp for path, stamp in now.items() if self._seen.get(path) != stamp}
        self._seen = now
        touched = {kind for kind in self._by_kind(changed)}
        fresh = [path for path, stamp in now.items() if self._before.get(path) != stamp]
        for kind in touched:
            files = [path for path in fresh if self._kinds.get(path) == kind]
            self._runs[kind] = self._read(kind, files)
        return bool(touched)

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs in them, but for those that were there before and did not go on."""
        found = [run for kind in READERS for run in self._runs.get(kind, ())]
        return tuple(run for run in found if self._earlier.get(_key(run)) != extent(run))

    @property
    def files(self) -> frozenset[str]:
        """The logs themselves, by their real paths."""
        return frozenset(os.path.realpath(path) for path in self._kinds)

    def _stamped(self) -> Iterator[tuple[Path, Stamp]]:
        self.is_too_large = False
        for path in self._files():
            try:
                about = path.stat()
            except OSError:
                continue
            if about.st_size:
                yield path, (about.st_mtime_ns, about.st_size)

    def _files(self) -> Iterator[Path]:
        for place in self.places:
            if place.is_dir():
                yield from self._below(place)
            elif place.is_file():
                yield place
            elif "*" in str(place):
                anchor = Path(place.anchor)
                yield from (path for path in anchor.glob(str(place.relative_to(anchor))) if path.is_file())

    def _below(self, folder: Path) -> Iterator[Path]:
        count = 0
        for where, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if name not in PASSED)
            count += len(files)
            if count > MOST_FILES:
                self.is_too_large = True
                return
            yield from (Path(where) / name for name in files)

    def _by_kind(self, files: Iterable[Path]) -> dict[str, list[Path]]:
        kinds: dict[str, list[Path]] = {}
        for path in files:
            kind = self._kinds.get(path) or _kind(path)
            if kind is None:
                self.passed.add(path)
            else:
                self.passed.discard(path)
                self._kinds[path] = kind
                kinds.setdefault(kind, []).append(path)
        return kinds

    def _read(self, kind: str, files: Sequence[Path]) -> tuple[Run, ...]:
        runs = []
        for path in files:
            self.failed.pop(path, None)
        root = Path(os.path.commonpath([path.parent for path in files])) if files else Path()
        for one in READERS[kind].read(sorted(files), root):
            try:
                if isinstance(one, LogError):
                    raise one
                runs.append(one if isinstance(one, Run) else run_of(one, Choices()))
            except LogError as error:  # so far: its first lines may be on their way
                self.failed[files[0]] = error
        return tuple(runs)


def extent(run: Run) -> tuple[int, int]:
    """How far a run has come: its last step, and how many values are judged of it."""
    return run.last_step, sum(
        curve.values.size for name, curve in run.curves.items() if name.endswith(("/objective", "/score"))
    )


def _key(run: Run) -> Key:
    return (run.files[0] if run.files else "", run.name)


def _kind(path: Path) -> str | None:
    try:
        with opened(path) as file:
            head = file.read(HEAD)
    except LogError:
        return None
    return next((name for name, reader in READERS.items() if reader.recognises(path, head)), None)
