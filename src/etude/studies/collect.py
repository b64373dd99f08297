"""The runs that a comparison needs: from the store where it has them, else trained, and kept before they count."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.data.load import check as check_data
from etude.data.load import decision_truth, fingerprint, kind_of
from etude.engine.cluster import spread_over_cluster
from etude.engine.engines import ENGINES, Choice, Job, check, engine_called
from etude.engine.spread import default_workers
from etude.records.database import SQLITE_VERSION
from etude.records.encoding import EncodedRun, encoded
from etude.records.store import Store, run_keys
from etude.studies.notes import engine_words
from etude.values.data import Data
from etude.values.errors import EngineError, EtudeError, InterruptedStudy, NotComparableError, StoreDamagedError
from etude.values.recipe import Recipe
from etude.values.run import PICTURED, Run, slimmed
from etude.values.study import DEFAULT_ENGINE, Arm, Progress


@dataclass(frozen=True, slots=True)
class Means:
    """With what a study runs; nothing here changes a result.

    engine:  a name in ENGINES; an arm that this engine cannot train goes to `loop`, and the record says so
    workers: threads or, in `loop`, processes with one thread each; None: one for each processor
    device:  "cpu", or a torch device such as "cuda"
    cluster: "auto" or "host:port": a Ray cluster to spread the trainings over; None: this machine
    """

    engine: str = DEFAULT_ENGINE
    workers: int | None = None
    device: str = "cpu"
    cluster: str | None = None


Watcher = Callable[[Progress], None]
Place = tuple[str, int]
"""Of a run in its study: the label of its arm, and its replicate."""

Runs = Mapping[Place, Run]

BATCH = 64
"""Runs written at once: the disk is waited for once a batch, which then costs a run less than a tenth of its encoding
(benchmarks/store.py)."""

BETWEEN_WRITES = 0.25
"""Seconds: a run that finishes later than this after the last write is written at once, and those that wait with it."""


@dataclass(slots=True)
class Collection:
    """The runs of a study so far.

    choices: the engine of each arm, by its label
    keys:    of every run that is planned by now, by arm label, in replicate order
    runs:    those that are durable, each as much of it as is needed from here on
    kept:    how many of them the store had before
    waiting: those that finished since the last write, encoded or, where an interrupt fell in between, not yet
    first:   the first replicate that is wanted
    """

    store: Store
    means: Means
    choices: Mapping[str, Choice]
    watch: Watcher
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    runs: dict[Place, Run] = field(default_factory=dict)
    kept: int = 0
    waiting: dict[Place, tuple[Run, EncodedRun | None]] = field(default_factory=dict)
    first: int = 0


def engines_of(arms: Sequence[Arm], means: Means) -> Mapping[str, Choice]:
    """The engine of each arm, by its label; an error where something of an arm cannot be meant or done."""
    engine_called(means.engine)
    if means.cluster is not None and (means.device != "cpu" or means.workers is not None):
        raise EngineError(
            "a cluster trains one run on each of its processors, so it goes neither with workers nor another device "
            "but the cpu. Leave those out, or train on this machine. Nothing was run."
        )
    shared = all(arm.recipe.data == arms[0].recipe.data for arm in arms)
    if shared:  # then what is wrong with the data is no arm's fault
        check_data(arms[0].recipe.data)
    choices = {}
    for arm in arms:
        try:
            check_data(arm.recipe.data)
            choices[arm.label] = check(arm.recipe, engine=means.engine, workers=means.workers, device=means.device)
        except EtudeError as error:
            raise type(error)(f"arm {arm.label!r}: {error}" if len(arms) > 1 else str(error)) from error
    numbers = [arm.label for arm in arms if kind_of(arm.recipe.data) == "regression"]
    if 0 < len(numbers) < len(arms):
        raise NotComparableError(
            f"some arms predict numbers ({', '.join(numbers)}) and others classes, and no score is common to both. "
            "Study them apart. Nothing was run."
        )
    return choices


def keys_by_arm(arms: Sequence[Arm], n_replicates: int, collection: Collection) -> Mapping[str, tuple[str, ...]]:
    """Under which key each replicate is kept, by arm label, in replicate order."""
    return {
        arm.label: run_keys(
            arm.recipe,
            n_replicates,
            data_fingerprint=fingerprint(arm.recipe.data),
            engine=collection.choices[arm.label].engine,
            device=collection.means.device,
        )
        for arm in arms
    }


def collect(arms: Sequence[Arm], collection: Collection) -> Runs:
    """Every run that is planned by now: from the store where it is there, else trained and stored."""
    runs, recipes = collection.runs, {arm.label: arm.recipe for arm in arms}
    places = _places(collection)
    for place in places:
        if place not in runs and (run := _kept_run(collection, place, recipes[place[0]])) is not None:
            runs[place] = _as_needed(run, place[1] - collection.first)
            collection.kept += 1
    _tell(collection)
    jobs = {Job(recipes[place[0]], place[1]): place for place in places if place not in runs}
    try:
        _train(jobs, collection)
    except KeyboardInterrupt:
        raise InterruptedStudy(
            f"stopped: {len(runs)} of {len(places)} runs are finished and kept in {collection.store.path}. "
            "The same command goes on from there."
        ) from None
    return runs


def means_facts(collection: Collection) -> dict[str, str | int]:
    """Of the record: who trains, and where."""
    means = collection.means
    known = {"engine": engine_words(collection.choices), "SQLite": SQLITE_VERSION}
    where = {"cluster": means.cluster} if means.cluster else {"workers": means.workers or default_workers()}
    return {**known, **where}


def _train(jobs: Mapping[Job, Place], collection: Collection) -> None:
    """Train and keep; whatever ends it, what finished is kept before."""
    waiting, due = collection.waiting, 0.0
    try:
        for job, run in _made(jobs, collection):
            place = jobs[job]
            waiting[place] = (run, None)  # before anything that an interrupt could cut off
            waiting[place] = (run, encoded(_key(collection, place), run))
            if len(waiting) >= BATCH or time.monotonic() >= due:
                _keep_waiting(collection)
                due = time.monotonic() + BETWEEN_WRITES
    finally:
        _keep_waiting(collection)


def _made(jobs: Mapping[Job, Place], collection: Collection) -> Iterator[tuple[Job, Run]]:
    """Each job with its run, an engine after the other."""
    means, choices = collection.means, collection.choices
    for name in ENGINES:
        own = tuple(job for job, (label, _) in jobs.items() if choices[label].engine == name)
        if not own:
            continue
        engine = engine_called(name)
        if means.cluster is None:
            runs = engine(own, workers=means.workers, device=means.device)
        else:
            runs = spread_over_cluster(own, address=means.cluster, train=engine)
        with closing(runs):  # so that what is under way ends here, not when the generator is collected
            for job, run in runs:
                yield job, _with_reason(run, choices[jobs[job][0]])


def _with_reason(run: Run, choice: Choice) -> Run:
    """The run with the record of why another engine trained it than the one asked for."""
    if not choice.because:
        return run
    return replace(run, provenance=MappingProxyType({**run.provenance, "engine_because": choice.because}))


def _keep_waiting(collection: Collection) -> None:
    """Write the runs that wait, and only then count them."""
    waiting = collection.waiting
    if waiting:
        made = (kept or encoded(_key(collection, place), run) for place, (run, kept) in waiting.items())
        collection.store.add_all(made)
        collection.runs.update(
            {place: _as_needed(run, place[1] - collection.first) for place, (run, _) in waiting.items()}
        )
        waiting.clear()
        _tell(collection)


def _tell(collection: Collection) -> None:
    n_arms, n_replicates = len(collection.keys), len(next(iter(collection.keys.values()))) - collection.first
    done, planned = len(collection.runs), n_arms * n_replicates
    engines = engine_words(collection.choices)
    collection.watch(Progress(done, planned, collection.kept, n_arms, n_replicates, engines))


def _places(collection: Collection) -> tuple[Place, ...]:
    """Every place, a replicate of all arms before the next replicate, so that arms grow alike."""
    n_replicates = len(next(iter(collection.keys.values())))
    return tuple((label, replicate) for replicate in range(collection.first, n_replicates) for label in collection.keys)


def _key(collection: Collection, place: Place) -> str:
    label, replicate = place
    return collection.keys[label][replicate]


def _kept_run(collection: Collection, place: Place, recipe: Recipe) -> Run | None:
    """The run as it was stored; a damaged one is dropped, to be made again from its recipe, bit for bit."""
    store, key = collection.store, _key(collection, place)
    try:
        return store.get(key, recipe=recipe)
    except StoreDamagedError:
        if not store.discard(key):
            raise
        return None


def _as_needed(run: Run, nth: int) -> Run:
    """All of a run that is drawn by itself, which is one of an arm's first; the scores of any other."""
    return _with_truth(run) if nth < PICTURED else slimmed(run)


def _with_truth(run: Run) -> Run:
    """The run with the true probability beside its decision grid, where the task knows it."""
    if "decision/p" not in run.arrays or run.recipe is None:
        return run
    x1, x2 = (tuple(run.arrays[f"decision/{axis}"].tolist()) for axis in ("x1", "x2"))
    truth = _truth_on_the_grid(run.recipe.data, x1, x2)
    return run if truth is None else replace(run, arrays=MappingProxyType({**run.arrays, "decision/truth": truth}))


@lru_cache(maxsize=256)
def _truth_on_the_grid(data: Data, x1: tuple[float, ...], x2: tuple[float, ...]) -> NDArray[np.float64] | None:
    """One array for the many runs that share a grid."""
    across, along = np.meshgrid(x1, x2)
    truth = decision_truth(data, np.column_stack([across.ravel(), along.ravel()]).astype(np.float32))
    if truth is None:
        return None
    truth = truth.reshape(across.shape)
    truth.setflags(write=False)
    return truth
