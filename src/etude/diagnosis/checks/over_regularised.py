"""Weight decay or dropout keeps the network from learning what it could."""

from typing import Final

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.evidence import recipe_evidence
from etude.diagnosis.suspicion import Advice, settled_high, suspected
from etude.values.finding import Cause, Measured

SYMPTOM: Final = "over-regularised"
ADVICE = Advice(
    SYMPTOM,
    "warning",
    (
        Cause("weight decay that outweighs the loss", "a tenth of it, or none, ends better on both parts"),
        Cause("dropout that silences too much", "none of it ends better on both parts"),
    ),
    ("no weight decay and no dropout", "a tenth of the weight decay", "dropout of 0.1"),
)


def look(case: Case) -> Seen:
    """Both series settled high, with a regulariser that may be why."""
    says, measured, where = settled_high(case)
    if case.recipe is not None:
        known = recipe_evidence(case)
        decay, dropout = 10.0 ** known["decay"], known["dropout"]
        measured = (*measured, Measured("weight decay", decay if decay > 1e-6 else 0.0), Measured("dropout", dropout))
    return suspected(case, ADVICE, says, measured=measured, where=where)


CHECK = RunCheck(SYMPTOM, look)
