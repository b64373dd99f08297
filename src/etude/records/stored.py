"""The runs of an étude store one by one, with what is left of a damaged one."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from etude.records.database import reading
from etude.records.encoding import EncodedRun, decoded
from etude.records.logged import LogError
from etude.records.sqlite_log import sqlite_log
from etude.records.store import StoreReader, read_store
from etude.values.errors import StoreDamagedError, StoreError
from etude.values.run import Run

TABLES = frozenset({"records", "tally"})


def stored_runs(path: Path) -> Iterator[Run | LogError]:
    """Every run: those of a study by arm and replicate, then all others; each damaged one is a LogError."""
    try:
        _check_tables(path)
        with read_store(path) as store:
            yield from _logs(store, path)
    except StoreDamagedError:
        yield from _salvaged(path)
    except StoreError as error:
        yield LogError(f"{path}: {error}")
    except LogError as error:
        yield error


def _check_tables(path: Path) -> None:
    """A view in the place of a table could be made to take for ever."""
    with sqlite_log(path) as file:
        if not set(file.tables) >= TABLES:
            raise LogError(f"{path} says it is an étude store, but has not its tables. Nothing was read.")


def _logs(store: StoreReader, path: Path) -> Iterator[Run | LogError]:
    keys = store.keys()
    names = {key: name for key, name in _names(store).items() if key in keys}
    if not keys:
        yield LogError(f"{path} is an étude store without runs. Run its study again. Nothing was read.")
    for key in (*names, *sorted(keys - names.keys())):
        try:
            run = store.get(key)
        except StoreDamagedError as error:
            yield LogError(f"{error}")
            continue
        if run is not None:
            yield _named(names.get(key, run.name), run)


def _names(store: StoreReader) -> Mapping[str, str]:
    """Arm and replicate of every run that is part of a study, by its key; of no run where a plan is damaged."""
    try:
        plans = store.plans()
    except StoreDamagedError:
        return {}
    names: dict[str, str] = {}
    for label, keys in (arm for plan in plans for arm in plan.arms.items()):
        for replicate, key in enumerate(keys):
            names.setdefault(key, f"{label} · {replicate}")
    return names


def _salvaged(path: Path) -> Iterator[Run | LogError]:
    """What is left of a store whose list of runs is damaged."""
    unreadable = 0
    try:
        file = reading(path)
    except StoreError as error:
        yield LogError(f"{path} cannot be read: {error} Nothing was read.")
        return
    try:
        for row in file.rows():
            if row is None:
                unreadable += 1
            elif row[0] == "run":
                yield _decoded(path, *row[1:])
    finally:
        file.close()
    yield LogError(
        f"{path} is damaged: its list of runs does not match its runs; stretches that cannot be read: {unreadable}. "
        "Put back a copy, or save what is whole with etude.records.salvage. Every run that is whole was read."
    )


def _decoded(path: Path, key: object, body: object) -> Run | LogError:
    if not isinstance(key, str) or not isinstance(body, bytes):
        return LogError(f"{path}: a run's row has changed its type. Run its study again. The others were read.")
    try:
        run = decoded(EncodedRun(key, body), None)
    except StoreDamagedError as error:
        return LogError(f"{path}: run {key!r}: {error}. Run its study again. Every run that is whole was read.")
    return _named(run.name, run)


def _named(name: str, run: Run) -> Run:
    took = {
        f"{split} is": f"{split}/objective" for split in ("train", "validation") if f"{split}/objective" in run.curves
    }
    known = {**run.provenance, **took, "format": "étude store", "x": "step"}
    return replace(run, name=name, provenance=MappingProxyType(known))
