"""The loss stands still for a while, and only then falls."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case, badness
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import learning_rate
from etude.diagnosis.saying import axis, figure, percent, when
from etude.numerics.trends import roughness, running_median
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "plateau then drop"
LEAST_POINTS = 20
LEAST_SHARE = 0.1
"""Of the run that the flat part lasts: what is worth a remark."""

LEAST_DROP = 0.25
"""Of the whole fall, that must follow a flat part within as long."""

FLAT = 0.25
"""The fall in a flat part, at most this share of the fall in as long a time after it. A loss that falls by a constant
rate, or ever more slowly, has 1 or more."""

ABOVE_NOISE = 6.0
"""Standard deviations of the noise that the drop must exceed."""


@dataclass(frozen=True, slots=True)
class _Flat:
    start: int
    end: int
    before: float
    after: float


def look(case: Case) -> Seen:
    """A flat stretch of the training series with a steeper fall after it."""
    if case.train is None or np.isfinite(case.train.values).sum() < LEAST_POINTS:
        return NotRun(SYMPTOM, f"it needs a training series of at least {LEAST_POINTS} points")
    values = badness(case, case.train)
    if not np.isfinite(values).all():
        return None
    flat = _flattest(values)
    if flat is None or values[0] <= values.min() or _rate_fell(case, case.train, flat):
        return None
    return _finding(case, case.train, flat, float(values[0] - values.min()))


def _flattest(values: NDArray[np.float64]) -> _Flat | None:
    """The longest flat stretch with a drop after it, over stretches of many lengths."""
    noise, fall = roughness(values), float(values[0] - values.min())
    ends = running_median(values, 3)
    for width in dict.fromkeys(int(values.size * share) for share in (0.4, 0.3, 0.2, 0.14, LEAST_SHARE)):
        if width < 4:
            return None
        before, after = ends[: -2 * width] - ends[width:-width], ends[width:-width] - ends[2 * width :]
        drops = (after > ABOVE_NOISE * noise) & (after > LEAST_DROP * fall) & (np.abs(before) <= FLAT * after)
        if drops.any():
            i = int(np.flatnonzero(drops)[after[drops].argmax()])
            return _Flat(i, i + width, float(before[i]), float(after[i]))
    return None


def _rate_fell(case: Case, train: Curve, flat: _Flat) -> bool:
    """Whether the learning rate was lowered about where the drop began, which makes a loss fall at once."""
    rate = learning_rate(case)
    if rate is None or rate.steps[0] > train.steps[flat.start]:
        return False
    last = int(train.steps[min(2 * flat.end - flat.start, train.steps.size - 1)])
    return rate.at(last) < 0.7 * rate.at(int(train.steps[flat.start]))


def _finding(case: Case, train: Curve, flat: _Flat, fall: float) -> Finding:
    first, last = int(train.steps[flat.start]), int(train.steps[flat.end])
    share = (flat.end - flat.start) / (train.steps.size - 1)
    at_start = flat.start <= 0.05 * train.steps.size
    return Finding(
        SYMPTOM,
        f"The training {_word(case)} hardly moves from {when(case, first)} to {when(case, last)} "
        f"({percent(share)} of the run: {figure(flat.before)}) and then falls by {figure(flat.after)} in as long.",
        "note",
        0.7 if at_start else 0.55,
        (
            Measured("length of the flat part", float(last - first), f"{axis(case)}s"),
            Measured("fall within it", flat.before, train.unit),
            Measured("fall in as long a time after it", flat.after, train.unit),
            Measured("that fall's share of the whole", flat.after / fall),
        ),
        (Place(train.name, first, last),),
        _causes(at_start),
        ("set the last layer's bias to the base rate, or to the mean of the targets", "other initial weights"),
        Prediction(
            "set the last layer's bias and scale so that training starts at the level of the flat part",
            f"length of the flat part in {axis(case)}s",
            "falls",
            0.3 * (last - first),
            float(last - first),
            f"{axis(case)}s",
        ),
    )


def _causes(at_start: bool) -> tuple[Cause, ...]:  # noqa: FBT001 - a place, not a mode
    saddle = Cause(
        "a saddle: units that still do the same thing must first grow apart",
        "other initial weights; the flat part then has another length in each replicate",
    )
    saturated = Cause(
        "saturated or dead units that must first come back",
        "the share of dead and saturated units in each layer, recorded with etude.watch",
    )
    bias = Cause(
        "the first steps only learn the base rate, because the last layer's bias starts elsewhere",
        "the loss at step 0 against that of the best constant",
    )
    return (saddle, bias, saturated) if at_start else (saddle, saturated)


def _word(case: Case) -> str:
    return "score (turned over)" if case.higher else "loss"


CHECK = RunCheck(SYMPTOM, look)
