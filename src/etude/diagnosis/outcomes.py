"""What each replicate of an arm scored, which replicates are pairs, and means over them with their intervals."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Arm
from etude.diagnosis.units import UNKNOWN, comparable
from etude.values.curve import Curve
from etude.values.finding import Measured
from etude.values.metric import METRICS, Split
from etude.values.run import Run

Floats = NDArray[np.float64]

FEWEST = 5
"""Replicates below which nothing is concluded about an arm (design.md, comparison)."""

ADVICE = "`etude run … --replicates 10`; of other tools' logs say which are replicates with --replicates"

HELD_OUT: tuple[Split, ...] = ("test", "validation")

SMALLEST: Mapping[str, float] = MappingProxyType(
    {metric.unit: metric.smallest_effect for metric in METRICS.values() if metric.smallest_effect is not None}
)
"""The smallest difference worth acting on, by unit."""

SEEDS = frozenset({"seed", "random_seed", "random_state"})


@dataclass(frozen=True, slots=True)
class Judge:
    """The number by which arms are held against each other.

    curve:    its name in every run
    words:    as a person reads it
    higher:   whether more is better
    smallest: the smallest difference worth acting on; None where none is agreed on
    """

    curve: str
    words: str
    unit: str
    higher: bool
    smallest: float | None


def replicated(arms: Sequence[Arm]) -> list[Arm]:
    """The arms with so many replicates that something can be concluded."""
    return [arm for arm in arms if len(arm.cases) >= FEWEST]


def judge_of(arms: Sequence[Arm]) -> Judge | None:
    """The first score that every run has on held-out data, else what is judged if that is in one unit, else None."""
    cases = [case for arm in arms for case in arm.cases]
    for split in HELD_OUT:
        for metric in METRICS.values():
            if all(f"{split}/{metric.name}" in case.run.curves for case in cases):
                words, higher = f"{metric.label} ({split})", not metric.lower_is_better
                return Judge(f"{split}/{metric.name}", words, metric.unit, higher, metric.smallest_effect)
    higher = cases[0].higher
    if any(case.validation is None or case.higher != higher for case in cases):
        return None
    rankings = comparable(case.run for case in cases)
    if len(rankings) > 1:
        return None
    unit = rankings[0].unit.name.removeprefix(UNKNOWN)
    word = "score" if higher else "objective"
    return Judge(f"validation/{word}", f"validation {'score' if higher else 'loss'}", unit, higher, SMALLEST.get(unit))


def on_training(judge: Judge, arms: Sequence[Arm]) -> Judge | None:
    """The same number on what was learned from; None where some run lacks it."""
    split, _, metric = judge.curve.partition("/")
    own = replace(judge, curve=f"train/{metric}", words=judge.words.replace(split, "training"))
    return own if all(own.curve in case.run.curves for arm in arms for case in arm.cases) else None


def outcomes(arm: Arm, judge: Judge) -> Mapping[Hashable, float]:
    """The number of each replicate, by what pairs it with one of another arm; NaN where it diverged."""
    return dict(zip(pair_keys(arm), (outcome(case.run, judge) for case in arm.cases), strict=True))


def outcome(run: Run, judge: Judge) -> float:
    """The number of one run: that of the weights that were kept."""
    curve = run.curves[judge.curve]
    if run.ended == "diverged" or not curve.steps.size:
        return math.nan
    return curve.at(max(run.kept_step, int(curve.steps[0])))


def finite_outcomes(arm: Arm, judge: Judge) -> Floats:
    """The numbers of the replicates that have one, shape (n,)."""
    found = np.array(list(outcomes(arm, judge).values()), dtype=np.float64)
    return found[np.isfinite(found)]


def differences(control: Mapping[Hashable, float], treated: Mapping[Hashable, float]) -> Floats:
    """Treated minus control of the pairs in which both are finite, shape (n_pairs,).

    >>> differences({0: 1.0, 1: 2.0, 2: float("nan")}, {0: 1.5, 1: 1.0, 2: 3.0}).tolist()
    [0.5, -1.0]
    """
    found = np.array([treated[key] - control[key] for key in control if key in treated], dtype=np.float64)
    return found[np.isfinite(found)]


def pair_keys(arm: Arm) -> list[Hashable]:
    """What pairs a replicate with that of another arm: its number or its seed, else its place among the replicates."""
    known = [_chance(case.run) for case in arm.cases]
    told = all(key is not None for key in known) and len(set(known)) == len(known)
    return known if told else list(range(len(known)))


def mean_of(name: str, values: Floats, unit: str, *, level: float = 0.95) -> Measured:
    """A mean over replicates with Student's t interval; without one below two values, or where all are alike."""
    if values.size < 2:
        return Measured(name, float(values.mean()) if values.size else math.nan, unit)
    from etude.numerics.intervals import student_interval  # here, because it takes a while to load

    interval = student_interval(values, level=level)
    bounds = (interval.low, interval.high) if math.isfinite(interval.low) else (None, None)
    return Measured(name, interval.mean, unit, *bounds)


def share_of(name: str, count: int, n: int) -> Measured:
    """A share in per cent with its Wilson interval at 95 %.

    Source: Wilson (1927), Journal of the American Statistical Association 22, 209–212.

    >>> found = share_of("runs that agree", 8, 10)
    >>> round(found.low, 1), round(found.high, 1)
    (49.0, 94.3)
    """
    z2, p = 1.959964**2, count / n
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    reach = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return Measured(name, 100 * p, "%", 100 * max(0.0, centre - reach), 100 * min(1.0, centre + reach))


def tables(arm: Arm, curve: str) -> tuple[NDArray[np.int64], Floats] | None:
    """A curve of every replicate on the steps that all have: steps, shape (n,), and values, shape (replicates, n)."""
    curves: list[Curve] = [case.run.curves[curve] for case in arm.cases if curve in case.run.curves]
    if len(curves) < len(arm.cases):
        return None
    steps = curves[0].steps
    for one in curves[1:]:
        steps = np.intersect1d(steps, one.steps)
    if not steps.size:
        return None
    return steps, np.array([one.values[np.searchsorted(one.steps, steps)] for one in curves])


def _chance(run: Run) -> Hashable:
    if run.replicate is not None:
        return run.replicate
    named = (value for name, value in run.provenance.items() if name.rpartition("/")[2].lower() in SEEDS)
    return next(named, None)
