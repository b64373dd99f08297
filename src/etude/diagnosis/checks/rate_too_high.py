"""Steps so large that training jumps about instead of settling, or settles where it should not."""

from typing import Final

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.saying import amount, percent
from etude.diagnosis.suspicion import Advice, suspected, suspicion_of
from etude.values.finding import Cause, Measured, Place

SYMPTOM: Final = "learning rate too high"
ADVICE = Advice(
    SYMPTOM,
    "warning",
    (
        Cause("steps longer than the curvature allows", "a third of the rate ends better and swings less"),
        Cause("batches so small that their noise moves the weights", "batches four times as large swing half as much"),
        Cause("no warm-up at a rate that is right later", "the same rate after a short warm-up ends better"),
    ),
    ("learning rate divided by 3", "learning rate divided by 10", "a decaying learning rate", "larger batches"),
)


def look(case: Case) -> Seen:
    """How much the training series swings, and how often it goes the wrong way."""
    evidence = suspicion_of(case).evidence
    judged, course = (case.train, evidence.train) if evidence.train else (case.validation, evidence.validation)
    if judged is None or course is None:
        return suspected(case, ADVICE, "", measured=(), where=())
    split = "train" if evidence.train else "validation"
    noise = 10.0 ** evidence.values[f"{split} noise"] * evidence.begin
    up = evidence.values[f"{split} up"]
    word = "score" if case.higher else "loss"
    return suspected(
        case,
        ADVICE,
        f"The {'training' if split == 'train' else 'validation'} {word} swings by {amount(noise, case.unit)} "
        f"(standard deviation) from one value to the next and gets worse in {percent(up)} of the steps shown.",
        measured=(
            Measured("standard deviation from one value to the next", noise, case.unit),
            Measured("share of changes for the worse", up),
        ),
        where=(Place(judged.name, int(course.steps[0]), int(course.steps[-1])),),
    )


CHECK = RunCheck(SYMPTOM, look)
