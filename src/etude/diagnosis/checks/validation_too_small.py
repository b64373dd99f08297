"""A validation part so small that its score cannot show differences that matter."""

import math
from dataclasses import dataclass

import numpy as np

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import examples, finite, score_at, scores
from etude.diagnosis.saying import figure, percent
from etude.numerics.trends import NORMAL_975, granularity
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction
from etude.values.metric import METRICS

SYMPTOM = "validation too small"
RELATIVE = 0.1
"""Smallest effect of interest where a metric has none of its own, as a share of its value."""

MOST_TIMES = 1e5
"""Half width of the interval over the smallest effect; beyond, it does not matter how much."""

FEWEST = 3
"""Validation examples; fewer come of shares such as 0, 1/2 and 1, which tell nothing."""


@dataclass(frozen=True, slots=True)
class _Precision:
    curve: Curve
    value: float
    error: float
    examples: int | None
    smallest: float


def look(case: Case) -> Seen:
    """The standard error of the validation score against the smallest effect of interest."""
    known = _scored(case) or _counted(case)
    if known is None:
        need = "it needs standard errors of the validation score, or an accuracy from which its size can be told"
        return NotRun(SYMPTOM, need)
    return _finding(known) if known.error > known.smallest > 0 else None


def _scored(case: Case) -> _Precision | None:
    for name in ("log_loss", "squared_error"):
        score = score_at(case, f"validation/{name}")
        if score is not None and score.error is not None:
            smallest = METRICS[name].smallest_effect or RELATIVE * abs(score.value)
            counted = examples(case.run.curves.get("validation/accuracy"))
            return _Precision(score.curve, score.value, score.error, counted, smallest)
    return None


def _counted(case: Case) -> _Precision | None:
    """Of another tool's log: accuracies are multiples of 1/n."""
    curve = scores(case, "validation", "accuracy", "acc")
    _, values = (None, np.empty(0)) if curve is None else finite(curve)
    if curve is None or not values.size or not 0 <= values.min() <= values.max() <= 1:
        return None
    n, value = granularity(values), float(values[-1])
    if n is None or n < FEWEST:
        return None
    smallest = METRICS["accuracy"].smallest_effect or RELATIVE
    return _Precision(curve, value, math.sqrt(max(value * (1 - value), 1 / n) / n), n, smallest)


def _finding(known: _Precision) -> Finding:
    name = known.curve.name.rpartition("/")[2]
    metric = METRICS[name].label if name in METRICS else METRICS["accuracy"].label
    half, ratio = NORMAL_975 * known.error, min(NORMAL_975 * known.error / known.smallest, MOST_TIMES) ** 2
    needed = None if known.examples is None else math.ceil(known.examples * ratio)
    size = "" if known.examples is None else f" of {known.examples:,} examples"
    more = f"{needed:,} examples" if needed else f"{figure(ratio)} times as many examples"
    unit = known.curve.unit
    return Finding(
        SYMPTOM,
        f"The validation part{size} gives the {metric} with a standard error of {figure(known.error)}, more than the "
        f"smallest difference worth acting on ({figure(known.smallest)}). For a 95 % interval as narrow as that it "
        f"would take {more}. Differences between runs on the same examples are known better than each score.",
        "note",
        0.9,
        (
            Measured(metric, known.value, unit, known.value - half, known.value + half),
            Measured("its standard error", known.error, unit),
            Measured(f"{'validation' if needed else 'times as many'} examples needed, as a power of ten",
                     math.log10(needed or ratio)),
        ),
        (Place(known.curve.name, int(known.curve.steps[0]), int(known.curve.steps[-1])),),
        (Cause("few validation examples", f"{percent(0.5)} more of them: the standard error falls by a fifth"),),
        ("a larger validation part", "k-fold or repeated splits", "compare runs example by example"),
        Prediction("four times as many validation examples", f"standard error of the {metric}", "falls",
                   0.4 * known.error, 0.6 * known.error, unit),
    )  # fmt: skip


CHECK = RunCheck(SYMPTOM, look)
