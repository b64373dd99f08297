"""A score that nothing could reach: better than the best predictor, or below what the loss can be at all."""

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import Score, limits_of, score_at
from etude.diagnosis.saying import amount, figure
from etude.numerics.trends import NORMAL_975
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place
from etude.values.metric import METRICS

SYMPTOM = "better than possible"
BEYOND = 4.0
"""Standard errors beyond the limit: up to six scores are looked at, on parts of some hundred examples whose tails are
heavier than normal."""

NEVER_NEGATIVE = re.compile(
    r"bce|cross.?entropy|xent|log.?loss|mse|mae|rmse|squared|absolute|brier|huber", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Excess:
    score: Score
    limit: float
    z: float


def look(case: Case) -> Seen:
    """Held-out scores at the kept step against the Bayes limit; of a log, a loss below 0."""
    negative = _negative(case)
    if negative is not None:
        return negative
    limits = {name: limit for name, limit in limits_of(case).items() if limit.bayes is not None}
    if not limits:
        return NotRun(SYMPTOM, "it needs the best possible score, which is known of étude's synthetic tasks only")
    beyond = [
        found
        for name, limit in limits.items()
        for split in ("validation", "test")
        if limit.bayes is not None and (found := _excess(case, f"{split}/{name}", limit.bayes)) and found.z > BEYOND
    ]
    return _impossible(max(beyond, key=lambda one: one.z)) if beyond else None


def _excess(case: Case, name: str, limit: float) -> _Excess | None:
    score = score_at(case, name)
    if score is None or not score.error or case.run.ended == "diverged":
        return None
    lower = METRICS[name.partition("/")[2]].lower_is_better
    better = limit - score.value if lower else score.value - limit
    return _Excess(score, limit, better / score.error)


def _impossible(one: _Excess) -> Finding:
    curve, value, (low, high) = one.score.curve, one.score.value, one.score.interval
    return Finding(
        SYMPTOM,
        f"{curve.name} is {amount(value, curve.unit)} ± {figure(NORMAL_975 * (one.score.error or 0))}, and "
        f"the best predictor there can be has {figure(one.limit)}: {figure(one.z)} standard errors beyond what is "
        "possible. This is no skill but a leak or a slip in the measurement.",
        "error",
        0.95,
        (
            Measured(curve.name, value, curve.unit, low, high),
            Measured("the best that is possible", one.limit, curve.unit),
        ),
        (Place(curve.name, one.score.step, one.score.step),),
        (
            Cause("held-out examples that are also in the training part", "equal rows in both parts"),
            Cause("the target, or something made from it, among the inputs", "the score of each input alone"),
            Cause("another unit: a sum for a mean, a penalty left out", "the score of a predictor that is known"),
        ),
        ("split before anything is copied or scaled", "take out inputs that are known only after the target"),
    )


def _negative(case: Case) -> Finding | None:
    """A loss below 0 whose name says that it cannot be."""
    for split, curve in (("validation", case.validation), ("train", case.train)):
        name = str(case.run.provenance.get(f"{split} is", ""))
        if curve is None or case.higher or not NEVER_NEGATIVE.search(name):
            continue
        below = np.flatnonzero(curve.values < 0)
        if below.size and math.isfinite(float(curve.values[below[0]])):
            return _below_zero(curve, name, below)
    return None


def _below_zero(curve: Curve, name: str, below: NDArray[np.int64]) -> Finding:
    first, least = int(curve.steps[below[0]]), float(np.nanmin(curve.values))
    return Finding(
        SYMPTOM,
        f"{name} goes down to {figure(least)}, and such a loss is never below 0.",
        "error",
        0.95,
        (Measured(f"least value of {name}", least, curve.unit),),
        (Place(curve.name, first, int(curve.steps[below[-1]])),),
        (
            Cause("targets outside of [0, 1], such as labels −1 and 1, or 0 to 255", "least and largest target"),
            Cause("probabilities where logits belong, or the other way round", "least and largest output"),
            Cause("a name that does not say what was logged", "the line that computes it"),
        ),
        ("bring the targets to what the loss takes",),
    )


CHECK = RunCheck(SYMPTOM, look)
