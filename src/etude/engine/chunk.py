"""A chunk of jobs as it goes to a worker of a cluster, is trained there, and comes back as runs."""

import contextlib
import hashlib
import os
import pickle
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import cloudpickle
import torch

from etude.data.load import fingerprint
from etude.engine.machine import facts
from etude.engine.sending import restored, stripped
from etude.engine.spread import Job
from etude.values.code import LIBRARIES
from etude.values.data import Task
from etude.values.errors import DataError, EngineError, EtudeError
from etude.values.model import Mlp
from etude.values.recipe import Recipe
from etude.values.run import Run

Train = Callable[..., Iterable[tuple[Job, Run]]]
"""An engine that trains in its own process, called as train(jobs, workers=1, device="cpu")."""

PROBE = Recipe(
    data=Task(task="sincos", rows=500, test_rows=100),
    model=Mlp(hidden=(32, 32), activation="tanh"),
    loss="bce",
    batch_size=64,
    epochs=3,
)
"""Trained once in each worker, in some 50 ms: its products, sums and functions are those of any training."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is asked for, beside the recipes, which travel apart.

    places: for each job its recipe, as a number among those sent along, and its replicate
    asker:  what results depend on at the machine that asks; see `machine`
    folder: the folder in which relative paths of the user's begin
    """

    train: Train
    places: tuple[tuple[int, int], ...]
    asker: Mapping[str, str]
    folder: str


@dataclass(slots=True)
class Answer:
    """What came of an order: each finished run with its job's place, the error that ended it, and its seconds."""

    runs: list[tuple[int, Run]] = field(default_factory=list)
    error: EtudeError | None = None
    seconds: float = 0.0


def machine(train: Train) -> dict[str, str]:
    """What the bits of a result depend on beside the recipe: versions, the processor, and a training to prove it.

    Processors that differ in kind may round a matrix product differently, whatever their versions say.
    """
    known = {name: str(value) for name, value in facts().items()}
    return known | {"instructions": torch.backends.cpu.get_cpu_capability(), "bits of a short training": _bits(train)}


def packed(recipe: Recipe) -> bytes:
    """The recipe with the identity of its rows, by which a worker knows whether it has the same.

    The user's own functions and classes travel whole, not by name: the other machine does not have their files.

    >>> pickle.loads(packed(PROBE))[0] == PROBE
    True
    """
    with _by_value(module for module in tuple(sys.modules.values()) if _is_own(module)):
        return cloudpickle.dumps((recipe, fingerprint(recipe.data)))  # type: ignore[no-any-return]


def work(order: bytes, *recipes: bytes) -> bytes:
    """Train an `Order` here; returns an `Answer`. It never raises an EtudeError: the answer carries it."""
    started = time.perf_counter()
    asked: Order = pickle.loads(order)
    answer = Answer()
    with contextlib.ExitStack() as here:
        if Path(asked.folder).is_dir():
            here.enter_context(contextlib.chdir(asked.folder))
        try:
            check_machine(asked.asker, asked.train)
            known = [_with_the_same_rows(recipe) for recipe in recipes]
            jobs = tuple(Job(known[recipe], replicate) for recipe, replicate in asked.places)
            places = {job: i for i, job in enumerate(jobs)}
            for job, run in asked.train(jobs, workers=1, device="cpu"):
                answer.runs.append((places[job], stripped(run)))
        except EtudeError as error:
            answer.error = error
    answer.seconds = time.perf_counter() - started
    return cloudpickle.dumps(answer)  # type: ignore[no-any-return]


def opened(answer: bytes, jobs: Sequence[Job]) -> tuple[list[tuple[Job, Run]], Answer]:
    """The finished jobs of a chunk, each with its run as if it had been made here, and the answer itself."""
    made: Answer = pickle.loads(answer)
    return [(jobs[i], restored(run, jobs[i].recipe)) for i, run in made.runs], made


def check_machine(asker: Mapping[str, str], train: Train) -> None:
    """An EngineError where a run made here would not be the one that the asking machine makes."""
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        raise EngineError(
            f"{_node()} of the cluster runs without token authentication, so whoever reaches its ports can run "
            "code on it. Stop the cluster, and start every node with RAY_AUTH_MODE=token (docs/cluster.md). "
            "Nothing was trained on that node; runs that finished are kept."
        )
    here = machine(train)
    unlike = [f"{name} {here.get(name)} instead of {value}" for name, value in asker.items() if here.get(name) != value]
    if unlike:
        raise EngineError(
            f"{_node()} of the cluster has {', '.join(unlike)}: its runs would not be bit for bit those of this "
            "machine. Install the same versions on machines of one kind, or leave that node out. "
            "Nothing was trained on it; runs that finished are kept."
        )


@lru_cache(maxsize=4)
def _bits(train: Train) -> str:
    [(_, run)] = train((Job(PROBE, 0),), workers=1, device="cpu")
    digest = hashlib.sha256()
    for values in (*(curve.values for curve in run.curves.values()), *run.arrays.values()):
        digest.update(values.tobytes())
    return digest.hexdigest()[:12]


def _with_the_same_rows(recipe: bytes) -> Recipe:
    given, content = pickle.loads(recipe)
    try:
        found, difference = fingerprint(given.data), "the content differs."
    except DataError as error:
        found, difference = "", str(error)
    if found != content:
        raise EngineError(
            f"{_node()} of the cluster does not have the rows that this machine has for {given.data!r}: {difference} "
            "Put the same file under the same path on every node, or pass arrays, which travel. "
            "Nothing was trained on that node; runs that finished are kept."
        )
    return given  # type: ignore[no-any-return]


def _node() -> str:
    return f"node {platform.node()}"


def _is_own(module: object) -> bool:
    """Whether it is a module of the user's: neither Python's, nor installed, nor étude's, nor the script itself."""
    if not isinstance(module, ModuleType) or module.__name__.partition(".")[0] in ("etude", "__main__"):
        return False
    return _is_users_file(getattr(module, "__file__", None) or "")


@lru_cache(maxsize=16_384)
def _is_users_file(origin: str) -> bool:
    path = Path(origin)
    return path.is_absolute() and not any(path.resolve().is_relative_to(folder) for folder in LIBRARIES)


@contextlib.contextmanager
def _by_value(modules: Iterable[ModuleType]) -> Iterator[None]:
    """cloudpickle sends what these modules define whole while this is open."""
    known = cloudpickle.list_registry_pickle_by_value()
    added = [module for module in modules if module.__name__ not in known and module.__name__ in sys.modules]
    for module in added:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in added:
            cloudpickle.unregister_pickle_by_value(module)
