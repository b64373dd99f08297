"""The run was stopped while it was still getting better."""

from typing import Final

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.suspicion import Advice, still_falling, suspected
from etude.values.finding import Cause

SYMPTOM: Final = "not converged"
ADVICE = Advice(
    SYMPTOM,
    "warning",
    (
        Cause("too few steps", "three times the epochs: the held-out measure goes on improving"),
        Cause("a schedule that lowers the learning rate too early", "the same steps at a constant rate end better"),
    ),
    ("train three times as long", "let the learning rate decay later"),
)


def look(case: Case) -> Seen:
    """What the last half of the curve promises of three times the steps."""
    says, measured, where = still_falling(case)
    gain = measured[1].value if measured else None
    return suspected(case, ADVICE, says, measured=measured, where=where, gain=gain)


CHECK = RunCheck(SYMPTOM, look)
