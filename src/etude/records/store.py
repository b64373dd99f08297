"""The store of a project's studies: every run in one file, written by one process, read by any."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self

from etude.records.database import Reading, Writing, reading, writing
from etude.records.encoding import decode_run, encode_run, same_result, seal, unseal_study
from etude.values.errors import StoreDamagedError, StoreError
from etude.values.recipe import Recipe
from etude.values.run import Run

RESULTS_VERSION = 1
"""Part of every run's key: raise it whenever the same recipe would give other numbers than before."""


@dataclass(frozen=True, slots=True)
class KeptStudy:
    """A study as the store knows it: its plan as JSON and, by arm label, the keys of its runs in replicate order.

    A key may be of a run that is still to be made.
    """

    name: str
    plan: str
    arms: Mapping[str, tuple[str, ...]]


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
            return decode_run(key, body, recipe)

    def plans(self) -> tuple[KeptStudy, ...]:
        """Every study kept, by name."""
        return tuple(self._study(name) for name in sorted(self._file.names("study")))

    def _study(self, name: str) -> KeptStudy:
        try:
            kept = unseal_study(name, self._file.body("study", name) or b"")
        except StoreDamagedError as error:
            raise StoreDamagedError(
                f"{self.path}: the plan of study {name!r}: {error}. Run the study again, which keeps its plan anew; "
                "its runs are not affected."
            ) from error
        arms = {label: tuple(keys) for label, keys in kept["arms"].items()}
        return KeptStudy(name, kept["plan"], MappingProxyType(arms))

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

    `add` takes some 3 ms, 2.4 of them to compress the curves, and waits for the disk once. The run of a journey takes
    21 kB of the file, so a million take 21 GB; keys are listed from an index of 0.1 kB a run.
    """

    def __init__(self, file: Writing) -> None:
        """Of an open file that this process owns; `open_store` opens one."""
        super().__init__(file)
        self._owned = file

    def add(self, key: str, run: Run) -> None:
        """Keep a run; once this returns, it survives a killed process and a power cut.

        The same numbers under the same key again change nothing, whatever their seconds; other numbers are refused.
        """
        body = encode_run(key, run)
        kept = self._file.body("run", key)
        if kept is None:
            self._owned.put("run", key, body)
            return
        with self._verified(key):
            same = same_result(key, kept, body)
        if not same:
            raise StoreError(
                f"{self.path} holds other numbers for run {key} ({run.name}). One recipe, replicate, engine and "
                "device must give one result: RESULTS_VERSION was not raised with a change of the engine, or the "
                f"training is not deterministic. `Store.discard({key!r})` forgets the old one. Nothing was changed."
            )

    def put_plan(self, name: str, plan_json: str, arms: Mapping[str, Sequence[str]]) -> None:
        """Keep which study has which runs: by arm label, keys in replicate order. Replaces what the name had."""
        body = seal({"name": name, "plan": plan_json, "arms": {label: list(keys) for label, keys in arms.items()}})
        if self._file.body("study", name) != body:
            self._owned.put("study", name, body)

    def discard(self, key: str) -> bool:
        """Forget a run, such as a damaged one; whether it was there."""
        return self._owned.drop("run", key)


def open_store(path: Path) -> Store:
    """The store at `path`, made where there is none, with this process as its one owner until it is closed.

    Fails at once with a StoreBusyError that names the owner where another process is, with a StoreVersionError for
    the store of a newer étude, and with a StoreError for any other file and for a folder or disk that takes nothing.
    """
    return Store(writing(path))


def read_store(path: Path) -> StoreReader:
    """The store at `path`, to be read only: also while a study runs, as often as wanted, disturbing nobody."""
    return StoreReader(reading(path))


def run_key(recipe: Recipe, replicate: int, *, data_fingerprint: str, engine: str, device: str) -> str:
    """sha256 of everything that determines a run's numbers: two runs with one key are one run.

    >>> recipe = Recipe(data={"task": "sincos"}, loss="bce")
    >>> len(run_key(recipe, 0, data_fingerprint="", engine="loop", device="cpu"))
    64
    """
    identity = [RESULTS_VERSION, recipe.checksum, replicate, data_fingerprint, engine, device]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()
