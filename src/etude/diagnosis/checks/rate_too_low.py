"""Each step is so small that the same number of larger ones would get further."""

from typing import Final

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.saying import percent
from etude.diagnosis.suspicion import Advice, held_out, still_falling, suspected, suspicion_of
from etude.values.finding import Cause, Measured

SYMPTOM: Final = "learning rate too low"
ADVICE = Advice(
    SYMPTOM,
    "warning",
    (
        Cause("a learning rate far below what the loss allows", "three times the rate at the same steps ends better"),
        Cause("plain gradient descent on inputs of unequal scale", "Adam, or standardised inputs, at the same steps"),
        Cause("too few steps at a rate that is right", "more epochs end better, a larger rate does not"),
    ),
    ("learning rate times 3", "learning rate times 10", "Adam instead of plain gradient descent"),
)


STRAIGHT = 0.65
"""The share of the gain in the first half of the steps below which a descent is called straight."""


def look(case: Case) -> Seen:
    """A smooth and nearly straight descent that is far from its end."""
    course = held_out(suspicion_of(case).evidence)
    says, measured, where = still_falling(case)
    if course is not None:
        fall = float(course.smooth[0] - course.smooth.min())
        half = float(course.smooth[0] - course.at(0.5)) / fall if fall > 0 else 0.5
        straight = ": the descent is nearly straight" if half < STRAIGHT else ""
        says = f"{says} Half the steps brought {percent(half)} of all that was gained{straight}."
        measured = (*measured, Measured("share of the gain that the first half of the steps brought", half))
    return suspected(case, ADVICE, says, measured=measured, where=where)


CHECK = RunCheck(SYMPTOM, look)
