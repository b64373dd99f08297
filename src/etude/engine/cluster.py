"""Runs spread over the machines of a Ray cluster: chunks of jobs go out, runs come back as they finish."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle

from etude.engine.chunk import Answer, Order, Train, machine, opened, packed, work
from etude.engine.connection import connected, n_processors
from etude.engine.sending import title
from etude.engine.spread import Job
from etude.values.errors import EngineError, EtudeError
from etude.values.recipe import Recipe
from etude.values.run import Run

CHUNK_SECONDS = 0.3
"""What a chunk should take at least: a task costs Ray about a millisecond, and a lost chunk costs its own time."""

DRIVER_SECONDS = 0.005
"""What a chunk may cost this process: with many processors chunks take longer, so that it keeps up."""

LARGEST_CHUNK = 512
"""Jobs."""

LARGEST_ANSWER = 4_000_000
"""Bytes of the runs that come back together; what waits to be fetched is at most IN_FLIGHT of them a processor."""

IN_FLIGHT = 2
"""Chunks for each processor: one in training, one waiting beside it. So 1,000,000 jobs cost no memory here."""

LARGEST_INLINE = 100_000
"""Bytes; a larger recipe, one with the user's arrays, is sent to each machine once and not with every chunk."""

KNOWN_RECIPES = 256
"""Recipes that are kept as they were sent; one that comes again later is packed again."""

LOOK_SECONDS = 2.0
"""How often the cluster is asked for its processors: nodes come and go."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Jobs that travel together; `losses` counts how often a job that travelled alone had its worker killed."""

    jobs: tuple[Job, ...]
    losses: int = 0


@dataclass(slots=True)
class Traffic:
    """What is under way.

    waiting:    jobs that were not sent yet, taken one at a time
    start:      starts a task: Ray's reference to its answer
    pack:       a recipe as it is sent: bytes, or Ray's reference to them where they are many
    lost:       chunks to be sent again
    running:    chunks by Ray's reference to their answer
    size:       jobs for the next chunk
    processors: of the cluster, when it was last asked
    look_at:    when it is asked again, on the clock of `time.monotonic`
    """

    ray: ModuleType
    train: Train
    asker: Mapping[str, str]
    waiting: Iterator[Job]
    start: Callable[..., Any]
    pack: Callable[[Recipe], Any]
    lost: deque[Chunk] = field(default_factory=deque)
    running: dict[Any, Chunk] = field(default_factory=dict)
    size: int = 1
    processors: int = 1
    look_at: float = 0.0


def spread_over_cluster(jobs: Iterable[Job], *, address: str, train: Train) -> Generator[tuple[Job, Run], None, None]:
    """Each job with its run, in the order in which they finish; bit for bit what `train` gives in this process.

    jobs:    taken as they are needed
    address: "host:port", or "auto": a cluster that runs on this machine, else one started here for the duration
    train:   an engine that trains in its own process: train(jobs, workers=1, device="cpu")

    A chunk whose worker or machine is lost is tried again, job by job; an EngineError names a job that, travelling
    alone, has its worker killed twice. An EtudeError in a task is raised here, after everything finished was
    yielded. Closing the generator, or Ctrl-C in it, ends the tasks; the cluster stays, unless it was started here.

    >>> list(spread_over_cluster([], address="auto", train=list))
    []
    """
    waiting = iter(jobs)
    first = next(waiting, None)
    if first is None:
        return
    asker = machine(train)
    with connected(address) as ray:
        start = ray.remote(num_cpus=1, max_retries=0, enable_task_events=False)(work).remote
        pack = lru_cache(KNOWN_RECIPES)(partial(_packed, ray))
        yield from _runs(Traffic(ray, train, asker, itertools.chain((first,), waiting), start, pack))


def _runs(traffic: Traffic) -> Generator[tuple[Job, Run], None, None]:
    failure: EtudeError | None = None
    while (answer := _next_answer(traffic, sending=failure is None)) is not None:
        runs, error = _received(traffic, answer, traffic.running.pop(answer))
        yield from runs
        failure = failure or error
    if failure is not None:
        raise failure


def _next_answer(traffic: Traffic, *, sending: bool) -> Any:  # noqa: ANN401 - Ray's reference to it
    """An answer that is there, and waited for while more is sent; None when there is no other."""
    while _send(traffic) if sending else traffic.running:
        ready, _ = traffic.ray.wait(list(traffic.running), num_returns=1, timeout=LOOK_SECONDS if sending else 0)
        if ready or not sending:
            return ready[0] if ready else None
    return None


def _send(traffic: Traffic) -> bool:
    """Send as many chunks as may be under way; whether any is."""
    if time.monotonic() >= traffic.look_at:
        traffic.processors = n_processors(traffic.ray)
        traffic.look_at = time.monotonic() + LOOK_SECONDS
    while len(traffic.running) < IN_FLIGHT * traffic.processors:
        chunk = (
            traffic.lost.popleft() if traffic.lost else Chunk(tuple(itertools.islice(traffic.waiting, traffic.size)))
        )
        if not chunk.jobs:
            break
        traffic.running[_started(traffic, chunk)] = chunk
    return bool(traffic.running)


def _started(traffic: Traffic, chunk: Chunk) -> Any:  # noqa: ANN401 - Ray's reference to the answer
    recipes = {recipe: i for i, recipe in enumerate(dict.fromkeys(job.recipe for job in chunk.jobs))}
    places = tuple((recipes[job.recipe], job.replicate) for job in chunk.jobs)
    order = cloudpickle.dumps(Order(traffic.train, places, traffic.asker, str(Path.cwd())))
    return traffic.start(order, *map(traffic.pack, recipes))


def _packed(ray: ModuleType, recipe: Recipe) -> Any:  # noqa: ANN401 - bytes, or Ray's reference to them
    try:
        made = packed(recipe)
    except EtudeError:
        raise
    except Exception as error:  # what the user's code closes over may refuse in any way
        raise EngineError(
            f"{title(recipe)} cannot be sent to another machine: {type(error).__name__}: {error}. Let its code make "
            "what it needs instead of holding it, or train without --cluster. Runs that finished are kept."
        ) from error
    return made if len(made) <= LARGEST_INLINE else ray.put(made)


def _received(traffic: Traffic, answer: Any, chunk: Chunk) -> tuple[list[tuple[Job, Run]], EtudeError | None]:  # noqa: ANN401
    """The runs of a chunk and the error that ended it; neither, where its worker was lost and it is sent again."""
    errors = traffic.ray.exceptions
    try:
        content = traffic.ray.get(answer)
    except (errors.NodeDiedError, errors.LocalRayletDiedError, errors.ObjectLostError):
        traffic.lost.extend(Chunk((job,), chunk.losses) for job in chunk.jobs)
        traffic.look_at = 0.0  # there are fewer processors now, or none
        return [], None
    except (errors.WorkerCrashedError, errors.OutOfMemoryError) as error:
        if chunk.losses:
            return [], _killed_twice(chunk.jobs[0], error)
        traffic.lost.extend(Chunk((job,), losses=int(len(chunk.jobs) == 1)) for job in chunk.jobs)
        return [], None
    except errors.RayError as error:
        return [], _failed(chunk, error)
    runs, made = opened(content, chunk.jobs)
    traffic.size = _next_size(len(chunk.jobs), made, n_bytes=len(content), processors=traffic.processors)
    return runs, made.error


def _next_size(n_jobs: int, made: Answer, *, n_bytes: int, processors: int) -> int:
    """Jobs for a chunk that takes neither too little time nor too much memory, going by the last one.

    At most twice as many as that had, since the first is slow: its worker has just imported torch.

    >>> _next_size(4, Answer(seconds=0.1), n_bytes=1000, processors=2)
    8
    >>> _next_size(4, Answer(seconds=9.0), n_bytes=1000, processors=2)
    1
    """
    by_time = n_jobs * max(CHUNK_SECONDS, DRIVER_SECONDS * processors) / max(made.seconds, 1e-9)
    by_memory = n_jobs * LARGEST_ANSWER / n_bytes
    return max(1, min(2 * n_jobs, LARGEST_CHUNK, round(by_time), round(by_memory)))


def _killed_twice(job: Job, error: Exception) -> EngineError:
    return EngineError(
        f"replicate {job.replicate} of {title(job.recipe)} had its worker on the cluster killed twice while it "
        f"travelled alone ({type(error).__name__}). Most often a machine is out of memory: start its node with fewer "
        "processors (`ray start --num-cpus`), or use fewer rows, a smaller batch_size or a smaller model. "
        "Runs that finished are kept."
    )


def _failed(chunk: Chunk, error: Exception) -> EngineError:
    reason = str(error).strip().rpartition("\n")[2].rstrip(".")
    return EngineError(
        f"a chunk that begins with replicate {chunk.jobs[0].replicate} of {title(chunk.jobs[0].recipe)} failed on the "
        f"cluster: {reason}. Every node needs the same étude, and whatever libraries your own code imports. "
        "Runs that finished are kept."
    )
