"""A full factorial as the faces show it: its map, what two factors do together, the ranking, how far memory goes."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.heatmap import HeatMap, Levels, heat_map_data
from etude.figures.horizon import HorizonData, Outcomes, horizon_data
from etude.figures.profiles import Profiles, profiles_data
from etude.figures.ranking import Ranking, ranking_data
from etude.figures.words import CROSS, field_words, level_words, shape
from etude.studies.compare import averaged_over_others
from etude.studies.design import level_text, resolve
from etude.studies.evidence import Evidence
from etude.values.data import Memory
from etude.values.effect import Effect
from etude.values.metric import METRICS, Split
from etude.values.recipe import field_path
from etude.values.study import Arm, StudyResult

WAIT = "data.length"
"""The factor along which memory is asked for."""

HORIZON_METRICS = ("accuracy", "r2")
"""What is drawn against the length: of the first that the arms are scored on more is better, and 1 is perfect."""

MOST_PROFILES = 3
"""Pairs of factors whose profiles are drawn: those that interact most."""


@dataclass(frozen=True, slots=True)
class Factorial:
    """What a study of two factors or more shows beside its effects, all on the primary metric and one split.

    profiles: of the pairs that were found to interact, the largest interaction first
    ranking:  None where there are too few arms for one
    """

    split: Split
    heat: HeatMap
    profiles: tuple[Profiles, ...]
    ranking: Ranking | None


def main_effects(result: StudyResult) -> tuple[Effect, ...]:
    """The effects of single factors."""
    return tuple(effect for effect in result.effects if shape(effect) != "together")


def interactions(result: StudyResult) -> tuple[Effect, ...]:
    """What every two factors do together: those that were found first, the largest first of all."""
    found = [effect for effect in result.effects if shape(effect) == "together"]
    return tuple(sorted(found, key=lambda effect: (not is_found(effect), -np.nan_to_num(abs(effect.mean)))))


def is_found(effect: Effect) -> bool:
    """Whether two factors do more, or less, together than added up."""
    return effect.verdict in ("better", "worse")


def factorial_of(result: StudyResult) -> Factorial | None:
    """The factorial of a study; None where fewer than two factors vary."""
    if len(result.plan.vary) < 2:
        return None
    evidence = Evidence(result.plan, result.arms, result.runs)
    metric = METRICS[evidence.metrics[0]]
    outcomes = evidence.cell_outcomes(metric.name, evidence.held_out)
    factors = _levels(evidence)
    drawn = (
        _profiles(effect, evidence, factors, outcomes)
        for effect in interactions(result)[:MOST_PROFILES]
        if is_found(effect)
    )
    cells: list[Arm] = evidence.cells.ravel().tolist()
    flat = outcomes.reshape(len(cells), -1)
    return Factorial(
        split=evidence.held_out,
        heat=heat_map_data(factors, outcomes, metric, names=_names(evidence, cells)),
        profiles=tuple(profiles for profiles in drawn if profiles is not None),
        ranking=ranking_data([_cell_words(evidence, arm) for arm in cells], flat, metric, level=result.plan.level),
    )


def horizon_of(result: StudyResult) -> HorizonData | None:
    """Score by length; None where the data are no memory task, or its length does not vary."""
    of_memory = all(isinstance(arm.recipe.data, Memory) for arm in result.arms)
    if not of_memory or WAIT not in [field_path(result.plan.base, factor) for factor in result.plan.vary]:
        return None
    evidence = Evidence(result.plan, result.arms, result.runs)
    metric = next(name for name in HORIZON_METRICS if name in evidence.metrics)
    axis = evidence.factors.index(WAIT)
    lines = np.moveaxis(evidence.cells, axis, -1).reshape(-1, evidence.cells.shape[axis])
    scores = np.moveaxis(evidence.cell_outcomes(metric, evidence.held_out), axis, -2)
    lengths = [arm.levels[WAIT] for arm in lines[0]]
    others = [path for path in evidence.factors if path != WAIT]
    outcomes = [
        Outcomes(", ".join(_level(path, arms[0]) for path in others), of, *_ends(result, arms[0], metric))
        for arms, of in zip(lines, scores.reshape(len(lines), len(lengths), -1), strict=True)
    ]
    by = ", ".join(map(field_words, others))
    return horizon_data(by, lengths, outcomes, METRICS[metric], level=result.plan.level)


def _ends(result: StudyResult, arm: Arm, metric: str) -> tuple[float, float]:
    """Chance, and the best score possible."""
    limit = result.limits.get(arm.label, {}).get(metric)
    return (limit.chance, math.nan if limit.bayes is None else limit.bayes) if limit else (math.nan, math.nan)


def _levels(evidence: Evidence) -> tuple[Levels, ...]:
    lines = (np.moveaxis(evidence.cells, axis, 0).reshape(n, -1)[:, 0] for axis, n in enumerate(evidence.cells.shape))
    return tuple(
        Levels(field_words(path), tuple(_level(path, arm) for arm in line))
        for path, line in zip(evidence.factors, lines, strict=True)
    )


def _level(path: str, arm: Arm) -> str:
    return level_words(path, level_text(arm.levels[path]))


def _names(evidence: Evidence, cells: list[Arm]) -> dict[int, str]:
    """Each named cell's place and all of its names."""
    places = {arm.recipe.checksum: place for place, arm in enumerate(cells)}
    found: dict[int, list[str]] = {}
    for name in evidence.plan.arms:
        place = places.get(resolve(evidence.plan, name).checksum)
        if place is not None:
            found.setdefault(place, []).append(name)
    return {place: " and ".join(found[place]) for place in sorted(found)}


def _cell_words(evidence: Evidence, arm: Arm) -> str:
    """A cell by its levels, whatever the arm is called."""
    levels = ", ".join(f"{field_words(path)} {_level(path, arm)}" for path in evidence.factors)
    return f"{levels} ({arm.label})" if arm.label in evidence.plan.arms else levels


def _profiles(
    effect: Effect, evidence: Evidence, factors: tuple[Levels, ...], outcomes: NDArray[np.float64]
) -> Profiles | None:
    one, other = (evidence.factors.index(path) for path in effect.factor.split(CROSS))
    averaged = averaged_over_others(outcomes, (one, other))
    return profiles_data((factors[one], factors[other]), averaged, METRICS[effect.metric], level=evidence.plan.level)
