"""The network is too small for what there is to learn: training has settled far from its floor."""

from typing import Final

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.suspicion import Advice, settled_high, suspected
from etude.values.finding import Cause

SYMPTOM: Final = "underfit (capacity)"
ADVICE = Advice(
    SYMPTOM,
    "warning",
    (
        Cause("too few units or layers", "a network four times as wide, trained equally long, ends better"),
        Cause("inputs that do not tell enough", "a wider network does not help either"),
    ),
    ("a network four times as wide", "another layer", "inputs that say more"),
)


def look(case: Case) -> Seen:
    """A level that both series share and no longer leave."""
    says, measured, where = settled_high(case)
    return suspected(case, ADVICE, says, measured=measured, where=where)


CHECK = RunCheck(SYMPTOM, look)
