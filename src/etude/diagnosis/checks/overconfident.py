"""Probabilities become worse while the answers stay as right as they were."""

import math

import numpy as np

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import scores
from etude.diagnosis.saying import figure, percent, when
from etude.diagnosis.units import NATS, as_share, objective_unit
from etude.numerics.trends import NORMAL_975, granularity, roughness, running_median
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "overconfident"
LEAST_POINTS = 8
RISE = 0.1
"""Of the log loss above its minimum, as a share of that minimum."""

ABOVE_NOISE = 4.0
"""Standard deviations of the curve's noise that the rise must exceed: the minimum is a chosen point."""

MEDIAN_OF_3 = math.sqrt(0.44867)
"""Standard deviation of the median of three independent normal numbers, beside that of one (Godwin 1949)."""

POINTS = "percentage points"
SMALLEST_EFFECT = 0.01
"""Nats; less is nothing to act on, however sure."""


def look(case: Case) -> Seen:
    """A validation log loss that rises again while the accuracy does not fall."""
    loss = scores(case, "validation", "log_loss") or (case.validation if objective_unit(case.run) == NATS else None)
    accuracy = scores(case, "validation", "accuracy", "acc")
    if loss is None or accuracy is None or np.isfinite(loss.values).sum() < LEAST_POINTS:
        return NotRun(SYMPTOM, "it needs both log loss and accuracy on the validation part, at 8 points or more")
    if not np.isfinite(loss.values).all() or not np.isfinite(accuracy.values).all():
        return None
    smooth, noise = running_median(loss.values, 3), roughness(loss.values)
    best = int(smooth.argmin())
    least, last = float(smooth[best]), float(np.median(loss.values[-3:]))
    rise = last - least
    if least <= 0 or best >= loss.values.size - 3 or rise < max(RISE * least, SMALLEST_EFFECT, ABOVE_NOISE * noise):
        return None
    accuracy = as_share(accuracy)
    change, error = _change(accuracy, int(loss.steps[best]))
    if change + error < 0 or change < -0.01:
        return None
    return _finding(
        case, (loss, accuracy), (best, least, last), (NORMAL_975 * math.sqrt(2) * MEDIAN_OF_3 * noise, change, error)
    )


def _change(accuracy: Curve, step: int) -> tuple[float, float]:
    """How accuracy changed since a step, medians of 3 points each, and the half width of the change's 95 % interval.

    The interval takes both for independent, and so is too wide: they are measured on the same examples. Where neither
    standard errors nor the number of examples is known, it is that of the noise from one value to the next.
    """
    at = max(0, int(np.searchsorted(accuracy.steps, step, side="right")) - 1)
    then, now = (float(np.median(part)) for part in (accuracy.values[max(0, at - 1) : at + 2], accuracy.values[-3:]))
    errors = np.array([]) if accuracy.standard_errors is None else accuracy.standard_errors[[at, -1]]
    if not np.isnan(errors).all():
        each = float(np.nanmax(errors))
    else:
        n = granularity(accuracy.values)
        known = math.sqrt(now * (1 - now) / n) if n and 0 < now < 1 else 0.0
        each = known or MEDIAN_OF_3 * roughness(accuracy.values)
    return now - then, NORMAL_975 * math.sqrt(2) * each


def _finding(
    case: Case, curves: tuple[Curve, Curve], levels: tuple[int, float, float], changes: tuple[float, float, float]
) -> Finding:
    (loss, accuracy), (best, least, last), (half, change, error) = curves, levels, changes
    first, rise = int(loss.steps[best]), last - least
    low, high = _interval(100 * change, 100 * error)
    unsure = "" if low is None or high is None else f" (95 % interval {_signed(low)} to {_signed(high)})"
    return Finding(
        SYMPTOM,
        f"Since {when(case, first)} the validation log loss has risen by {percent(rise / least)}, from {figure(least)} "
        f"to {figure(last)} nats (−ln of the probability of the right class; medians of three values), while accuracy "
        f"changed by {_signed(100 * change)} {POINTS}{unsure}: no sign that fewer answers are right, but wrong "
        "ones are given with ever more confidence.",
        "warning",
        0.85 if rise > 0.25 * least else 0.65,
        (
            Measured("rise of the validation log loss above its minimum (medians of three values)", rise, "nats",
                     *_interval(rise, half)),
            Measured("change of accuracy since then", 100 * change, POINTS, low, high),
        ),
        (
            Place(loss.name, first, int(loss.steps[-1])),
            Place(accuracy.name, min(first, int(accuracy.steps[-1])), int(accuracy.steps[-1])),
        ),
        (
            Cause(
                "the log loss still falls on training examples that are right already, by larger weights",
                "a temperature, one number that all logits are divided by, fitted on the validation part: the rise "
                "vanishes, accuracy stays",
            ),
            Cause("labels that are wrong, and are learned by heart", "training accuracy against 1 − label noise"),
        ),
        ("stop at the best validation log loss", "divide the logits by a fitted temperature", "weight decay"),
        Prediction("stop at the best validation log loss", "validation log loss", "falls", 0.5 * rise, rise, "nats"),
    )  # fmt: skip


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{figure(value)}"


def _interval(mean: float, half: float) -> tuple[float | None, float | None]:
    return (mean - half, mean + half) if half else (None, None)


CHECK = RunCheck(SYMPTOM, look)
