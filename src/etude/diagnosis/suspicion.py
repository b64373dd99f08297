"""How likely each verdict is for a run, weighed once, and the finding that a likely one becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from etude.diagnosis.case import Case
from etude.diagnosis.check import Seen
from etude.diagnosis.evidence import FEWEST, Course, Evidence, evidence_of
from etude.diagnosis.saying import amount, figure, percent
from etude.diagnosis.verdict import gains, weighed
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction, Severity, Verdict

WORTH_SAYING = 0.25
"""The probability from which a verdict is a finding, be it not the likeliest."""

EXPLODED = 10.0
"""At how many times what it began with a run that is still finite has diverged; no run of the bank ended so."""

BROKEN = 0.97
"""That a run whose loss is not finite has diverged: 39 of 39 such runs of the bank's fitting part, and one of doubt."""


ABOUT = (0.5, 1.5)
"""Between which shares of what a run's own curve promises a treatment's gain is expected."""


@dataclass(frozen=True, slots=True, eq=False)
class Suspicion:
    """What a run shows, and the probability of each verdict; none where nothing could be weighed."""

    evidence: Evidence
    probabilities: Mapping[Verdict, float]


@dataclass(frozen=True, slots=True)
class Advice:
    """What is known of an illness whatever the run: why it happens and what is tried, best first."""

    verdict: Verdict
    severity: Severity
    causes: tuple[Cause, ...]
    treatments: tuple[str, ...]


@lru_cache(maxsize=8)
def suspicion_of(case: Case) -> Suspicion:
    """Weighed once for all the checks of a run."""
    evidence = evidence_of(case)
    if has_broken(evidence):
        return Suspicion(evidence, {"diverged": BROKEN, "learning rate too high": 1 - BROKEN})
    return Suspicion(evidence, weighed(evidence))


def has_broken(evidence: Evidence) -> bool:
    """Whether the run's own numbers say that it diverged: they are not finite, or beyond all bounds."""
    courses = (course for course in (evidence.train, evidence.validation) if course is not None)
    return not evidence.finite or any(float(course.smooth[-1]) >= EXPLODED for course in courses)


def suspected(  # noqa: PLR0913 - a finding has as many parts
    case: Case,
    advice: Advice,
    says: str,
    *,
    measured: tuple[Measured, ...],
    where: tuple[Place, ...],
    gain: float | None = None,
) -> Seen:
    """The finding of one verdict, if it is likely enough; `says` and `measured` are of what the curves show of it.

    gain: what the first treatment promises on this very run, in the unit of what is judged; None where its curves do
          not tell, so that the gains on the bank's runs must do
    """
    suspicion = suspicion_of(case)
    if not suspicion.probabilities:
        return NotRun(advice.verdict, f"it needs a training or a validation series of at least {FEWEST} values")
    probability = suspicion.probabilities.get(advice.verdict, 0.0)
    if probability < WORTH_SAYING:
        return None
    return Finding(
        symptom=advice.verdict,
        says=says,
        severity=advice.severity,
        probability=probability,
        evidence=measured,
        where=where,
        causes=advice.causes,
        treatments=advice.treatments,
        prediction=_prediction(case, suspicion.evidence, advice, gain),
    )


def _prediction(case: Case, evidence: Evidence, advice: Advice, gain: float | None) -> Prediction | None:
    """What the first treatment should do: half to one and a half of what this run promises, or what the bank's runs of
    that verdict gained, from the 20th to the 80th percentile.
    """
    if gain is not None and gain > 0:
        low, high = ABOUT[0] * gain, ABOUT[1] * gain
    elif advice.verdict in gains() and evidence.begin > 0:
        low, high = (share * evidence.begin for share in gains()[advice.verdict])
    else:
        return None
    course = held_out(evidence)
    if course is not None and evidence.finite:  # no more can be gained than is left
        high = min(high, max(float(course.smooth[-1]), 0.0) * evidence.begin)
        low = min(low, high / 3)
    word = f"validation {'score' if case.higher else 'loss'}"
    return Prediction(advice.treatments[0], word, "rises" if case.higher else "falls", low, high, case.unit)


def held_out(evidence: Evidence) -> Course | None:
    """The course that tells how good the model is: validation, or training where that is all there is."""
    return evidence.validation or evidence.train


Shown = tuple[str, tuple[Measured, ...], tuple[Place, ...]]
"""A sentence, the numbers behind it, and where on the curve they are seen."""


def still_falling(case: Case) -> Shown:
    """How the last part of the run was still getting better, and what that promises of three times the steps."""
    evidence = suspicion_of(case).evidence
    course = held_out(evidence)
    curve = case.validation if evidence.validation else case.train
    if course is None or curve is None:
        return "", (), ()
    split = "validation" if evidence.validation else "train"
    last = evidence.values[f"{split} last quarter"] * evidence.begin
    more = evidence.values[f"{split} to gain"] * evidence.begin
    word = f"{'validation' if split == 'validation' else 'training'} {'score' if case.higher else 'loss'}"
    went = "improved by" if last >= 0 else "got worse by"
    promise = f"would gain another {amount(more, case.unit)}" if more > 0 else "would gain nothing"
    says = (
        f"In the last quarter of the steps the {word} {went} {amount(abs(last), case.unit)}; "
        f"going on as in the second half, three times the steps {promise}."
    )
    measured = (
        Measured(f"improvement of the {word} in the last quarter", last, case.unit),
        Measured("gain that three times the steps promise", more, case.unit),
    )
    return says, measured, (Place(curve.name, int(0.75 * course.steps[-1]), int(course.steps[-1])),)


def settled_high(case: Case) -> Shown:
    """Where the run settled, as a share of where it began, and how far apart its two parts are."""
    evidence = suspicion_of(case).evidence
    course = evidence.train or evidence.validation
    curve = case.train if evidence.train else case.validation
    if course is None or curve is None:
        return "", (), ()
    end = float(course.smooth[-1])
    gap = evidence.values.get("gap")
    word = f"{'training' if evidence.train else 'validation'} {'score' if case.higher else 'loss'}"
    level = f"The {word} settled at {figure(float(curve.values[-1]))} {case.unit}".rstrip()
    apart = "" if gap is None else f", with validation {amount(gap * evidence.begin, case.unit)} from it"
    measured = (
        Measured(f"{word} at the end", float(curve.values[-1]), case.unit),
        Measured("the same as a share of where it began", end),
        *(() if gap is None else (Measured("gap to validation", gap * evidence.begin, case.unit),)),
    )
    where = (Place(curve.name, int(0.5 * course.steps[-1]), int(course.steps[-1])),)
    return f"{level}, {percent(end)} of where it began{apart}.", measured, where
