"""How far averaging would get: several networks of the treated recipe on the same rows, beside single ones.

Nothing is chosen by it, and it is no treatment: it says how much of a score is the chance of a single training.
"""

import numpy as np

from etude.studies.estimate import Asked, Terms, estimate
from etude.studies.fresh import level_of, removed_of
from etude.studies.trial import Ward
from etude.values.errors import EngineError
from etude.values.treatment import Averaged, Final, Setting

FIRST = 3000
"""The first replicate whose rows it takes: beyond those of trials, of scouts, and of the fresh comparison."""

MEMBERS = 5
"""Networks that are averaged: of what averaging ever many would take off a squared error, five take four fifths."""

MOST, FEWEST = 5, 3
"""Replicates, each of `MEMBERS` trainings, at most and at least."""

UNFORESEEN = 1.5
"""Times what the trainings are reckoned to take, which the time that is left must allow: they are scored as well."""

SLOWEST = 3.0
"""Seconds of one training beyond which it is left out: the networks are not kept, and each call trains them again."""


def averaging(setting: Setting, final: Final, ward: Ward, terms: Terms) -> Averaged | None:
    """Single networks against their average, on replicates that nothing else used, by the metric of the treatment.

    None where what is left of trainings or time is too little, a training takes too long, one cannot be made, or the
    trainer does not know what its networks predict.
    """
    metric, trainer = ward.metric, ward.trainer
    pairs: list[tuple[float, float]] = []
    for replicate in range(FIRST, FIRST + _replicates(final, ward)):
        try:
            found = trainer.ensemble(setting, replicate, MEMBERS)
        except EngineError:  # a side show must not take the result with it
            return None
        if found is None:
            return None
        pairs.append((found.single[metric.name], found.averaged[metric.name]))
    if not pairs:
        return None
    single, averaged = np.array(pairs).T
    margin = metric.smallest_effect
    asked = Asked("averaging", "single", "averaged", metric, final.split, single, averaged, margin)
    (effect,) = estimate([asked], terms, rule="fixed")
    best = final.outcomes[metric.name].best
    removed = None if best is None else removed_of(single, averaged, best, terms)
    return Averaged(MEMBERS, level_of(single, terms), level_of(averaged, terms), effect, removed)


def _replicates(final: Final, ward: Ward) -> int:
    """As many as the trainings and the time that are left allow; none where that is too few."""
    purse = ward.purse
    seconds = [float(run.provenance.get("seconds", 0.0)) for run in final.after]
    one = float(np.mean(seconds)) if seconds else 0.0
    fit = min(MOST, (purse.budget.trainings - ward.trainer.made) // MEMBERS)
    while fit >= FEWEST and UNFORESEEN * fit * MEMBERS * one > purse.left:
        fit -= 1
    return fit if fit >= FEWEST and one <= SLOWEST else 0
