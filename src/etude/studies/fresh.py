"""The untreated and the treated setting once more, on fresh seeds: the only number that is quoted."""

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.numerics.intervals import mean_interval
from etude.numerics.ratio import paired_ratio
from etude.studies.estimate import Asked, Terms, estimate
from etude.studies.trial import Ward
from etude.values.metric import METRICS, Limit, Metric, Split
from etude.values.run import Run
from etude.values.treatment import Final, Level, Outcome, Setting

BEFORE, AFTER = "before", "after"

FIRST = 1000
"""The first fresh replicate: no trial reaches so far, so that nothing was chosen by its rows, draws or starts."""


def fresh_comparison(before: Setting, after: Setting, ward: Ward, terms: Terms) -> Final:
    """Both sides on the same fresh replicates, scored on the test part where there is one.

    terms: with one look, at the number of replicates that was fixed beforehand; each metric is a family of its own
    """
    trainer, metric, replicates = ward.trainer, ward.metric, terms.looks[-1]
    runs = trainer.train({BEFORE: before, AFTER: after}, range(FIRST, FIRST + replicates))
    sides = runs[BEFORE], runs[AFTER]
    scored = {name for side in sides for run in side for name in run.curves}
    split: Split = "test" if f"test/{metric.name}" in scored else "validation"
    names = [name for name in METRICS if all(any(f"{split}/{name}" in run.curves for run in side) for side in sides)]
    known = trainer.limits(before)
    outcomes = {
        name: _outcome(sides, metric if name == metric.name else METRICS[name], split, terms, known.get(name))
        for name in dict.fromkeys((metric.name, *names))
    }
    return Final(MappingProxyType(outcomes), split, *sides)


def _outcome(
    sides: tuple[Sequence[Run], Sequence[Run]], metric: Metric, split: Split, terms: Terms, limit: Limit | None
) -> Outcome:
    before, after = (np.array([_score(run, metric.name, split) for run in side]) for side in sides)
    asked = Asked("treatment", BEFORE, AFTER, metric, split, before, after, metric.smallest_effect)
    (effect,) = estimate([asked], terms, rule="fixed")
    best = None if limit is None else limit.bayes
    removed = None if best is None else removed_of(before, after, best, terms)
    return Outcome(level_of(before, terms), level_of(after, terms), effect, best, removed)


def _score(run: Run, name: str, split: Split) -> float:
    """NaN of a training that failed, which has no curve."""
    return run.score(name, split) if f"{split}/{name}" in run.curves else float("nan")


def level_of(scores: NDArray[np.float64], terms: Terms) -> Level:
    """The mean of the scores that are finite, with its interval."""
    finite = scores[np.isfinite(scores)]
    if finite.size < 2:
        return Level(float(finite.mean()) if finite.size else float("nan"), float("nan"), float("nan"))
    interval = mean_interval(finite, level=terms.level, rng=np.random.default_rng(terms.seed))
    return Level(interval.mean, interval.low, interval.high)


def removed_of(before: NDArray[np.float64], after: NDArray[np.float64], best: float, terms: Terms) -> Level | None:
    """The share of the distance from the best possible, shape (n,) before and after, that was taken away."""
    both = np.isfinite(before) & np.isfinite(after)
    if both.sum() < 2:
        return None
    return Level(*paired_ratio(before[both] - after[both], before[both] - best, level=terms.level))
