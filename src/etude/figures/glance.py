"""A study at a glance: each question, its answer in a word, and the one number that decides it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etude.figures.numbers import bounds, significant
from etude.figures.words import amount, effect_title, metric_words, outcome, shown_places
from etude.values.claim import Bound, Contrast, Judgement
from etude.values.effect import Effect
from etude.values.metric import METRICS

LONGEST = 120
"""Letters of a sentence at a glance."""


@dataclass(frozen=True, slots=True)
class Glance:
    """One line of the table at the top.

    anchor:   where on the page the whole of it stands
    text:     the claim, shortened where it is long; or what differs
    verdict:  of the claim, or of the effect where nobody claimed anything
    measured: the number with its unit
    beside:   its interval; for a bound, what was claimed
    about:    what the number is of
    """

    anchor: str
    text: str
    verdict: str
    measured: str
    beside: str
    about: str


def glance_at_claim(place: int, judgement: Judgement, best_possible: Sequence[float | None]) -> Glance:
    """A claim, its verdict and the number that decides it.

    place:         of the claim among all, from 1
    best_possible: the Bayes limit of each bound the claim states, None where unknown
    Where the comparison as stated was refused, the number is of the first valid one instead, and says so.
    """
    bound = next((part for part in judgement.claim.stated if isinstance(part, Bound)), None)
    shown = ("", "", "no number can")
    if judgement.stated:
        shown = _of_effect(deciding_effect(judgement))
    elif bound:
        shown = _of_bound(bound, best_possible[0])
    elif judgement.instead:
        measured, beside, about = _of_effect(judgement.instead[0])
        shown = (measured, beside, f"a fair comparison instead: {about}")
    return Glance(f"claim-{place}", shortened(judgement.claim.text), judgement.verdict, *shown)


def glance_at_effect(effect: Effect) -> Glance:
    """An effect that nobody made a claim about."""
    measured, beside, _ = _of_effect(effect)
    about = f"{metric_words(effect.metric)}, {effect.split}"
    return Glance("effects", shortened(effect_title(effect)), effect.verdict, measured, beside, about)


def deciding_effect(judgement: Judgement) -> Effect:
    """The stated effect that answers a claim: the first that came out otherwise than claimed, else the first of all.

    An effect that contradicts goes before one that is undecided.
    """
    contrasts = [part for part in judgement.claim.stated if isinstance(part, Contrast)]
    told = len(contrasts) == len(judgement.stated)  # else some were refused, and it is not certain which
    pairs = zip(contrasts, judgement.stated, strict=True) if told else ()
    against = [effect for contrast, effect in pairs if not _as_expected(contrast, effect)]
    return (*sorted(against, key=lambda effect: effect.verdict == "undecided"), *judgement.stated)[0]


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, cut between words where it is long.

    >>> shortened("More data beats architecture", 20)
    'More data beats…'
    """
    if len(text) <= longest:
        return text
    return f"{text[: longest - 1].rsplit(None, 1)[0].rstrip(' ,;:.')}…"


def _as_expected(contrast: Contrast, effect: Effect) -> bool:
    if contrast.expect == "different":
        return effect.verdict in ("better", "worse")
    return effect.verdict == contrast.expect


def _of_effect(effect: Effect) -> tuple[str, str, str]:
    places = shown_places(effect)
    beside = bounds(effect.low, effect.high, places) if np.isfinite(effect.mean) else ""
    return amount(effect, places), beside, f"{metric_words(effect.metric)}, {effect_title(effect)}: {outcome(effect)}"


def _of_bound(bound: Bound, best: float | None) -> tuple[str, str, str]:
    unit = METRICS[bound.metric].unit if bound.metric in METRICS else ""
    known = "not known" if best is None else f"{significant(best)} {unit}".rstrip()
    return known, f"claimed: {significant(bound.value)}", f"the best {metric_words(bound.metric)} possible"
