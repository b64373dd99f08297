"""The best of many was chosen, and part of its lead is luck that will not come again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etude.diagnosis.case import Arm
from etude.diagnosis.check import ArmCheck, Seen, StudyCheck
from etude.diagnosis.outcomes import (
    ADVICE,
    FEWEST,
    Floats,
    Judge,
    differences,
    finite_outcomes,
    judge_of,
    mean_of,
    outcomes,
)
from etude.diagnosis.saying import amount, figure, percent
from etude.values.finding import Cause, Finding, Measured, NotRun, Prediction

SYMPTOM = "lucky seed"
FEWEST_ARMS = 3
MUCH = 0.3
"""Share of the winner's lead over the average arm that is expected to be luck, from which it is worth a remark."""

FLATTERING = 5.0
"""How often the smallest effect of interest the best replicate is better than the mean, before it is worth a remark."""


@dataclass(frozen=True, slots=True, eq=False)
class _Race:
    """The arms' means, with what chance does to them.

    means:    badness of each arm, shape (n_arms,)
    error:    standard error of a mean, pooled over arms
    shrink:   the share of the arms' differences that is real, in [0, 1]
    winner, second: positions
    """

    means: Floats
    error: float
    shrink: float
    winner: int
    second: int


def look(arms: Sequence[Arm]) -> Seen:
    """Whether the winner is told from the runner-up, and how much of its lead is expected to be luck."""
    if len(arms) < FEWEST_ARMS:
        return NotRun(SYMPTOM, f"it needs {FEWEST_ARMS} arms or more, of which one was chosen")
    alone = sum(len(arm.cases) < 2 for arm in arms)
    if alone:
        return NotRun(
            SYMPTOM, f"{alone} arms have fewer than 2 replicates, so that luck cannot be told from skill; {ADVICE}"
        )
    judge = judge_of(arms)
    sides = [] if judge is None else [finite_outcomes(arm, judge) for arm in arms]
    if judge is None or min(side.size for side in sides) < 2:
        return NotRun(SYMPTOM, "it needs one held-out score that two runs or more of every arm have")
    race = _race(sides, judge)
    lead = differences(outcomes(arms[race.second], judge), outcomes(arms[race.winner], judge))
    if 1 - race.shrink < MUCH or _is_told_apart(lead, len(arms) - 1):
        return None
    return _finding(arms, judge, race, lead)


def look_within(arm: Arm) -> Seen:
    """How much the best replicate flatters its recipe."""
    judge = judge_of([arm])
    if judge is None or judge.smallest is None or len(arm.cases) < FEWEST:
        return NotRun(SYMPTOM, f"it needs {FEWEST} replicates or more with a held-out score in a known unit: {ADVICE}")
    values = finite_outcomes(arm, judge)
    if values.size < FEWEST:
        return None
    best = float(values.max() if judge.higher else values.min())
    flattery = abs(best - float(values.mean()))
    return _of_arm(arm, judge, values, best) if flattery > FLATTERING * judge.smallest else None


def _race(sides: Sequence[Floats], judge: Judge) -> _Race:
    """Empirical Bayes: the real variance between arms is what their means vary beyond their standard error.

    Source: Efron and Morris (1975), Journal of the American Statistical Association 70, 311–319.
    """
    means = np.array([(-1 if judge.higher else 1) * side.mean() for side in sides])
    squares = sum(float(((side - side.mean()) ** 2).sum()) for side in sides)
    degrees = sum(side.size - 1 for side in sides)
    error2 = squares / degrees / float(np.mean([side.size for side in sides]))
    between = float(((means - means.mean()) ** 2).sum())
    shrink = max(0.0, 1 - (means.size - 3) * error2 / between) if between > 0 and means.size > 3 else 1.0
    if means.size == FEWEST_ARMS and between > 0:
        shrink = max(0.0, 1 - error2 * (means.size - 1) / between)
    order = np.argsort(means)
    return _Race(means, math.sqrt(error2), shrink, int(order[0]), int(order[1]))


def _is_told_apart(lead: Floats, comparisons: int) -> bool:
    """Whether the winner beats the runner-up at 5 % shared over the arms it could have been."""
    if lead.size < 2:
        return False
    interval = mean_of("lead", lead, "", level=1 - 0.05 / comparisons)
    return interval.low is not None and interval.high is not None and not interval.low <= 0 <= interval.high


def _finding(arms: Sequence[Arm], judge: Judge, race: _Race, lead: Floats) -> Finding:
    gain = float(race.means.mean() - race.means[race.winner])
    luck = (1 - race.shrink) * gain
    reach = 1.96 * race.error * math.sqrt(race.shrink + 1)
    winner, second = arms[race.winner].name, arms[race.second].name
    return Finding(
        SYMPTOM,
        f"{winner} was the best of {len(arms)} arms, but it is not told from {second}, and about "
        f"{percent(min(1.0, luck / gain) if gain else 1.0)} of its lead of {amount(gain, judge.unit)} over the average "
        "arm is expected to be luck. Run again, it will do worse.",
        "warning",
        0.8,
        (
            Measured("expected loss of the winner on fresh seeds", luck, judge.unit, luck - reach, luck + reach),
            mean_of(f"{winner} against {second}, {judge.words}", lead, judge.unit),
            Measured("standard error of an arm's mean", race.error, judge.unit),
        ),
        causes=(
            Cause("the best of many is best partly because its noise was good", "the winner on fresh seeds"),
            Cause("it is better, by less than the noise", f"more replicates of {winner} and {second}, paired"),
        ),
        treatments=(f"run {winner} and {second} on fresh seeds, and quote those", "more replicates of every arm"),
        prediction=Prediction(
            f"run {winner} on fresh seeds",
            judge.words,
            "falls" if judge.higher else "rises",
            max(0.0, luck - reach),
            luck + reach,
            judge.unit,
        ),
    )


def _of_arm(arm: Arm, judge: Judge, values: Floats, best: float) -> Finding:
    flattery = abs(best - float(values.mean()))
    deviation = float(values.std(ddof=1))
    return Finding(
        SYMPTOM,
        f"The best of {values.size} replicates has a {judge.words} of {amount(best, judge.unit)}, their mean is "
        f"{figure(float(values.mean()))}: who quotes the best run flatters the recipe by {figure(flattery)}. About "
        f"19 in 20 further runs lie within {figure(2 * deviation)} of the mean.",
        "note",
        0.9,
        (
            mean_of(f"{judge.words}, mean over replicates", values, judge.unit),
            Measured("standard deviation over replicates", deviation, judge.unit),
            Measured("best replicate, better than the mean by", flattery, judge.unit),
        ),
        causes=(
            Cause(
                "data, split, initial weights and order differ between replicates",
                "which of them the spread comes from: vary one and hold the others",
            ),
        ),
        treatments=("quote the mean and its interval",),
        prediction=Prediction(
            "one more run",
            judge.words,
            "falls" if judge.higher else "rises",
            max(0.0, flattery - 2 * deviation),
            flattery + 2 * deviation,
            judge.unit,
        ),
    )


CHECK = StudyCheck(SYMPTOM, look)
ARM_CHECK = ArmCheck(SYMPTOM, look_within)
