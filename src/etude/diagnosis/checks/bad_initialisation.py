"""Training starts from worse than knowing nothing, and first has to unlearn its initial answers."""

import math
from dataclasses import dataclass

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import classes_of
from etude.diagnosis.saying import axis, figure, percent
from etude.diagnosis.units import NATS, objective_unit
from etude.numerics.trends import NORMAL_975
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "bad initialisation"
ABOVE, FAR_ABOVE = 0.25, 1.0
"""Loss of classes at step 0 above that of knowing nothing, as a share of it. Usual initial weights give up to 0.1."""

ABOVE_OF_NUMBERS = 1.5
"""The same of numbers, where usual initial weights give up to 1: the answers' variance adds to the targets'."""


@dataclass(frozen=True, slots=True)
class _Start:
    """A loss before the first step, and that of a network that knows nothing.

    error: standard error of the loss over examples; None where it is unknown
    """

    curve: Curve
    loss: float
    ignorant: float
    what: str
    unit: str
    error: float | None
    above: float = ABOVE


def look(case: Case) -> Seen:
    """The loss before the first step against ln C, or against the variance of the targets."""
    start = _scored(case) or _logged(case)
    if start is None:
        need = "it needs the loss before the first step, and for classes how many there are"
        return NotRun(SYMPTOM, f"{need}; log the loss at step 0 and a parameter num_classes")
    excess = start.loss - start.ignorant
    sure = start.error is None or excess > NORMAL_975 * start.error
    if not math.isfinite(excess) or excess <= start.above * start.ignorant or not sure:
        return None
    return _finding(start, excess)


def _scored(case: Case) -> _Start | None:
    """Of a run made here: its training part was scored at step 0."""
    loss, r2, n = case.run.curves.get("train/log_loss"), case.run.curves.get("train/r2"), classes_of(case)
    if loss is not None and n and _begins(loss):
        error = None if loss.standard_errors is None else float(loss.standard_errors[0])
        return _Start(loss, float(loss.values[0]), math.log(n), f"ln {n}", "nats", error)
    if r2 is not None and _begins(r2):
        error = None if r2.standard_errors is None else float(r2.standard_errors[0])
        of = "variances of the target"
        return _Start(r2, 1 - float(r2.values[0]), 1.0, "answering with the mean", of, error, ABOVE_OF_NUMBERS)
    return None


def _logged(case: Case) -> _Start | None:
    """Of another tool's log: its first training loss, where that is one step's and in nats."""
    n = classes_of(case)
    if (
        case.train is None
        or n is None
        or objective_unit(case.run) != NATS
        or axis(case) != "step"
        or case.train.steps[0] > 1
    ):
        return None
    return _Start(case.train, float(case.train.values[0]), math.log(n), f"ln {n}", "nats", None)


def _begins(curve: Curve) -> bool:
    return bool(curve.steps.size) and int(curve.steps[0]) == 0


def _finding(start: _Start, excess: float) -> Finding:
    share, step = excess / start.ignorant, int(start.curve.steps[0])
    half = None if start.error is None else NORMAL_975 * start.error
    interval = (None, None) if half is None else (start.loss - half, start.loss + half)
    return Finding(
        SYMPTOM,
        f"Before learning anything the loss is {figure(start.loss)} {start.unit}, {percent(share)} above the "
        f"{figure(start.ignorant)} of a network that knows nothing ({start.what}): it starts by answering surely and "
        "wrongly, and the first steps only undo that.",
        "warning" if share > FAR_ABOVE else "note",
        0.85 if share > FAR_ABOVE else 0.65,
        (
            Measured("loss at the start", start.loss, start.unit, *interval),
            Measured(f"loss of knowing nothing ({start.what})", start.ignorant, start.unit),
        ),
        (Place(start.curve.name, step, step),),
        (
            Cause("a last layer whose weights are too large", "the same with its weights divided by 10"),
            Cause("inputs far from mean 0 and standard deviation 1", "mean and standard deviation of each input"),
            Cause("targets of another scale than the outputs", "mean and standard deviation of the targets"),
            Cause("a softmax or sigmoid before a loss that has its own", "whether outputs are all in [0, 1]"),
        ),
        ("set the last layer's weights to 0 and its bias to the logit of the base rate", "scale the inputs"),
        Prediction(
            "set the last layer's weights to 0 and its bias to the logit of the base rate",
            "loss at step 0",
            "falls",
            0.9 * excess,
            1.3 * excess,
            start.unit,
        ),
    )


CHECK = RunCheck(SYMPTOM, look)
