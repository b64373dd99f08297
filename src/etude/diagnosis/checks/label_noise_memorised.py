"""The network learns wrong labels by heart."""

import math

import numpy as np

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import examples, setting
from etude.diagnosis.saying import percent, when
from etude.numerics.trends import NORMAL_975
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "label noise memorised"
SOME = 0.15
"""Share of the wrong labels that is known by heart, from which it matters."""


def look(case: Case) -> Seen:
    """Training accuracy above what the right answers alone would give."""
    noise = setting(case, "data.flip")
    accuracy = case.run.curves.get("train/accuracy")
    if not noise or accuracy is None or not accuracy.values.size:
        return NotRun(SYMPTOM, "it needs to know how many labels are wrong, which a recipe says with flip")
    if not np.isfinite(accuracy.values).all():
        return None
    last = float(accuracy.values[-1])
    error = _error(accuracy, noise)
    share = (last - (1 - noise)) / noise
    if last - (1 - noise) < 2 * error or share < SOME:
        return None
    return _finding(case, accuracy, noise, (share, NORMAL_975 * error / noise))


def _error(accuracy: Curve, noise: float) -> float:
    """Standard deviation of the share of labels that happen to be flipped, among as many examples as were scored."""
    n = examples(accuracy)
    return 0.5 * noise if n is None else math.sqrt(noise * (1 - noise) / (n - 1))


def _finding(case: Case, accuracy: Curve, noise: float, known: tuple[float, float]) -> Finding:
    share, half = known
    crossed = int(accuracy.steps[int(np.argmax(accuracy.values > 1 - noise))])
    rise = _rise(case, crossed)
    return Finding(
        SYMPTOM,
        f"{percent(noise)} of the labels are wrong, and training accuracy is {percent(float(accuracy.values[-1]))}. "
        f"Some {percent(min(share, 1.0))} of the wrong labels are known by heart, beginning at {when(case, crossed)}.",
        "warning" if share > 0.4 else "note",
        0.85 if share > 0.4 else 0.6,
        (
            Measured("wrong labels known by heart", 100 * share, "%", 100 * (share - half), 100 * (share + half)),
            Measured("training accuracy", 100 * float(accuracy.values[-1]), "%"),
            Measured("wrong labels", 100 * noise, "%"),
        ),
        (Place(accuracy.name, crossed, int(accuracy.steps[-1])),),
        (
            Cause("more capacity and steps than the pattern needs", "the same with weight decay, or stopped earlier"),
            Cause("few examples, which are easy to tell apart", "the same with twice the rows"),
        ),
        ("stop at the best validation loss", "weight decay 0.001", "fewer units", "a loss that bears wrong labels"),
        None
        if rise is None
        else Prediction("stop at the best validation loss", "validation loss", "falls", 0.3 * rise, rise, case.unit),
    )


def _rise(case: Case, since: int) -> float | None:
    """How much worse the validation series became after its best; None where it did not."""
    held = case.validation
    if held is None or case.higher or not np.isfinite(held.values).all():
        return None
    rise = float(np.median(held.values[-3:]) - held.values.min())
    return rise if rise > 0 and held.steps[-1] > since else None


CHECK = RunCheck(SYMPTOM, look)
