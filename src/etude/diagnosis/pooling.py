"""The diagnoses of an arm's replicates as one, with intervals over them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from etude.diagnosis.case import Arm
from etude.diagnosis.outcomes import mean_of, share_of
from etude.diagnosis.saying import figure, percent
from etude.diagnosis.suspicion import suspicion_of
from etude.diagnosis.verdict import concluded, known, models
from etude.values.finding import (
    SEVERITIES,
    Diagnosis,
    Finding,
    Measured,
    NotRun,
    Place,
    Prediction,
    Severity,
    Sign,
    Verdict,
)
from etude.values.sureness import sure

SHARPEN = 1.25
"""Power that the mean probabilities over replicates are raised to, before they are made to sum to 1. Replicates of one
recipe err together, so five of them are far from five times the evidence: on the bank's fitting part, each arm judged
by models that have seen neither its data set nor its architecture, arms of five replicates were told a verdict with a
stated 87.5 % that was right in 87.5 %; with a power of 1 it was 85.0 % for 87.3 %, with 2 it was 91.4 % for 87.4 %."""

MINORITY = 0.5
"""Share of replicates that show a symptom below which it is a note: it may be one run's accident."""


def pooled(diagnoses: Sequence[Diagnosis], arm: Arm) -> Diagnosis:
    """One diagnosis of an arm from those of its replicates; a single one is given back as it is, under the arm's name.

    The probability of a verdict is its mean over the replicates, made a little surer for their number (`SHARPEN`).
    """
    if len(diagnoses) == 1:
        return replace(diagnoses[0], source=arm.name)
    probabilities = _probabilities(diagnoses)
    verdict, probability = _concluded(diagnoses, probabilities, known(suspicion_of(arm.cases[0]).evidence.values))
    bests = [one.best_step for one in diagnoses if one.best_step is not None]
    findings = _findings(diagnoses)
    return Diagnosis(
        source=arm.name,
        verdict=verdict,
        probability=probability,
        says=_says(diagnoses, verdict, probability),
        probabilities=probabilities,
        next=_next(diagnoses, verdict),
        findings=findings,
        signs=_signs(diagnoses),
        not_run=_not_run(diagnoses, {finding.symptom for finding in findings}),
        checked=tuple(dict.fromkeys(name for one in diagnoses for name in one.checked)),
        judged=diagnoses[0].judged,
        best_step=int(np.median(bests)) if bests else None,
        runs=sum(one.runs for one in diagnoses),
        lost=tuple(lost for one in diagnoses for lost in one.lost),
        notes=tuple(dict.fromkeys(note for one in diagnoses for note in one.notes)),
    )


def how_sure_one_run_is(diagnosis: Diagnosis) -> str:
    """How far the verdict of a single run can be trusted, as a sentence.

    >>> how_sure_one_run_is(Diagnosis("a", "overfit", 0.8, ""))
    'From one run alone this is fairly sure (80 %); replicates would tell the recipe from its luck.'
    """
    if diagnosis.verdict == "cannot tell":
        return "One run does not show enough to say; replicates of it would show more."
    others = sorted(
        ((p, name) for name, p in diagnosis.probabilities.items() if name != diagnosis.verdict), reverse=True
    )
    else_ = f", or else {others[0][1]} ({percent(others[0][0])})" if others and others[0][0] >= 0.1 else ""
    return (
        f"From one run alone this is {sure(diagnosis.probability)} ({percent(diagnosis.probability)}){else_}; "
        "replicates would tell the recipe from its luck."
    )


def _concluded(
    diagnoses: Sequence[Diagnosis], probabilities: Mapping[Verdict, float], key: str
) -> tuple[Verdict, float]:
    """The verdict of all; where nothing can be weighed, as of runs that diverged, what all of them say alike."""
    told = {one.verdict for one in diagnoses}
    if key not in models() and len(told) == 1:
        return diagnoses[0].verdict, float(np.mean([one.probability for one in diagnoses]))
    return concluded(probabilities, key)


def _probabilities(diagnoses: Sequence[Diagnosis]) -> Mapping[Verdict, float]:
    """Of each verdict, over replicates; one that was not weighed counts as the verdict it has."""
    total: dict[Verdict, float] = defaultdict(float)
    for one in diagnoses:
        for verdict, probability in (one.probabilities or {one.verdict: 1.0}).items():
            total[verdict] += probability / len(diagnoses)
    sharp = {verdict: probability**SHARPEN for verdict, probability in total.items()}
    whole = sum(sharp.values()) or 1.0
    return MappingProxyType({verdict: probability / whole for verdict, probability in sharp.items()})


def _says(diagnoses: Sequence[Diagnosis], verdict: Verdict, probability: float) -> str:
    """How many replicates agree, with the interval of that share, and what the others are."""
    n, counts = len(diagnoses), Counter(one.verdict for one in diagnoses)
    agree = share_of("", counts[verdict], n)
    others = ", ".join(f"{count} {other!r}" for other, count in counts.most_common() if other != verdict)
    rest = f"; the others: {others}" if others else ""
    agreeing = f"{counts[verdict]} of {n} replicates are judged {verdict!r} ({_per_cent(agree)} of such runs){rest}."
    if not counts[verdict]:
        said = ", ".join(f"{count} {other!r}" for other, count in counts.most_common())
        return f"The {n} replicates do not agree ({said}), and together they do not tell."
    if verdict == "cannot tell":
        return f"{agreeing} Together they do not tell either."
    return f"{agreeing} Together they make it {sure(probability)} ({percent(probability)})."


def _per_cent(share: Measured) -> str:
    return f"{share.low:.0f} to {share.high:.0f} %"


def _next(diagnoses: Sequence[Diagnosis], verdict: Verdict) -> tuple[str, ...]:
    """What replicates of the verdict advise, most often named first."""
    agreeing = [one for one in diagnoses if one.verdict == verdict] or list(diagnoses)
    return _ranked(one.next for one in agreeing)


def _ranked(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Entries of ranked lists by the sum of 1/rank, so that what is often named first stays first."""
    weight: dict[str, float] = defaultdict(float)
    for entries in lists:
        for rank, entry in enumerate(entries, start=1):
            weight[entry] += 1 / rank
    return tuple(sorted(weight, key=lambda entry: -weight[entry]))


def _findings(diagnoses: Sequence[Diagnosis]) -> tuple[Finding, ...]:
    """One finding a symptom, worst first."""
    by_symptom: dict[str, list[Finding]] = defaultdict(list)
    for one in diagnoses:
        for finding in one.findings:
            by_symptom[finding.symptom].append(finding)
    merged = [_merged(found, len(diagnoses)) for found in by_symptom.values()]
    return tuple(sorted(merged, key=lambda found: (-SEVERITIES.index(found.severity), -found.probability)))


def _merged(found: Sequence[Finding], n: int) -> Finding:
    """Findings of one symptom in several replicates: the typical one's words, means of the numbers over all of them."""
    share, typical = len(found) / n, _typical(found)
    seen = share_of("replicates that show it", len(found), n)
    return Finding(
        typical.symptom,
        f"{len(found)} of {n} replicates show it ({_per_cent(seen)} of such runs). Of a typical one: {typical.says}",
        _severity(found, share),
        share * float(np.mean([one.probability for one in found])),
        (seen, *_evidence(found)),
        _places(found),
        tuple({cause.says: cause for one in (typical, *found) for cause in one.causes}.values()),
        _ranked(one.treatments for one in found),
        _prediction([one.prediction for one in found if one.prediction is not None]),
    )


def _typical(found: Sequence[Finding]) -> Finding:
    """The one whose first number is the middle one."""
    numbered = sorted((one for one in found if one.evidence), key=lambda one: one.evidence[0].value)
    return numbered[len(numbered) // 2] if numbered else found[0]


def _severity(found: Sequence[Finding], share: float) -> Severity:
    """The middle one of those who show it; a step less, and never an error, where most do not."""
    ranks = sorted(SEVERITIES.index(one.severity) for one in found)
    middle = ranks[len(ranks) // 2]
    return SEVERITIES[middle if share >= MINORITY else max(0, middle - 1)]


def _evidence(found: Sequence[Finding]) -> list[Measured]:
    """Each number that most of the findings have, as its mean over replicates with a t interval."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for one in found:
        for number in one.evidence:
            if np.isfinite(number.value):
                values[number.name, number.unit].append(number.value)
    kept = {key: given for key, given in values.items() if 2 * len(given) >= len(found)}
    return _means(kept)


def _means(values: Mapping[tuple[str, str], Sequence[float]]) -> list[Measured]:
    """Of each name and unit the mean over the runs that have it."""
    return [replace(mean_of(name, np.array(given), unit), runs=len(given)) for (name, unit), given in values.items()]


def _places(found: Sequence[Finding]) -> tuple[Place, ...]:
    """On each curve the medians of where the findings begin and end."""
    ends: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for one in found:
        for place in one.where:
            ends[place.curve].append((place.first, place.last))
    return tuple(
        Place(curve, *(int(np.median([pair[i] for pair in pairs])) for i in (0, 1))) for curve, pairs in ends.items()
    )


def _prediction(predictions: Sequence[Prediction]) -> Prediction | None:
    """The one most often made, with the middle of the bounds."""
    if not predictions:
        return None
    kinds = Counter((one.treatment, one.metric, one.direction, one.unit) for one in predictions)
    (treatment, metric, direction, unit), _ = kinds.most_common(1)[0]
    same = [one for one in predictions if (one.treatment, one.metric, one.direction) == (treatment, metric, direction)]
    ranges = [(one.low, one.high) for one in same]
    low, high = (float(np.median([bounds[i] for bounds in ranges])) for i in (0, 1))
    return Prediction(treatment, metric, direction, low, high, unit)


def _told(mean: Measured) -> str:
    over = f" on average over {mean.runs} runs" if mean.runs > 1 else ""
    return f"{mean.name} {figure(mean.value)} {mean.unit}".rstrip() + over


def _not_run(diagnoses: Sequence[Diagnosis], seen: set[str]) -> tuple[NotRun, ...]:
    """Checks that could run on no replicate, or on some only, which is said."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for one in diagnoses:
        for lacking in one.not_run:
            reasons[lacking.check].append(lacking.because)
    n = len(diagnoses)
    return tuple(
        NotRun(check, told[0] if len(told) == n else f"of {len(told)} of {n} replicates {told[0]}")
        for check, told in reasons.items()
        if not (check in seen and len(told) == n)
    )


def _signs(diagnoses: Sequence[Diagnosis]) -> tuple[Sign, ...]:
    """Each sign of health: there where most replicates that could be measured have it."""
    by_name: dict[str, list[Sign]] = defaultdict(list)
    for one in diagnoses:
        for sign in one.signs:
            by_name[sign.name].append(sign)
    return tuple(_sign(name, signs) for name, signs in by_name.items())


def _sign(name: str, signs: Sequence[Sign]) -> Sign:
    measured = [sign for sign in signs if sign.healthy is not None]
    if not measured:
        return signs[0]
    healthy = sum(bool(sign.healthy) for sign in measured)
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for sign in measured:
        for number in sign.evidence:
            values[number.name, number.unit].append(number.value)
    means = _means(values)
    shown = f": {_told(means[0])}" if means else ""
    share = share_of("replicates that have it", healthy, len(measured))
    of = f"{len(measured)} replicates" + (" that could be measured" if len(measured) < len(signs) else "")
    return Sign(
        name,
        2 * healthy > len(measured),
        f"{healthy} of {of} have it ({_per_cent(share)} of such runs){shown}.",
        (share, *means),
    )
