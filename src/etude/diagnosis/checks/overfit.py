"""Training goes on to improve what the run knows by heart, and what is held out no longer gains or gets worse."""

from typing import Final

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.saying import amount, figure, when
from etude.diagnosis.suspicion import Advice, suspected, suspicion_of
from etude.values.finding import Cause, Measured, NotRun, Place

SYMPTOM: Final = "overfit"
ADVICE = Advice(
    SYMPTOM,
    "warning",
    (
        Cause("training went on after the held-out part stopped gaining", "the weights of the best epoch score better"),
        Cause(
            "a network that can learn the rows by heart", "weight decay, dropout or a narrower network scores better"
        ),
        Cause("too few examples", "twice the examples: the gap between training and validation halves, or nearly"),
    ),
    ("keep the weights of the best validation epoch (early stopping)", "weight decay", "dropout", "more data"),
)

WORTH = 0.02
"""A rise, as a share of where the run began, below which stopping early promises nothing and the bank is asked."""


def look(case: Case) -> Seen:
    """The rise of the held-out measure above its best, and how the gap has grown since."""
    if case.validation is None:
        return NotRun(SYMPTOM, "it needs a validation series: log the loss on data that is not trained on")
    evidence = suspicion_of(case).evidence
    held = evidence.validation
    if held is None:
        return suspected(case, ADVICE, "", measured=(), where=())
    best = int(held.steps[held.smooth.argmin()])
    rise, since, gap = (
        evidence.values.get(name, 0.0) * evidence.begin for name in ("validation rise", "gap since best", "gap")
    )
    word, worse = ("score", "below") if case.higher else ("loss", "above")
    return suspected(
        case,
        ADVICE,
        f"Smoothed, the validation {word} was best near {when(case, best)} and ended {amount(rise, case.unit)} {worse} "
        f"that, while its distance from the training {word} grew by {figure(since)} to {figure(gap)}.",
        measured=(
            Measured(f"validation {word} {worse} its best, smoothed", rise, case.unit),
            Measured("growth of the gap since then", since, case.unit),
            Measured("gap between validation and training at the end", gap, case.unit),
        ),
        where=(Place(case.validation.name, best, int(held.steps[-1])),),
        gain=rise if rise > WORTH * evidence.begin else None,
    )


CHECK = RunCheck(SYMPTOM, look)
