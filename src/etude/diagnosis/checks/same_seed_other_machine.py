"""One recipe and one seed gave two results: another machine, another version, or another order of sums."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from etude.diagnosis.case import Arm, Case
from etude.diagnosis.check import ArmCheck, Seen, StudyCheck
from etude.diagnosis.outcomes import SEEDS
from etude.diagnosis.saying import amount, percent, when
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place

SYMPTOM = "same seed other machine"
ROUNDING = 1e-6
"""Relative difference up to which two values are one but for the order of sums in 32-bit floats."""

LARGE = 0.3
"""Of the spread over replicates, from which the difference between machines is as good as another seed."""

MACHINE = ("device", "torch", "numpy", "python", "etude", "threads", "engine", "platform", "machine", "host", "gpu")
"""What a run records of where it was made."""


@dataclass(frozen=True, slots=True, eq=False)
class _Twins:
    """Two runs of one recipe and seed: the judged series that both have, and where it parts first; None: nowhere."""

    one: Case
    other: Case
    curve: Curve
    parts_at: int | None
    apart: float


def look(arms: Sequence[Arm]) -> Seen:
    """Runs of all arms with the same recipe, seed and replicate."""
    twins = _twins([case for arm in arms for case in arm.cases])
    if not twins:
        return NotRun(SYMPTOM, "it needs two runs of one recipe and one seed, made on two machines")
    parted = [pair for pair in twins if pair.parts_at is not None]
    return _finding(parted, len(twins), _spread(arms)) if parted else None


def look_within(arm: Arm) -> Seen:
    """The same among the runs of one arm."""
    return look([arm])


def _twins(cases: Sequence[Case]) -> list[_Twins]:
    groups: dict[Hashable, list[Case]] = defaultdict(list)
    for case in cases:
        key = _identity(case)
        if key is not None:
            groups[key].append(case)
    pairs = ((group[0], other) for group in groups.values() for other in group[1:])
    return [twins for one, other in pairs if (twins := _compared(one, other)) is not None]


def _identity(case: Case) -> Hashable:
    """Recipe and replicate of a run of étude's; of another tool's log all of its parameters, if one is a seed."""
    run = case.run
    if run.recipe is not None:
        return run.recipe.checksum, run.replicate
    facts = {name: value for name, value in run.provenance.items() if not _is_of_machine(name)}
    seeded = any(name.rpartition("/")[2].lower() in SEEDS for name in facts)
    return tuple(sorted((name, str(value)) for name, value in facts.items())) if seeded else None


def _is_of_machine(name: str) -> bool:
    return any(word in name.lower() for word in (*MACHINE, "time", "date", "seconds", "dir", "path", "format", "user"))


def _compared(one: Case, other: Case) -> _Twins | None:
    """None where the two share no judged step, or are one and the same file read twice."""
    mine, theirs = (case.validation or case.train for case in (one, other))
    if mine is None or theirs is None or (one.run.files and one.run.files == other.run.files):
        return None
    steps, i, j = np.intersect1d(mine.steps, theirs.steps, return_indices=True)
    if not steps.size:
        return None
    values = mine.values[i], theirs.values[j]
    apart = np.abs(values[0] - values[1])
    parted = np.flatnonzero(~(apart <= ROUNDING * np.maximum(np.abs(values[0]), np.abs(values[1]))))
    last = float(apart[-1]) if np.isfinite(apart[-1]) else float("inf")
    return _Twins(one, other, mine, int(steps[parted[0]]) if parted.size else None, last)


def _spread(arms: Sequence[Arm]) -> float | None:
    """Standard deviation of the last judged value over replicates, pooled over arms; None where none has two."""
    squares, degrees = 0.0, 0
    for arm in arms:
        lasts = {
            _identity(case): float(curve.values[-1]) for case in arm.cases if (curve := case.validation or case.train)
        }
        values = np.array([value for value in lasts.values() if np.isfinite(value)])
        if values.size > 1:
            squares, degrees = squares + float(((values - values.mean()) ** 2).sum()), degrees + values.size - 1
    return float(np.sqrt(squares / degrees)) if degrees else None


def _finding(parted: Sequence[_Twins], n: int, spread: float | None) -> Finding:
    worst = max(parted, key=lambda pair: pair.apart)
    first = min(pair.parts_at for pair in parted if pair.parts_at is not None)
    typical = float(np.sqrt(np.mean([pair.apart**2 for pair in parted]) / 2))
    share = None if not spread else typical / spread
    beside = "" if share is None else f", {percent(share)} of the spread over seeds"
    unit = worst.one.unit
    return Finding(
        SYMPTOM,
        f"{len(parted)} of {n} pairs of runs with one recipe and one seed part, the first at "
        f"{when(worst.one, first)}; at the end they differ by up to {amount(worst.apart, unit)}{beside}"
        f"{_what_differs(worst)}. The seed does not make a run repeatable elsewhere, and such pairs are no independent "
        "replicates.",
        "warning" if share is not None and share > LARGE else "note",
        0.95,
        (
            Measured("standard deviation between machines, at the end", typical, unit),
            *(() if share is None else (Measured("that, as a share of the spread over seeds", share),)),
            Measured("first step at which a pair differs", first, "steps"),
        ),
        (Place(worst.curve.name, first, int(worst.curve.steps[-1])),),
        (
            Cause(
                "sums of floats in another order, which training magnifies: nothing is wrong",
                "the distance of the two curves grows from a rounding error on, step by step",
            ),
            Cause("another version, or data that differ", "the recorded versions and the checksum of the data"),
        ),
        ("report the distribution over seeds, not one run", "compare arms on one machine, paired by replicate"),
    )


def _what_differs(pair: _Twins) -> str:
    facts = pair.one.run.provenance, pair.other.run.provenance
    told = [
        f"{name} {facts[0][name]} against {facts[1][name]}"
        for name in facts[0]
        if _is_of_machine(name) and name in facts[1] and facts[0][name] != facts[1][name] and "seconds" not in name
    ]
    return f" ({', '.join(told[:3])})" if told else ""


CHECK = StudyCheck(SYMPTOM, look)
ARM_CHECK = ArmCheck(SYMPTOM, look_within)
