"""Claims on trial: each sentence, the contrast behind it, and what the evidence makes of it."""

from collections.abc import Mapping, Sequence

from etude.figures.words import effect_sentence
from etude.numerics.decisions import Rule
from etude.studies.compare import Asked, contrast_asked, estimate
from etude.studies.design import resolve
from etude.studies.evidence import Evidence
from etude.values.claim import Bound, Claim, ClaimVerdict, Contrast, Expected, Judgement
from etude.values.effect import Effect, Verdict
from etude.values.errors import ComparisonError, ConfoundedError, NotComparableError
from etude.values.metric import METRICS, Limit

ANSWERS: Mapping[tuple[Expected, Verdict], ClaimVerdict] = {
    ("better", "better"): "supported",
    ("better", "worse"): "refuted",
    ("better", "equivalent"): "refuted",
    ("worse", "worse"): "supported",
    ("worse", "better"): "refuted",
    ("worse", "equivalent"): "refuted",
    ("equivalent", "equivalent"): "supported",
    ("equivalent", "better"): "refuted",
    ("equivalent", "worse"): "refuted",
    ("different", "better"): "supported",
    ("different", "worse"): "supported",
    ("different", "equivalent"): "refuted",
}
"""What a claim that expected one verdict becomes when the effect has another; absent: undecided."""

WEIGHT: tuple[ClaimVerdict, ...] = ("not comparable", "confounded", "refuted", "undecided", "supported")
"""Of several parts of one claim the first of these decides: a sentence holds only where all of it holds."""


def judge(evidence: Evidence, limits: Mapping[str, Mapping[str, Limit]], *, rule: Rule) -> tuple[Judgement, ...]:
    """A judgement for each claim of the plan. All contrasts of all claims are one family (Holm)."""
    claims = evidence.plan.claims
    asked = [[_ask(evidence, part) for part in (*claim.stated, *claim.instead)] for claim in claims]
    answerable = [one for answers in asked for one in answers if isinstance(one, Asked)]
    effects = iter(estimate(answerable, evidence.plan, rule=rule))
    judgements = []
    for claim, answers in zip(claims, asked, strict=True):
        parts = [next(effects) if isinstance(one, Asked) else one for one in answers]
        stated, instead = parts[: len(claim.stated)], parts[len(claim.stated) :]
        findings = [_find(evidence, limits, *pair) for pair in zip(claim.stated, stated, strict=True)]
        beside = [_find(evidence, limits, part, None)[1] for part in claim.instead if isinstance(part, Bound)]
        judgements.append(_judgement(claim, findings, beside, (stated, instead)))
    return tuple(judgements)


Answer = Asked | ComparisonError | None
"""What a part asks: an effect to estimate, a refusal, or nothing where a known limit answers it."""

Finding = tuple[ClaimVerdict, str]


def _ask(evidence: Evidence, part: Contrast | Bound) -> Answer:
    if isinstance(part, Bound):
        return None
    try:
        return contrast_asked(evidence, part)
    except ComparisonError as refusal:
        return refusal


def _find(
    evidence: Evidence,
    limits: Mapping[str, Mapping[str, Limit]],
    part: Contrast | Bound,
    answer: Effect | ComparisonError | None,
) -> Finding:
    if isinstance(answer, NotComparableError):
        return "not comparable", str(answer)
    if isinstance(answer, ConfoundedError):
        return "confounded", str(answer)
    if isinstance(part, Bound):
        arm = evidence.arm(resolve(evidence.plan, part.settings))
        return _bound(part, limits[arm.label])
    assert isinstance(answer, Effect)
    return ANSWERS.get((part.expect, answer.verdict), "undecided"), effect_sentence(answer)


def _bound(part: Bound, limits: Mapping[str, Limit]) -> Finding:
    bayes = limits[part.metric].bayes
    metric = METRICS[part.metric]
    if bayes is None:
        return "undecided", f"The best {metric.label} possible is not known for this data."
    right = abs(bayes - part.value) <= part.within
    told = f"The best {metric.label} possible is {bayes:.5g} {metric.unit}; the claim says {part.value:g}."
    return "supported" if right else "refuted", told


def _judgement(
    claim: Claim,
    findings: Sequence[Finding],
    beside: Sequence[str],
    answers: tuple[Sequence[Effect | ComparisonError | None], Sequence[Effect | ComparisonError | None]],
) -> Judgement:
    stated, instead = answers
    verdict = min((verdict for verdict, _ in findings), key=WEIGHT.index)
    because = " ".join(dict.fromkeys([*(told for _, told in findings), *beside]))
    return Judgement(
        claim,
        verdict,
        because,
        stated=tuple(effect for effect in stated if isinstance(effect, Effect)),
        instead=tuple(effect for effect in instead if isinstance(effect, Effect)),
    )
