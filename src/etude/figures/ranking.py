"""The best and the worst arms of many: chosen by one half of the replicates, and scored by the other half.

The best of many arms is always partly lucky; a score that chose it flatters it. The other half chose nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.numbers import decimals, number
from etude.numerics.intervals import student_interval
from etude.values.metric import Metric

LEAST = 4
"""Replicates needed: two that choose, two that score."""

FEWEST, EACH_END = 8, 3
"""Arms from which there is a ranking, and how many of them are shown at either end of it."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """An arm at one end of the ranking.

    place:           from 1, the best, by the half that chooses
    chosen:          its mean score in that half; NaN where a run diverged there, which makes it one of the last
    mean, low, high: its mean score in the other half, over the runs that finished, with its interval
    again:           its place by the other half
    diverged:        runs of the other half that did not finish
    """

    place: int
    arm: str
    chosen: float
    mean: float
    low: float
    high: float
    again: int
    diverged: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """The two ends; `choosing` and `scoring` say how many replicates did which, `level` what each interval covers."""

    metric: Metric
    arms: int
    choosing: int
    scoring: int
    level: float
    best: tuple[Ranked, ...]
    worst: tuple[Ranked, ...]
    places: int


def ranking_data(
    arms: Sequence[str], outcomes: NDArray[np.float64], metric: Metric, *, level: float = 0.95
) -> Ranking | None:
    """The best arms and the worst; None where there are too few arms or replicates for one.

    outcomes: shape (arms, replicates), NaN where a run diverged. Even replicates choose, odd ones score; which is
              which is settled before anything is seen.
    Each interval is Student's t over one arm's scores, by itself.
    """
    if len(arms) < FEWEST or outcomes.shape[1] < LEAST:
        return None
    halves = outcomes[:, ::2], outcomes[:, 1::2]
    order, again = (_order(half, metric) for half in halves)
    ends = (*range(EACH_END), *range(len(arms) - EACH_END, len(arms)))
    ranked = [_ranked(place, arms, halves, (order, again), level) for place in ends]
    widths = [one.high - one.low for one in ranked if 0 < one.high - one.low < np.inf]
    return Ranking(
        metric=metric,
        arms=len(arms),
        choosing=halves[0].shape[1],
        scoring=halves[1].shape[1],
        level=level,
        best=tuple(ranked[:EACH_END]),
        worst=tuple(ranked[EACH_END:]),
        places=min(decimals(min(widths, default=0.0)), 4),
    )


def _order(half: NDArray[np.float64], metric: Metric) -> list[int]:
    """The arms from the best mean to the worst, then those in which a run diverged."""
    sign = 1 if metric.lower_is_better else -1
    order: list[int] = np.argsort(sign * half.mean(axis=1), kind="stable").tolist()  # NaN last
    return order


def _ranked(
    place: int,
    arms: Sequence[str],
    halves: tuple[NDArray[np.float64], NDArray[np.float64]],
    orders: tuple[list[int], list[int]],
    level: float,
) -> Ranked:
    i = orders[0][place]
    choosing, scoring = (half[i] for half in halves)
    finished = scoring[np.isfinite(scoring)]
    found = student_interval(finished, level=level) if finished.size > 1 else None
    mean, low, high = (found.mean, found.low, found.high) if found else (np.nan,) * 3
    return Ranked(
        place=place + 1,
        arm=arms[i],
        chosen=float(choosing.mean()),
        mean=mean,
        low=low,
        high=high,
        again=orders[1].index(i) + 1,
        diverged=scoring.size - finished.size,
    )


def chosen_text(ranking: Ranking, ranked: Ranked) -> str:
    """The mean score that chose an arm, or what kept it from being chosen."""
    return number(ranked.chosen, ranking.places) if np.isfinite(ranked.chosen) else "diverged"


def scored_text(ranking: Ranking, ranked: Ranked) -> str:
    """The mean score that chose nothing."""
    return number(ranked.mean, ranking.places) if np.isfinite(ranked.mean) else "diverged"


def interval_text(ranking: Ranking, ranked: Ranked) -> str:
    """Its interval, and what it is not of."""
    lost = [f"{ranked.diverged} diverged"] if ranked.diverged else []
    if not np.isfinite(ranked.high - ranked.low):
        return ", ".join(["no interval", *lost])
    return ", ".join([f"{number(ranked.low, ranking.places)} to {number(ranked.high, ranking.places)}", *lost])
