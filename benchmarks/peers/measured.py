"""What was measured of a job, and what follows from it. Rates are whole trainings a second; a round is one pass."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

from peers.job import Goal, Job, Told, flops

Rates = tuple[float, ...]
"""One for each round."""
NATIVE = "native"
"""The framework that the goals are about."""
SINGLE_GOAL, THREADS_GOAL, MEMORY_GOAL = 0.7, 1.9, 64
"""One replicate against many, two threads against one, and MiB above imports."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one peer trained on one core."""

    framework: str
    peer: Told
    rates: Rates
    timed: str
    """What part of a whole training of all replicates was timed; '' where it was all."""

    @property
    def rate(self) -> float:
        """The median, in trainings a second."""
        return median(self.rates)


@dataclass(frozen=True, slots=True)
class TwoCores:
    """What two cores give; empty where the framework is missing.

    one_thread, two_threads: of the engine, in turns
    own_processes:           two of the engine, a core each, together
    processes:               two of the best JAX form, likewise
    """

    one_thread: Rates
    two_threads: Rates
    own_processes: Rates
    processes: Rates


@dataclass(frozen=True, slots=True)
class Measured:
    """All of one job, in the order of the tables of peers."""

    job: Job
    replicates: int
    speeds: tuple[Speed, ...]
    single: Mapping[str, Rates] = field(default_factory=dict)
    """Of each peer that trains many at once, with one replicate."""
    two_cores: TwoCores | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """The most memory a peer took above its imports, in MiB."""

    framework: str
    peer: str
    replicates: int
    epochs: int
    mib: float


@dataclass(frozen=True, slots=True)
class Standing:
    """One goal and what was reached of it."""

    goal: str
    wanted: str
    measured: str
    reached: bool | None
    """None where it could not be measured."""


def against(measured: Measured, goal: Goal) -> Speed | None:
    """The peer that a goal is held against, if it was timed; any JAX form may be the best."""
    among = ("vmap", "best") if goal == "best" else (goal,)
    return max((speed for speed in measured.speeds if speed.peer.goal in among), key=lambda s: s.rate, default=None)


def ratio(rates: Rates, others: Rates) -> float:
    """How many times as fast: the median over rounds, since all of one round met the same machine.

    >>> ratio((2.0, 9.0, 6.0), (1.0, 3.0, 3.0))
    2.0
    """
    return median(ours / theirs for ours, theirs in zip(rates, others, strict=True))


def native(measured: Measured) -> Speed | None:
    """The engine's own speed, if it is built."""
    return next((speed for speed in measured.speeds if speed.framework == NATIVE), None)


def gflops(speed: Speed, job: Job) -> float:
    """GFLOP/s that a rate means for the products of the job; nothing else that is computed counts."""
    return speed.rate * flops(job) / 1e9


def standings(measured: Measured) -> Iterator[Standing]:
    """Every goal of a job."""
    job, ours = measured.job, native(measured)
    for goal, wanted in job.goals.items():
        other = against(measured, goal)
        name = other.peer.name if other else "JAX"
        best = "the best JAX form, " if goal == "best" and other else ""
        yield _standing(f"{job.name} against {best}{name}", wanted, ours and other and ratio(ours.rates, other.rates))
    plain = against(measured, "plain")
    if job.aim and plain:
        yield _standing(f"{job.name}, the aim beyond", job.aim, ours and ratio(ours.rates, plain.rates))
    if ours:
        alone = ratio(measured.single[ours.peer.name], ours.rates)
        yield _standing(f"{job.name}, one replicate against {measured.replicates}", SINGLE_GOAL, alone)
    if ours and measured.two_cores:
        two = ratio(measured.two_cores.two_threads, measured.two_cores.one_thread)
        yield _standing(f"{job.name}, two threads against one", THREADS_GOAL, two)


def memory_standing(memory: Memory) -> Standing:
    """The goal for the memory of the engine."""
    goal = f"J1, memory above imports with {memory.replicates:,} replicates"
    return Standing(goal, f"< {MEMORY_GOAL} MiB", f"{memory.mib:.0f} MiB", memory.mib < MEMORY_GOAL)


def _standing(goal: str, wanted: float, times: float | None) -> Standing:
    told = "not measured" if times is None else f"{times:.3g}×"
    return Standing(goal, f"≥ {wanted:g}×", told, None if times is None else times >= wanted)
