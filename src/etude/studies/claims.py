"""Claims on trial: each sentence, the contrast behind it, and what the evidence makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from etude.figures.words import effect_sentence
from etude.numerics.decisions import Rule
from etude.studies.compare import contrast_asked
from etude.studies.design import resolve
from etude.studies.estimate import Asked, estimate, terms_of
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
    """A judgement for each claim of the plan.

    All contrasts of all claims are one family (Holm), in which a contrast that several claims share counts once.
    """
    claims = evidence.plan.claims
    asked = [[_ask(evidence, part) for part in (*claim.stated, *claim.instead)] for claim in claims]
    distinct = {_question(one): one for answers in asked for one in answers if isinstance(one, Asked)}
    effects = dict(zip(distinct, estimate(list(distinct.values()), terms_of(evidence.plan), rule=rule), strict=True))
    judgements = []
    for claim, answers in zip(claims, asked, strict=True):
        parts = [replace(effects[_question(one)], says=one.says) if isinstance(one, Asked) else one for one in answers]
        stated, instead = parts[: len(claim.stated)], parts[len(claim.stated) :]
        findings = [_find(evidence, limits, *pair) for pair in zip(claim.stated, stated, strict=True)]
        bounds = [part for part in claim.instead if isinstance(part, Bound)]
        beside = [_limit_sentence(part, _limit(evidence, limits, part)) for part in bounds]
        judgements.append(_judgement(claim, findings, beside, (stated, instead)))
    return tuple(judgements)


def _question(asked: Asked) -> tuple[object, ...]:
    """What makes two questions one, however each is worded."""
    return asked.recipes, asked.metric.name, asked.split, asked.margin


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
        return _bound(part, _limit(evidence, limits, part))
    assert isinstance(answer, Effect)
    return _answer(part, answer), effect_sentence(answer)


def _answer(part: Contrast, effect: Effect) -> ClaimVerdict:
    """That nothing of note changes is refuted where all of the interval is of note: that it is not 0 is too little."""
    answer = ANSWERS.get((part.expect, effect.verdict), "undecided")
    least = min(abs(effect.low), abs(effect.high))
    too_little = part.expect == "equivalent" and answer == "refuted" and least < (effect.smallest_effect or 0.0)
    return "undecided" if too_little else answer


def _limit(evidence: Evidence, limits: Mapping[str, Mapping[str, Limit]], part: Bound) -> Limit | None:
    return limits[evidence.arm(resolve(evidence.plan, part.settings)).label].get(part.metric)


def _bound(part: Bound, limit: Limit | None) -> Finding:
    if limit is None or limit.bayes is None:
        return "undecided", _limit_sentence(part, limit)
    right = abs(limit.bayes - part.value) <= part.within
    return "supported" if right else "refuted", f"{_limit_sentence(part, limit)} The claim says {part.value:g}."


def _limit_sentence(part: Bound, limit: Limit | None) -> str:
    metric = METRICS[part.metric]
    if limit is None or limit.bayes is None:
        return f"The best {metric.label} possible is not known for this data."
    return f"The best {metric.label} possible is {limit.bayes:.5g} {metric.unit}."


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
