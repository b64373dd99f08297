"""The store of a project's studies: every run in one file, written by one process, read by any."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Self

from etude.records.database import Reading, Writing, reading, writing
from etude.records.encoding import EncodedRun, decoded, encoded, same_result
from etude.records.kept_study import KeptStudy, decode_study, encode_study
from etude.values.errors import StoreDamagedError, StoreError
from etude.values.recipe import Recipe
from etude.values.run import Run

RESULTS_VERSION = 3
"""Part of every run's key: raise it whenever the same recipe would give other numbers than before."""


class StoreReader:
    """The studies and runs of a store, also while another process writes them; open it with `read_store`."""

    def __init__(self, file: Reading) -> None:
        """Of an open file; `read_store` opens one."""
        self._file = file

    @property
    def path(self) -> Path:
        """Where the file is, in full."""
        return self._file.path

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keys(self) -> frozenset[str]:
        """The key of every run kept; a StoreDamagedError where one has gone missing."""
        return self._file.names("run")

    def get(self, key: str, *, recipe: Recipe | None = None) -> Run | None:
        """The run kept under `key`, bit for bit, or None where there is none.

        recipe: what was asked for, which becomes the run's. None: it is rebuilt from the store where that can be; a
            recipe with the user's own code or arrays cannot, and then the run has none and a note that says so.
        """
        body = self._file.body("run", key)
        if body is None:
            return None
        with self._verified(key):
            return decoded(EncodedRun(key, body), recipe)

    def plans(self) -> tuple[KeptStudy, ...]:
        """Every study kept, by name."""
        return tuple(plan for name in sorted(self._file.names("study")) if (plan := self.plan(name)))

    def plan(self, name: str) -> KeptStudy | None:
        """The study kept under `name`, or None where there is none; no other study is opened."""
        body = self._file.body("study", name)
        try:
            return None if body is None else decode_study(name, body)
        except StoreDamagedError as error:
            raise StoreDamagedError(
                f"{self.path}: the plan of study {name!r}: {error}. Run the study again, which keeps its plan anew; "
                "its runs are not affected."
            ) from error

    @contextmanager
    def _verified(self, key: str) -> Iterator[None]:
        try:
            yield
        except StoreDamagedError as error:
            raise StoreDamagedError(
                f"{self.path}: run {key}: {error}. Its disk or a copy has changed bytes of it. "
                f"Delete that run with `Store.discard({key!r})`, and the next `etude run` makes it again. "
                "Every other run is checked by itself. Nothing was changed."
            ) from error


class Store(StoreReader):
    """A store as its one owner holds it; open it with `open_store`.

    What takes time is to encode a run, which any thread may do, and to wait for the disk, once for each `add_all`:
    hand it runs by the dozen. benchmarks/store.py measures both, and how a store grows.
    """

    def __init__(self, file: Writing) -> None:
        """Of an open file that this process owns; `open_store` opens one."""
        super().__init__(file)
        self._owned = file

    def add(self, key: str, run: Run) -> None:
        """Keep a run; once this returns, it survives a killed process and a power cut.

        The same numbers under the same key again change nothing, whatever their seconds; other numbers are refused.
        """
        self.add_all([encoded(key, run)])

    def add_all(self, runs: Iterable[EncodedRun]) -> None:
        """Keep many runs as `add` keeps one, all of them or none: if one is refused, the StoreError says so.

        A process that is killed meanwhile leaves all or none too.
        """
        new: dict[str, EncodedRun] = {}
        for run in runs:
            kept = new.get(run.key) or self._kept(run.key)
            if kept is None:
                new[run.key] = run
            else:
                self._check_same(kept, run)
        if new:
            self._owned.put_all("run", {key: run.body for key, run in new.items()})

    def put_plan(self, name: str, plan_json: str, arms: Mapping[str, Sequence[str]]) -> None:
        """Keep which study has which runs: by arm label, keys in replicate order. Replaces what the name had."""
        by_arm = {label: tuple(keys) for label, keys in arms.items()}
        body = encode_study(KeptStudy(name, plan_json, MappingProxyType(by_arm)))
        if self._file.body("study", name) != body:
            self._owned.put_all("study", {name: body})

    def discard(self, key: str) -> bool:
        """Forget a run, such as a damaged one; whether it was there."""
        return self._owned.drop("run", key)

    def _kept(self, key: str) -> EncodedRun | None:
        body = self._file.body("run", key)
        return None if body is None else EncodedRun(key, body)

    def _check_same(self, kept: EncodedRun, run: EncodedRun) -> None:
        with self._verified(run.key):
            same = same_result(kept, run)
        if not same:
            raise StoreError(
                f"{self.path} holds other numbers for run {run.key} ({decoded(run, None).name}). One recipe, "
                "replicate, engine and device must give one result: RESULTS_VERSION was not raised with a change of "
                f"the engine, or the training is not deterministic. `Store.discard({run.key!r})` forgets the old one. "
                "Nothing was changed, and no run that was to be kept at the same time is."
            )


def open_store(path: Path) -> Store:
    """The store at `path`, made where there is none, with this process as its one owner until it is closed.

    Fails at once with a StoreBusyError that names the owner where another process is, with a StoreVersionError for
    the store of a newer étude, and with a StoreError for any other file and for a folder or disk that takes nothing.
    """
    return Store(writing(path))


def read_store(path: Path) -> StoreReader:
    """The store at `path`, to be read only: also while a study runs, as often as wanted, disturbing nobody."""
    return StoreReader(reading(path))


def run_keys(recipe: Recipe, n_replicates: int, *, data_fingerprint: str, engine: str, device: str) -> tuple[str, ...]:
    """Of each replicate, sha256 of everything that determines its numbers: two runs with one key are one run.

    >>> recipe = Recipe(data={"task": "sincos"}, loss="bce")
    >>> [len(key) for key in run_keys(recipe, 2, data_fingerprint="", engine="loop", device="cpu")]
    [64, 64]
    """
    checksum = recipe.checksum
    identities = ([RESULTS_VERSION, checksum, r, data_fingerprint, engine, device] for r in range(n_replicates))
    return tuple(hashlib.sha256(json.dumps(identity).encode()).hexdigest() for identity in identities)
