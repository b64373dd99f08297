"""A study at a glance: each question, its answer in a word, and the one number that decides it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from etude.figures.numbers import bounds, significant
from etude.figures.words import amount, effect_phrase, effect_title, finished, metric_words, outcome, shown_places
from etude.values.claim import Bound, Contrast, Judgement
from etude.values.effect import Effect
from etude.values.metric import METRICS

LONGEST, MOST_NUMBERS = 120, 2
"""Letters of a sentence at a glance, and numbers beside it."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number as words.

    measured: with its unit
    beside:   its interval; for a bound, what was claimed
    about:    what the number is of
    """

    measured: str
    beside: str
    about: str


@dataclass(frozen=True, slots=True)
class Glance:
    """One line of the table at the top.

    anchor:  where on the page the whole of it stands
    text:    the claim, shortened where it is long; or what differs
    verdict: of the claim, or of the effect where nobody claimed anything
    numbers: those that decide it; none where no number can
    """

    anchor: str
    text: str
    verdict: str
    numbers: tuple[Number, ...]


def glance_at_claim(place: int, judgement: Judgement, best_possible: Sequence[float | None]) -> Glance:
    """A claim, its verdict and what decides it: all stated effects where it holds, else the one it fails by.

    place:         of the claim among all, from 1
    best_possible: the Bayes limit of each bound the claim states, None where unknown
    Where the comparison as stated was refused, the number is of the first valid one instead, and says so.
    """
    bound = next((part for part in judgement.claim.stated if isinstance(part, Bound)), None)
    numbers: tuple[Number, ...] = ()
    if judgement.verdict == "supported" and judgement.stated:
        numbers = tuple(map(_of_effect, judgement.stated[:MOST_NUMBERS]))
    elif judgement.stated:
        numbers = (_of_effect(deciding_effect(judgement)),)
    elif bound:
        numbers = (_of_bound(bound, best_possible[0]),)
    elif judgement.instead:
        numbers = (_of_first(judgement.instead),)
    return Glance(f"claim-{place}", shortened(judgement.claim.text), judgement.verdict, numbers)


def glance_at_effect(effect: Effect) -> Glance:
    """An effect that nobody made a claim about."""
    number = replace(_of_effect(effect), about=f"{metric_words(effect.metric)}, {effect.split}")
    return Glance("effects", shortened(effect_title(effect)), effect.verdict, (number,))


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


def _of_effect(effect: Effect) -> Number:
    places = shown_places(effect)
    beside = bounds(effect.low, effect.high, places) if np.isfinite(effect.mean) else finished(effect)
    about = f"{metric_words(effect.metric)}, {effect_phrase(effect)}: {outcome(effect)}"
    return Number(amount(effect, places), beside, about)


def _of_first(instead: Sequence[Effect]) -> Number:
    """The first of the valid comparisons, and what came of all of them: it would not do to show the best alone."""
    counts = Counter(effect.verdict for effect in instead)
    tally = ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common())
    number = _of_effect(instead[0])
    others = f" (of {len(instead)} such: {tally})" if len(instead) > 1 else ""
    return replace(number, about=f"a fair comparison: {number.about}{others}")


def _of_bound(bound: Bound, best: float | None) -> Number:
    unit = METRICS[bound.metric].unit if bound.metric in METRICS else ""
    known = "not known" if best is None else f"{significant(best)} {unit}".rstrip()
    return Number(known, f"claimed: {significant(bound.value)}", f"the best {metric_words(bound.metric)} possible")
