"""Gradients that become many times larger from one sample to the next, or on their way to the first layers."""

import math
from dataclasses import dataclass

import numpy as np

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import gradient_norm, layers
from etude.diagnosis.saying import figure, when
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "exploding gradients"
SPIKE = 100.0
"""A norm over the median of those just before it; the largest over the median of the whole run would take a norm that
falls a hundredfold, as it does where training goes well, for an explosion."""

BEFORE, LEAST_BEFORE = 10, 3
"""Samples before a norm that it is compared with; the first stands for those that would come before it."""


@dataclass(frozen=True, slots=True)
class _Spike:
    place: int
    size: float
    usual: float
    count: int


def look(case: Case) -> Seen:
    """Samples of the gradient norm that are not finite, or a hundred times what they were just before."""
    norm = gradient_norm(case)
    if norm is None or norm.values.size <= LEAST_BEFORE:
        need = f"it needs at least {LEAST_BEFORE + 1} samples of the gradient norm; record them with etude.watch"
        return NotRun(SYMPTOM, need)
    spike = _largest(norm)
    return None if spike is None else _finding(case, norm, spike)


def _largest(norm: Curve) -> _Spike | None:
    """The largest rise above what was usual just before, and how many there are; the first that is not finite."""
    there = np.flatnonzero(np.isfinite(norm.values))
    broken = np.flatnonzero(~np.isfinite(norm.values))
    if there.size <= LEAST_BEFORE:
        return _Spike(int(broken[0]), math.inf, math.nan, broken.size) if broken.size else None
    values = norm.values[there]
    longer = np.concatenate([np.full(BEFORE - 1, values[0]), values])
    usual = np.median(np.lib.stride_tricks.sliding_window_view(longer, BEFORE), axis=1)
    if broken.size:
        before = int(np.searchsorted(there, broken[0])) - 1
        return _Spike(int(broken[0]), math.inf, float(usual[max(before, 0)]), broken.size)
    now, then = values[LEAST_BEFORE:], usual[LEAST_BEFORE - 1 : -1]
    ratios = np.divide(now, then, out=np.zeros(now.size), where=then > 0)
    i = int(ratios.argmax())
    if ratios[i] <= SPIKE:
        return None
    return _Spike(int(there[i + LEAST_BEFORE]), float(ratios[i]), float(then[i]), int((ratios > SPIKE).sum()))


def _finding(case: Case, norm: Curve, spike: _Spike) -> Finding:
    step, value = int(norm.steps[spike.place]), float(norm.values[spike.place])
    size = f"{figure(value)}, {figure(spike.size)} times" if math.isfinite(value) else "not finite, after"
    growth = [
        float(curve.values[-1] / curve.values[0])
        for curve in layers(case, "weight_norm").values()
        if 0 < curve.values[0] < math.inf and np.isfinite(curve.values[-1])
    ]
    weights = (Measured("largest growth of a layer's weights", max(growth)),) if growth else ()
    return Finding(
        SYMPTOM,
        f"At {when(case, step)} the gradient's norm is {size} what it was just before ({figure(spike.usual)}); "
        f"this happens at {spike.count} of {norm.values.size} samples.",
        "error" if not math.isfinite(value) else "warning",
        0.9 if not math.isfinite(value) or spike.count > 2 else 0.75,
        (
            Measured("gradient norm over the median of those just before", min(spike.size, 1e12)),
            Measured("samples with such a jump", float(spike.count)),
            *weights,
        ),
        (Place(norm.name, step, step),),
        (
            Cause("a learning rate that threw the weights far out", "a third of the rate: no such jump"),
            Cause("a few examples with extreme inputs or targets", "the loss of each example at that step"),
            Cause("recurrence over many positions, or many layers without a norm", "the norm by layer at that step"),
        ),
        ("clip the gradient at the 90th percentile of its norm", "divide the learning rate by 3", "warm-up"),
        Prediction(
            "clip the gradient at the 90th percentile of its norm",
            "largest jump of the gradient norm",
            "falls",
            0.5 * min(spike.size, 1e6),
            min(spike.size, 1e6),
        ),
    )


CHECK = RunCheck(SYMPTOM, look)
