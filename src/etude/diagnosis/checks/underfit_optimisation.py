"""The network could do better, and the way it is trained does not get it there."""

from typing import Final

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.suspicion import Advice, settled_high, suspected
from etude.values.finding import Cause

SYMPTOM: Final = "underfit (optimisation)"
ADVICE = Advice(
    SYMPTOM,
    "warning",
    (
        Cause("activations that pass on little gradient, such as a deep stack of sigmoids", "ReLU at the same steps"),
        Cause("an optimiser that does not suit the loss", "Adam at a usual rate and batches of some 32"),
        Cause("a start in a flat region", "another initialisation: runs of the same recipe end far apart"),
    ),
    ("Adam at a usual rate with ReLU", "batches of some 32", "standardised inputs, normalisation layers"),
)


def look(case: Case) -> Seen:
    """A training series that has settled high though neither its size nor its regularisation explains it."""
    says, measured, where = settled_high(case)
    return suspected(case, ADVICE, says, measured=measured, where=where)


CHECK = RunCheck(SYMPTOM, look)
