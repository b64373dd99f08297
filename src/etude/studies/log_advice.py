"""How many runs a comparison of logs takes, and how that is said."""

import math
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from etude.figures.numbers import significant
from etude.numerics.power import replicates_needed, replicates_to_decide, runs_needed, runs_to_decide
from etude.numerics.shape import all_alike
from etude.studies.estimate import Asked
from etude.studies.log_metric import PERCENT, SHARE
from etude.values.effect import Effect
from etude.values.errors import RecipeError

FRESH = "take fresh seeds for them: runs that were judged once are no new evidence"


@dataclass(frozen=True, slots=True)
class Needed:
    """How many runs would find a difference, in the metric's unit, with a power of 80 %: pairs, or runs a group."""

    runs: int
    difference: float
    paired: bool


def amount_words(difference: float, unit: str) -> str:
    """A difference as a person says it: of accuracies in points.

    >>> amount_words(0.005, "share correct"), amount_words(1.0, "% correct"), amount_words(0.01, "nats")
    ('0.5 points', '1 point', '0.01 nats')
    """
    if unit in (SHARE, PERCENT):
        told = significant(abs(difference) * (100 if unit == SHARE else 1))
        return f"{told} point{'' if told == '1' else 's'}"
    return f"{significant(abs(difference))} {unit}".rstrip()


def needed_words(needed: Needed, unit: str) -> str:
    """How many runs it takes, as a sentence.

    >>> needed_words(Needed(14, 0.005, paired=True), "share correct")
    'you need about 14 seeds to see 0.5 points (power 80 %)'
    """
    what = "seeds" if needed.paired else "runs of each"
    return f"you need about {needed.runs:,} {what} to see {amount_words(needed.difference, unit)} (power 80 %)"


def needed_for(effect: Effect, asked: Asked) -> Needed | None:
    """Of an undecided effect, the runs that would find the smallest difference of interest, or else the one seen."""
    spreads = _spreads(asked)
    target = asked.margin or abs(effect.mean)
    if effect.verdict != "undecided" or not spreads or not math.isfinite(target) or target == 0:
        return None
    with suppress(RecipeError):  # more than anybody would train
        if asked.paired:
            n = replicates_needed(standard_deviation=spreads[0], smallest_effect=target, level=effect.level)
        else:
            both = spreads[0], spreads[1]
            n = runs_needed(standard_deviations=both, smallest_effect=target, level=effect.level)
        return Needed(n, target, asked.paired)
    return None


def advice(needed: Needed, effect: Effect, asked: Asked) -> tuple[str, ...]:
    """What would lead to a verdict, in sentences."""
    told = needed_words(needed, effect.unit)
    if asked.margin is None:
        return told, FRESH, "it can be found equivalent once you say what is too small to act on (--smallest-effect)"
    spreads = _spreads(asked)
    if asked.paired:
        n = replicates_to_decide(
            standard_deviation=spreads[0], margin=asked.margin, difference=effect.mean, level=effect.level
        )
    else:
        both = spreads[0], spreads[1]
        n = runs_to_decide(standard_deviations=both, margin=asked.margin, difference=effect.mean, level=effect.level)
    return (told, *([f"if the estimate is right, about {n:,} would decide it"] if n else []), FRESH)


def _spreads(asked: Asked) -> tuple[float, ...]:
    """Standard deviations: of the differences, or of both groups; none where fewer than two values are finite."""
    sides = [asked.control_outcomes, asked.treated_outcomes]
    values = [sides[1] - sides[0]] if asked.paired else sides
    finite = [of[np.isfinite(of)] for of in values]
    if any(of.size < 2 for of in finite) or all(all_alike(of) for of in finite):
        return ()
    deviations = [0.0 if all_alike(of) else float(of.std(ddof=1)) for of in finite]
    return tuple(deviation or max(deviations) for deviation in deviations)
