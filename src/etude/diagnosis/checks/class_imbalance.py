"""The network answers with the commonest class and no more."""

import math

import numpy as np

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import Score, limits_of, score_at, scores
from etude.diagnosis.saying import figure, percent
from etude.numerics.trends import NORMAL_975
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction
from etude.values.metric import Limit

SYMPTOM = "class imbalance"
MAJORITY = 0.6
"""Share of the commonest class from which answering with it alone looks like skill."""

NO_RECALL = 0.05


def look(case: Case) -> Seen:
    """Accuracy at the commonest class's share and log loss at the base rate's; or high accuracy without recall."""
    limits = limits_of(case)
    right, nats = (score_at(case, f"validation/{name}") for name in ("accuracy", "log_loss"))
    if "accuracy" in limits and right is not None and nats is not None:
        return _by_limits(right, nats, (limits["accuracy"], limits["log_loss"]))
    accuracy = scores(case, "validation", "accuracy", "acc")
    recall = scores(case, "validation", "recall", "sensitivity", "f 1", "f1")
    balanced = scores(case, "validation", "balanced accuracy", "balanced_accuracy")
    if accuracy is not None and (recall is not None or balanced is not None):
        return _by_recall(accuracy, recall, balanced)
    return NotRun(SYMPTOM, "it needs the classes' shares, or recall or balanced accuracy beside accuracy")


def _by_limits(right: Score, nats: Score, limits: tuple[Limit, Limit]) -> Seen:
    majority, entropy = limits[0].best_constant, limits[1].best_constant
    halves = [NORMAL_975 * (score.error or 0.0) for score in (right, nats)]
    at_majority = abs(right.value - majority) <= max(halves[0], 0.01)
    if majority < MAJORITY or not at_majority or nats.value < entropy - max(halves[1], 0.02 * entropy):
        return None
    return _finding(
        right.curve,
        f"The validation accuracy of {percent(right.value)} is the share of the commonest class ({percent(majority)}), "
        f"and the log loss of {figure(nats.value)} nats that of always stating the shares ({figure(entropy)}).",
        (
            Measured("accuracy", 100 * right.value, "%", *(100 * (right.value + k * halves[0]) for k in (-1, 1))),
            Measured("share of the commonest class", 100 * majority, "%"),
            Measured("log loss", nats.value, "nats", *nats.interval),
            Measured("log loss of stating the shares", entropy, "nats"),
        ),
        0.85,
    )


def _by_recall(accuracy: Curve, recall: Curve | None, balanced: Curve | None) -> Seen:
    right = _last(accuracy)
    low = [
        (name, _last(one))
        for name, one, bound in (("recall", recall, NO_RECALL), ("balanced accuracy", balanced, 0.52))
        if one is not None and 0 <= _last(one) <= bound
    ]
    if not MAJORITY <= right <= 1 or not low:
        return None
    name, value = low[0]
    return _finding(
        accuracy,
        f"The validation accuracy is {percent(right)}, but {name} is {percent(value)}: the rarer class is hardly ever "
        "named, and the accuracy is the share of the commoner one.",
        (Measured("accuracy", 100 * right, "%"), Measured(name, 100 * value, "%")),
        0.8,
    )


def _last(curve: Curve) -> float:
    last = curve.values[-3:]
    return float(np.median(last)) if last.size and np.isfinite(last).all() else math.nan


def _finding(accuracy: Curve, says: str, evidence: tuple[Measured, ...], probability: float) -> Finding:
    return Finding(
        SYMPTOM,
        says,
        "error",
        probability,
        evidence,
        (Place(accuracy.name, int(accuracy.steps[accuracy.steps.size // 2]), int(accuracy.steps[-1])),),
        (
            Cause("only the base rate has been learned so far", "three times as many steps, ten times the rate"),
            Cause("a loss that the common class dominates", "the same with classes weighted by 1 / share"),
            Cause("inputs that do not tell the classes apart", "the loss with shuffled inputs"),
        ),
        ("weight the classes by 1 / share", "set the last bias to the base rate", "judge by balanced accuracy"),
        Prediction("weight the classes by 1 / share", "balanced accuracy", "rises", 5.0, 40.0, "%"),
    )


CHECK = RunCheck(SYMPTOM, look)
