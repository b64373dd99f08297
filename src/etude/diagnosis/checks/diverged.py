"""The loss left all bounds: it is no longer a number, or far worse than knowing nothing."""

from typing import Final

import numpy as np

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.saying import figure, named, when
from etude.diagnosis.suspicion import Advice, suspected, suspicion_of
from etude.values.curve import Curve
from etude.values.finding import Cause, Measured, Place

SYMPTOM: Final = "diverged"
ADVICE = Advice(
    SYMPTOM,
    "error",
    (
        Cause("a learning rate too high", "a tenth of the rate stays finite"),
        Cause("a logarithm of 0 or an overflow", "the loss computed from logits stays finite at the same rate"),
        Cause("one bad batch, or values that are not finite in the data", "it happens at the same batch at any rate"),
    ),
    ("learning rate divided by 10", "clip the gradient norm", "a loss that takes logits", "a short warm-up"),
)


def look(case: Case) -> Seen:
    """The first value that is not finite, or how far the end is above the begin."""
    for curve in (case.train, case.validation):
        if curve is not None and not np.isfinite(curve.values).all():
            return _broken(case, curve)
    evidence = suspicion_of(case).evidence
    judged, course = (case.train, evidence.train) if evidence.train else (case.validation, evidence.validation)
    if judged is None or course is None:
        return suspected(case, ADVICE, "", measured=(), where=())
    end = float(course.smooth[-1])
    return suspected(
        case,
        ADVICE,
        f"{named(case, judged)} ended at {figure(end)} times what it began with.",
        measured=(Measured("end as a multiple of the begin", end),),
        where=(Place(judged.name, int(course.steps[int(course.smooth.argmin())]), int(course.steps[-1])),),
    )


def _broken(case: Case, curve: Curve) -> Seen:
    first = int(np.flatnonzero(~np.isfinite(curve.values))[0])
    step, value = int(curve.steps[first]), float(curve.values[first])
    return suspected(
        case,
        ADVICE,
        f"{named(case, curve)} is {'NaN' if np.isnan(value) else 'infinite'} from {when(case, step)} on.",
        measured=(Measured("finite values before that", float(first), "values"),),
        where=(Place(curve.name, step, int(curve.steps[-1])),),
    )


CHECK = RunCheck(SYMPTOM, look)
