"""The native engine: whole replicates as tasks of a pool of threads; in the core they hold no interpreter lock."""

import itertools
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from etude.engine.native.library import Core, core
from etude.engine.native.replicate import train
from etude.engine.native.training import Stop
from etude.engine.spread import Job, default_workers
from etude.values.errors import EngineError
from etude.values.run import Run

IN_FLIGHT = 2
"""Jobs handed to the pool for each thread: one in training, one waiting beside it."""


def cohort(
    jobs: Iterable[Job], *, workers: int | None = None, device: str = "cpu"
) -> Generator[tuple[Job, Run], None, None]:
    """Each job with its run, in the order in which they finish; the bits do not depend on `workers`.

    workers: processors to keep busy; None: all that this process may use. Beyond one there is a further thread, so that
        none idles while a thread waits for the interpreter's lock

    A job that raises ends the generator with its error, after everything finished was yielded. Closing the generator,
    or Ctrl-C in it, ends every training at its next step.
    """
    workers = default_workers() if workers is None else workers
    built = core()
    if built is None or device != "cpu":
        raise EngineError(
            f"the native engine {'was not built here' if built is None else 'trains on the cpu'}. Use engine='loop'. "
            "Nothing was trained."
        )
    if workers < 1:
        raise EngineError(f"workers is {workers}; training needs at least 1 thread. Nothing was trained.")
    stop, threads = Stop(), workers + (workers > 1)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="etude")
    try:
        yield from _finished(iter(jobs), pool, built, stop=stop, room=IN_FLIGHT * threads)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _finished(
    jobs: Iterable[Job], pool: ThreadPoolExecutor, built: Core, *, stop: Stop, room: int
) -> Generator[tuple[Job, Run], None, None]:
    running: dict[Future[Run], Job] = {}
    while True:
        for job in itertools.islice(jobs, room - len(running)):
            running[pool.submit(train, built, job.recipe, job.replicate, stop=stop)] = job
        if not running:
            return
        ended = wait(running, return_when=FIRST_COMPLETED).done
        done = [future for future in running if future in ended]  # as they were handed out
        for future in sorted(done, key=lambda one: one.exception() is not None):  # first yield what finished
            yield running.pop(future), future.result()
