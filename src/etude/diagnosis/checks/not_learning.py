"""The run never got better than saying the same for every input."""

from typing import Final

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import limits_of
from etude.diagnosis.saying import amount, named, percent
from etude.diagnosis.suspicion import Advice, suspected, suspicion_of
from etude.values.finding import Cause, Measured, Place

SYMPTOM: Final = "not learning"
ADVICE = Advice(
    SYMPTOM,
    "error",
    (
        Cause(
            "a learning rate so low that nothing moves, or so high that all units are dead", "ten times, and a tenth"
        ),
        Cause("inputs that never reach the loss: wrong wiring, wrong scale, dead units", "shuffled inputs do as well"),
        Cause("labels that have nothing to do with the inputs", "a few examples alone can be learned by heart"),
        Cause("a regulariser that outweighs the loss", "without it the loss falls"),
    ),
    ("learning rate times 10", "learning rate divided by 10", "check that inputs and labels belong together"),
)


def look(case: Case) -> Seen:
    """How far the training series fell in all, beside what a constant scores where that is known."""
    evidence = suspicion_of(case).evidence
    judged, course = (case.train, evidence.train) if evidence.train else (case.validation, evidence.validation)
    if judged is None or course is None:
        return suspected(case, ADVICE, "", measured=(), where=())
    fall = float(course.smooth[0] - course.smooth.min())
    limit = limits_of(case).get({"nats": "log_loss"}.get(case.unit, ""))
    constant = () if limit is None else (Measured("what the best constant scores", limit.best_constant, case.unit),)
    beside = "" if limit is None else f" The best constant answer scores {amount(limit.best_constant, case.unit)}."
    return suspected(
        case,
        ADVICE,
        f"From begin to end {named(case, judged)} improved by {amount(fall * evidence.begin, case.unit)}, "
        f"{percent(fall)} of where it began.{beside}",
        measured=(Measured("improvement in all", fall * evidence.begin, case.unit), *constant),
        where=(Place(judged.name, int(course.steps[0]), int(course.steps[-1])),),
    )


CHECK = RunCheck(SYMPTOM, look)
