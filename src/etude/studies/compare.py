"""The comparisons of a study: what may be subtracted, and what may not."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.figures.words import CROSS, field_words, level_words
from etude.numerics.decisions import Rule
from etude.studies.design import difference_text, level_text, resolve
from etude.studies.estimate import Asked, estimate, terms_of
from etude.studies.evidence import Evidence
from etude.values.claim import OBJECTIVE, Contrast
from etude.values.comparable import Minimised, units_apart
from etude.values.effect import AND, BEYOND, SPLIT_FACTOR, TO, Effect
from etude.values.errors import ConfoundedError, NotComparableError
from etude.values.metric import METRICS, Split
from etude.values.recipe import Recipe, changed, differing_fields, field_path, field_value
from etude.values.study import Arm, Plan

MOST_TOLD = 2
"""Factors that a main effect is averaged over and still lists."""


def factor_effects(evidence: Evidence, *, rule: Rule) -> tuple[Effect, ...]:
    """The effect of every level of every varied factor against its first level; one family a metric.

    Then, on the primary metric and a family of their own, what every two factors do together.
    """
    effects: list[Effect] = []
    for metric in evidence.metrics:
        asked = [
            factor_asked(evidence, factor, metric=metric, levels=(levels[0], level))
            for factor, levels in evidence.plan.vary.items()
            for level in levels[1:]
        ]
        effects += estimate(asked, terms_of(evidence.plan), rule=rule)
    return (*effects, *estimate(interactions_asked(evidence), terms_of(evidence.plan), rule=rule))


def interactions_asked(evidence: Evidence) -> tuple[Asked, ...]:
    """For every two factors: both at their last level, less what each such change does alone, from the first levels.

    Averaged over the levels of all other factors. Which levels are asked about does not depend on the outcomes; what
    levels in between do, the shares of variance say.
    """
    if len(evidence.factors) < 2:
        return ()
    outcomes = evidence.cell_outcomes(evidence.metrics[0], evidence.held_out)
    return tuple(
        _interaction_asked(evidence, pair, averaged_over_others(outcomes, pair))
        for pair in itertools.combinations(range(len(evidence.factors)), 2)
    )


def averaged_over_others(outcomes: NDArray[np.float64], pair: tuple[int, int]) -> NDArray[np.float64]:
    """Cell outcomes, a factor an axis and replicates last, averaged over all factors but two, shape (n, m, replicates).

    >>> averaged_over_others(np.arange(8.0).reshape(2, 2, 2, 1), (0, 1))[:, :, 0].tolist()
    [[0.5, 2.5], [4.5, 6.5]]
    """
    others = tuple(axis for axis in range(outcomes.ndim - 1) if axis not in pair)
    return np.asarray(outcomes.mean(axis=others))


def check_factors(plan: Plan) -> None:
    """A NotComparableError where two levels of a factor are different problems; asked before anything trains."""
    for factor, levels in plan.vary.items():
        sides = [(level_text(level), changed(plan.base, {factor: level})) for level in levels]
        for treated in sides[1:]:
            _check_one_problem(sides[0], treated)


def factor_asked(
    evidence: Evidence, factor: str, *, metric: str, levels: tuple[Any, Any], split: Split | None = None
) -> Asked:
    """The effect of one factor alone, averaged over the combinations of the others that have both levels."""
    control, treated = levels
    pairs = evidence.matched(factor, control, treated)
    if not pairs:
        raise ConfoundedError(
            f"No two arms differ in {factor!r} alone ({level_text(control)} against {level_text(treated)}), so no "
            f"effect can be put down to it. Run a study with vary={{{factor!r}: [{control!r}, {treated!r}]}} "
            "and everything else held still. Nothing was computed."
        )
    where = split or (evidence.held_out if metric != OBJECTIVE else "validation")
    for pair in pairs:
        _check_one_unit(evidence, *pair, metric=metric, split=where)
    sides = [np.mean([evidence.outcomes(pair[i], metric, where) for pair in pairs], axis=0) for i in (0, 1)]
    path = field_path(evidence.plan.base, factor)
    about = evidence.metric(metric, pairs[0][0], where)
    one, other = (level_text(field_value(arm.recipe, path)) for arm in pairs[0])
    asked = Asked(path, one, other, about, where, sides[0], sides[1], _margin(evidence.plan, metric))
    return replace(asked, says=_averaged(asked, evidence)) if len(pairs) > 1 else asked


def contrast_asked(evidence: Evidence, contrast: Contrast) -> Asked:
    """A claim's contrast, or the error that says why it cannot be subtracted and what could be."""
    plan = evidence.plan
    control = evidence.arm(resolve(plan, contrast.control))
    treated = evidence.arm(resolve(plan, contrast.treated))
    metric = contrast.metric or evidence.metrics[0]
    split = contrast.split or (evidence.held_out if metric != OBJECTIVE else "validation")
    control_split = contrast.control_split or split
    _check_one_unit(evidence, control, treated, metric=metric, split=split)
    fields = differing_fields(control.recipe, treated.recipe)
    if not fields and split == control_split:
        raise NotComparableError(
            f"{control.label!r} and {treated.label!r} are one recipe: there is nothing to compare. "
            "Change a field, or compare two splits with control_split."
        )
    if not contrast.as_a_whole:
        _check_one_factor(fields, difference_text(control.recipe, treated.recipe))
    labels = tuple(_side_text(arm, fields) for arm in (control, treated)) if fields else (control_split, split)
    asked = Asked(
        factor=AND.join(fields) or SPLIT_FACTOR,
        control=labels[0],
        treated=labels[1],
        metric=evidence.metric(metric, control, split),
        split=split if split == control_split else f"{split} − {control_split}",
        control_outcomes=evidence.outcomes(control, metric, control_split),
        treated_outcomes=evidence.outcomes(treated, metric, split),
        margin=contrast.smallest_effect or _margin(plan, metric),
        says=contrast.says or _in_context(plan, control.recipe, treated.recipe),
        recipes=(control.recipe.checksum, treated.recipe.checksum),
    )
    return asked if contrast.beyond is None else _beyond(asked, contrast_asked(evidence, contrast.beyond))


def _interaction_asked(evidence: Evidence, pair: tuple[int, int], averaged: NDArray[np.float64]) -> Asked:
    """What the first factor's change does at the other's last level, against what it does at the other's first."""
    paths = [evidence.factors[axis] for axis in pair]
    cells: list[Arm] = evidence.cells.ravel().tolist()
    first, *_, last = cells
    control, treated = (CROSS.join(level_text(arm.levels[path]) for path in paths) for arm in (first, last))
    metric = evidence.metrics[0]
    return Asked(
        factor=CROSS.join(paths),
        control=control,
        treated=treated,
        metric=METRICS[metric],
        split=evidence.held_out,
        control_outcomes=averaged[-1, 0] - averaged[0, 0],
        treated_outcomes=averaged[-1, -1] - averaged[0, -1],
        margin=_margin(evidence.plan, metric),
    )


def _check_one_unit(evidence: Evidence, control: Arm, treated: Arm, *, metric: str, split: Split) -> None:
    _check_one_problem((control.label, control.recipe), (treated.label, treated.recipe))
    if metric != OBJECTIVE:
        return
    # a regression is trained on its target in units of its own spread
    scaled = "r2" in evidence.metrics
    apart = units_apart(
        *(
            Minimised(evidence.metric(metric, arm, split).unit, scale=repr(arm.recipe.data) if scaled else "")
            for arm in (control, treated)
        )
    )
    if not apart:
        return
    common = ", ".join(METRICS[name].label for name in evidence.metrics)
    raise NotComparableError(
        f"The training objectives of {control.label!r} and {treated.label!r} are not in one unit: {apart}. "
        f"Their difference means nothing. Compare on a score that both runs have: {common}."
    )


def _check_one_problem(control: tuple[str, Recipe], treated: tuple[str, Recipe]) -> None:
    one, other = (recipe.data.problem for _, recipe in (control, treated))
    if one != other:
        raise NotComparableError(
            f"{control[0]!r} learns from {one} and {treated[0]!r} from {other}: other rows, another target, "
            "other limits, and no replicate of one is the pair of a replicate of the other. Study each by itself."
        )


def _check_one_factor(fields: tuple[str, ...], told: str) -> None:
    if len(fields) <= 1:
        return
    raise ConfoundedError(
        f"{len(fields)} factors differ at once: {told}. So the difference cannot be put down to any one of them. "
        f"Vary one at a time, or run all {2 ** len(fields)} combinations; or compare the two recipes with no cause "
        "named (as_a_whole = true)."
    )


def _in_context(plan: Plan, control: Recipe, treated: Recipe) -> str:
    """A change of one field away from the base says where it was made; elsewhere the levels say enough."""
    fields = differing_fields(control, treated)
    shared = [path for path in differing_fields(plan.base, control) if path not in fields]
    if len(fields) != 1 or not shared:
        return ""
    levels = (level_words(fields[0], level_text(field_value(recipe, fields[0]))) for recipe in (treated, control))
    where = ", ".join(f"{field_words(p)} {level_words(p, level_text(field_value(control, p)))}" for p in shared)
    return f"{field_words(fields[0])}: {' against '.join(levels)}, with {where}"


def _averaged(asked: Asked, evidence: Evidence) -> str:
    """A main effect says over what it is an average, lest it be taken for the effect at one setting."""
    others = [path for path in evidence.factors if path != asked.factor]
    over = field_words(AND.join(others)) if len(others) <= MOST_TOLD else f"the other {len(others)} factors"
    treated, control = (level_words(asked.factor, level) for level in (asked.treated, asked.control))
    return f"{field_words(asked.factor)}: {treated} against {control}, averaged over {over}"


def _side_text(arm: Arm, fields: tuple[str, ...]) -> str:
    return level_text(field_value(arm.recipe, fields[0])) if len(fields) == 1 else arm.label


def _beyond(one: Asked, other: Asked) -> Asked:
    if one.metric.unit != other.metric.unit:
        raise NotComparableError(f"one effect is in {one.metric.unit}, the other in {other.metric.unit}.")
    return replace(
        one,
        factor=f"{one.factor}{BEYOND}{other.factor}",
        recipes=(*one.recipes, *other.recipes),
        control=f"{other.control}{TO}{other.treated}",
        treated=f"{one.control}{TO}{one.treated}",
        control_outcomes=other.treated_outcomes - other.control_outcomes,
        treated_outcomes=one.treated_outcomes - one.control_outcomes,
    )


def _margin(plan: Plan, metric: str) -> float | None:
    if metric in plan.smallest_effect:
        return plan.smallest_effect[metric]
    return METRICS[metric].smallest_effect if metric in METRICS else None
