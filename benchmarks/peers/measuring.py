"""One job measured: everyone on one core, one replicate alone, then two cores; and memory."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from peers.job import Job
from peers.jobs import JOBS
from peers.measured import NATIVE, Measured, Memory, Rates, Speed, TwoCores, against, native
from peers.process import Child, child
from peers.timing import CHECKED, Clock, Contestant, contestants, in_rounds, timed, together

MEMORY_JOB, MEMORY_REPLICATES = JOBS["J1"], 1024
"""Of what memory is measured."""

TWO_CORES_REPLICATES = 32
"""At least so many: of a few, one thread would wait for the other's last for a good part of the time."""


@dataclass(frozen=True, slots=True)
class Means:
    """How thoroughly to measure.

    cores:    processors to use, one or two
    rounds:   how often everyone is timed
    budget:   seconds that a timing may take: long enough that neither its start nor the clock matters
    at_least: seconds for which a cohort that is quickly trained is trained again and again
    fewer:    so many times fewer replicates than the job has
    clock:    what is counted on one core; on two it is always the seconds that passed
    """

    cores: tuple[int, ...]
    rounds: int
    budget: float
    at_least: float
    fewer: int = 1
    clock: Clock = "wall"


def measure(job: Job, children: Sequence[Child], means: Means) -> Measured:
    """Everything of one job; `children` are on one core."""
    replicates = max(CHECKED, job.replicates // means.fewer)
    found = contestants(job, replicates, children, budget=means.budget, clock=means.clock)
    ready = [replace(who, at_least=means.at_least) for who in found]
    alone = [replace(who, replicates=1) for who in ready if not who.peer.alone]
    for who in alone:
        replace(who, at_least=0.0).trained()  # which compiles
    rates = in_rounds([*ready, *alone], means.rounds)
    speeds = tuple(
        Speed(who.child.framework, who.peer, own, timed(who, replicates))
        for who, own in zip(ready, rates, strict=False)
    )
    single = {who.peer.name: own for who, own in zip(alone, rates[len(ready) :], strict=True)}
    measured = Measured(job, replicates, speeds, single)
    return replace(measured, two_cores=_on_two_cores(measured, ready, means) if len(means.cores) > 1 else None)


def _on_two_cores(measured: Measured, ready: Sequence[Contestant], means: Means) -> TwoCores:
    """The engine with one thread and two, in turns; then two processes of it, and of the best JAX form."""
    ours, theirs = native(measured), against(measured, "best")
    one_thread = two_threads = ()
    if ours:
        with child(NATIVE, set(means.cores)) as both:
            at_work = max(measured.replicates, TWO_CORES_REPLICATES // means.fewer)
            one = replace(_of(ready, ours), child=both, clock="wall", replicates=at_work)
            one.trained()
            one_thread, two_threads = in_rounds([one, replace(one, threads=2)], means.rounds)
    return TwoCores(one_thread, two_threads, *(_in_two_processes(speed, ready, means) for speed in (ours, theirs)))


def _in_two_processes(speed: Speed | None, ready: Sequence[Contestant], means: Means) -> Rates:
    """Together, a core each, which share nothing: what the machine itself gives."""
    if speed is None:
        return ()
    with ExitStack() as stack:
        pair = [
            replace(_of(ready, speed), child=stack.enter_context(child(speed.framework, {core})), clock="wall")
            for core in means.cores
        ]
        return together(pair, means.rounds)


def _of(ready: Sequence[Contestant], speed: Speed) -> Contestant:
    return next(who for who in ready if (who.child.framework, who.peer) == (speed.framework, speed.peer))


def memories(results: Sequence[Measured], means: Means) -> Iterator[Memory]:
    """Most memory above imports of the engine and of two JAX forms, each in a process of its own.

    The engine trains all epochs, JAX only the few of the check: more would only add losses to its memory.
    """
    measured = next((result for result in results if result.job is MEMORY_JOB), None)
    if measured is None:
        return
    replicates = MEMORY_REPLICATES // means.fewer
    for speed in filter(None, (native(measured), against(measured, "vmap"), against(measured, "best"))):
        epochs, threads = (
            (MEMORY_JOB.epochs, len(means.cores)) if speed.framework == NATIVE else (MEMORY_JOB.check_epochs, 1)
        )
        with child(speed.framework, set(means.cores[:threads])) as own:
            answer = Contestant(own, speed.peer, MEMORY_JOB, replicates, epochs, threads).trained()
            taken = answer["peak_mb"] - own.ready["resident_mb"]
        yield Memory(speed.framework, speed.peer.name, replicates, epochs, taken)
