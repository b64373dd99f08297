"""The loss goes up and down in turns instead of falling."""

import math

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case, badness
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import finite, smoothed
from etude.diagnosis.saying import axis, figure, percent, when
from etude.numerics.trends import Rhythm, difference_autocorrelation, median, rhythm, roughness, running_median
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "oscillation"
LEAST_POINTS = 16
BEYOND_NOISE = 2.5
"""Standard errors below −0.5 from which the up and down of changes is regular. Of n changes of independent noise the
lag-1 autocorrelation is −0.5 with a variance of 0.5/n (Bartlett 1946, of a moving average with ρ = −0.5)."""

ZIGZAG = -0.93
"""What counts as regular however few points there are."""

SWING = 0.1
"""Standard deviation of the swings as a share of the fall so far from which it matters; a fifth of it where they are
regular. Healthy runs of étude's tasks with batches of 32 have 0.01 to 0.06."""

LEAST_FALL = 0.05
"""Of the level, that swings are measured by where next to nothing was learned."""

TURNS = "likeness of each change to the one before (lag-1 autocorrelation: noise has −0.5, a zigzag −1)"
RHYTHM_P = 1e-4
"""A repetition that noise would show in one run of ten thousand."""


def look(case: Case) -> Seen:
    """Regular swings, or irregular ones that are large beside what was learned, in the second half of training."""
    if case.train is None or finite(case.train)[1].size < LEAST_POINTS:
        return NotRun(SYMPTOM, f"it needs a training series of at least {LEAST_POINTS} points")
    if smoothed(case):
        return NotRun(
            SYMPTOM, f"{case.run.provenance['train is']} is smoothed, as its name says: it needs the raw series"
        )
    values = badness(case, case.train)
    if not np.isfinite(values).all():
        return None
    half = values[values.size // 2 :]
    level, rest = median(half), _about_its_course(half)
    fall = max(float(values[:3].max()) - level, LEAST_FALL * abs(level))
    again, turns = rhythm(rest), difference_autocorrelation(half)
    regular = turns < max(ZIGZAG, -0.5 - BEYOND_NOISE * math.sqrt(0.5 / half.size)) or (
        again.p < RHYTHM_P and 3 <= again.period <= half.size / 4
    )
    noise = float(rest.std(ddof=1)) if regular else roughness(half)
    swing = noise / fall if fall > 0 else 0.0
    if swing < (SWING / 5 if regular else SWING):
        return None
    return _finding(case, case.train, (noise, swing, turns), again if regular else None)


def _about_its_course(half: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of the values without their course, a median over a quarter of them, shape (n,).

    It is taken of means with the weights 1/4, 1/2, 1/4, in which ups and downs in turns cancel: the median of an odd
    number of these would be an up or a down itself.
    """
    longer = np.concatenate([half[1:2], half, half[-2:-1]])
    means = (longer[:-2] + 2 * longer[1:-1] + longer[2:]) / 4
    return half - running_median(means, max(5, half.size // 4) | 1)


def _finding(case: Case, train: Curve, measured: tuple[float, float, float], again: Rhythm | None) -> Finding:
    noise, swing, turns = measured
    first, last = int(train.steps[train.steps.size // 2]), int(train.steps[-1])
    period = again.period if again is not None and again.p < RHYTHM_P else None
    every = "" if period is None else f", about every {figure(period)} values"
    beside = f"{percent(swing)} of what was learned" if swing < 10 else "many times what was learned"
    return Finding(
        SYMPTOM,
        f"From {when(case, first)} on the training {'score' if case.higher else 'loss'} swings "
        f"{'regularly' if again else 'irregularly'}{every} by {figure(noise)} (standard deviation), {beside}.",
        "warning" if swing >= SWING else "note",
        0.9 if again and swing >= SWING else 0.8 if swing >= 3 * SWING else 0.65,
        (
            Measured("standard deviation of the swings", noise, train.unit),
            Measured("the same as a share of the fall so far", swing),
            Measured(TURNS, turns),
            *(() if period is None else (Measured("period", period, "values"),)),
        ),
        (Place(train.name, first, last),),
        _causes(regular=again is not None),
        ("divide the learning rate by 3", "let the learning rate decay", "larger batches"),
        Prediction(
            "divide the learning rate by 3",
            f"standard deviation of the training loss from one {axis(case)} to the next",
            "falls",
            0.3 * noise,
            0.9 * noise,
            train.unit,
        ),
    )


def _causes(*, regular: bool) -> tuple[Cause, ...]:
    rate = Cause(
        "a learning rate above 2 divided by the curvature: each step overshoots the valley's floor",
        "a third of the rate: the swings nearly vanish, and the loss ends lower",
    )
    momentum = Cause("momentum that carries past the minimum", "momentum 0 with the same rate")
    batches = Cause(
        "batches so small that each asks for something else",
        "batches four times as large at the same rate: the swings halve, as noise does",
    )
    return (rate, momentum, batches) if regular else (batches, rate)


CHECK = RunCheck(SYMPTOM, look)
