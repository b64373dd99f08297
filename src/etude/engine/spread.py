"""Runs spread over processes of one thread each."""

import itertools
import warnings
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import MappingProxyType

from loky import ProcessPoolExecutor, cpu_count, get_reusable_executor

from etude.engine.loop import train
from etude.engine.sending import restored, stripped, title
from etude.engine.worker import begin
from etude.values.errors import EngineError, EtudeError
from etude.values.recipe import Recipe
from etude.values.run import Run

IN_FLIGHT = 4
"""Jobs handed to the pool for each worker: enough that none waits, few enough that 100,000 jobs cost no memory."""

IDLE_SECONDS = 60

warnings.filterwarnings("ignore", message="A worker (stopped|was restarted) while some jobs", category=UserWarning)
"""loky starts a worker anew whose memory has grown, as that of a large model does, and takes it for a leak."""

ONE_THREAD = MappingProxyType(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))


@dataclass(frozen=True, slots=True)
class Job:
    """One training to be made."""

    recipe: Recipe
    replicate: int


def spread(
    jobs: Iterable[Job], *, workers: int | None = None, device: str = "cpu"
) -> Generator[tuple[Job, Run], None, None]:
    """Each job with its run, in the order in which they finish; the runs do not depend on `workers`.

    workers: processes; 1: this one, with no pool; None: one for each processor that this process may use

    A worker that is killed (out of memory, or by hand) takes the jobs in flight with it: they are tried once more,
    one at a time, and an EngineError names the one that has its worker killed again. A job that raises ends the
    generator with its error, after everything finished was yielded. Closing the generator, or Ctrl-C in it, kills
    the workers at once.
    """
    workers = default_workers() if workers is None else workers
    if workers < 1:
        raise EngineError(
            f"workers is {workers}; training needs at least 1, which is this process. Nothing was trained."
        )
    if workers == 1:
        for job in jobs:
            yield job, train(job.recipe, job.replicate, device=device)
        return
    waiting = iter(jobs)
    while lost := (yield from _until_killed(waiting, workers=workers, in_flight=IN_FLIGHT * workers, device=device)):
        culprit = yield from _until_killed(iter(lost), workers=1, in_flight=1, device=device)
        if culprit:
            raise EngineError(
                f"replicate {culprit[0].replicate} of {title(culprit[0].recipe)} had its worker process killed twice, "
                "the second time with nothing beside it. Most often the machine is out of memory: use fewer rows, a "
                "smaller batch_size or a smaller model. Runs that finished are kept."
            )


def default_workers() -> int:
    """One for each processor that this process may use."""
    return int(cpu_count())


def _until_killed(
    jobs: Iterator[Job], *, workers: int, in_flight: int, device: str
) -> Generator[tuple[Job, Run], None, list[Job]]:
    """Run jobs until none is left, or a worker is killed; returns the jobs that were lost with it.

    Workers that came to the end wait a minute for the next call, so that a study which looks often, or a second
    study in one session, does not wait for torch again; in any other case they are killed.
    """
    pool = get_reusable_executor(workers, timeout=IDLE_SECONDS, initializer=begin, env=ONE_THREAD)
    running: dict[Future[Run], Job] = {}
    lost: list[Job] = []
    ended_well = False
    try:
        while True:
            for job in itertools.islice(jobs, 0 if lost else in_flight - len(running)):
                running[_submitted(pool, job, device)] = job
            if not running:
                ended_well = not lost
                return lost
            done = wait(running, return_when=FIRST_COMPLETED).done
            for future in sorted(done, key=_failed):  # what finished is yielded before an error is raised
                job = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    lost.append(job)
                else:
                    yield job, _arrived(future, job)
    finally:
        if not ended_well:
            pool.shutdown(kill_workers=True)


def _submitted(pool: ProcessPoolExecutor, job: Job, device: str) -> Future[Run]:
    try:
        return pool.submit(_train_for_another, job, device)  # type: ignore[no-any-return]
    except BrokenProcessPool as error:
        refused: Future[Run] = Future()
        refused.set_exception(error)
        return refused


def _failed(future: Future[Run]) -> bool:
    return future.exception() is not None


def _train_for_another(job: Job, device: str) -> Run:
    return stripped(train(job.recipe, job.replicate, device=device))


def _arrived(future: Future[Run], job: Job) -> Run:
    error = future.exception()
    if isinstance(error, EtudeError):
        raise error
    if error is not None:
        raise EngineError(
            f"replicate {job.replicate} of {title(job.recipe)} could not be sent to a worker process or back: "
            f"{type(error).__name__}: {error}. Use workers=1. Runs that finished are kept."
        ) from error
    return restored(future.result(), job.recipe)
