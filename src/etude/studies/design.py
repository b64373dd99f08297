"""From a plan to its arms, and to the comparisons that are valid where the stated ones are not."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from etude.figures.words import field_words, level_words
from etude.values.claim import OBJECTIVE, Bound, Claim, Contrast, Settings
from etude.values.code import Code
from etude.values.data import Arrays, Data, as_data
from etude.values.errors import RecipeError
from etude.values.nearest import nearest
from etude.values.recipe import Recipe, changed, differing_fields, field_path, field_value
from etude.values.spec import Spec
from etude.values.study import Arm, Plan

FEW_ARMS = 24
"""Arms that a reader can be told of one by one."""


def arms_of(plan: Plan) -> tuple[Arm, ...]:
    """Every arm of a plan, each recipe once: the factorial of `vary`, the named arms, those the claims need."""
    found: dict[str, tuple[str, Recipe]] = {}
    for name, recipe in _named_recipes(plan):
        found.setdefault(recipe.checksum, (name, recipe))
    recipes = [recipe for _, recipe in found.values()]
    paths = [field_path(plan.base, factor) for factor in plan.vary]
    others = (differing_fields(plan.base, recipe) for recipe in recipes)
    heads = {path for path in paths if "." not in path}  # a whole that varies has no parts beside it
    paths += [
        path
        for path in dict.fromkeys(itertools.chain(*others))
        if path not in paths and path.partition(".")[0] not in heads
    ]
    arms = []
    for name, recipe in found.values():
        levels = {path: field_value(recipe, path) for path in paths}
        arms.append(Arm(name or _label(plan, recipe), levels, recipe))
    return _with_distinct_labels(arms)


def data_of(plan: Plan) -> tuple[Data, ...]:
    """Every kind of data that the arms of a plan learn from, each once."""
    return tuple(dict.fromkeys(arm.recipe.data for arm in arms_of(with_valid_comparisons(plan))))


def told_arms(plan: Plan, arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms a study tells of one by one: all if they are few, else those somebody named or a claim compares.

    Where nobody did, those of the factorial that differ from its first in one factor at most.
    """
    if len(arms) <= FEW_ARMS:
        return tuple(arms)
    named = {recipe.checksum for _, recipe in _told_recipes(plan)}
    if not named:
        first = changed(plan.base, {factor: levels[0] for factor, levels in plan.vary.items()})
        named = {arm.recipe.checksum for arm in arms if len(differing_fields(first, arm.recipe)) <= 1}
    return tuple(arm for arm in arms if arm.recipe.checksum in named)[:FEW_ARMS]


def resolve(plan: Plan, arm: Settings | str) -> Recipe:
    """The recipe of an arm given by name or by the fields in which it differs from the base."""
    if not isinstance(arm, str):
        return changed(plan.base, arm)
    if arm not in plan.arms:
        raise RecipeError(f"no arm is named {arm!r}. {nearest(arm, plan.arms)}")
    return changed(plan.base, plan.arms[arm])


def with_valid_comparisons(plan: Plan) -> Plan:
    """The plan with, for each claim that cannot be judged as stated, the comparisons that can be, if none are given."""
    return Plan(**{**dict(plan), "claims": tuple(_with_instead(plan, claim) for claim in plan.claims)})


def difference_text(control: Recipe, treated: Recipe) -> str:
    """What differs between two recipes, in words."""
    fields = differing_fields(control, treated)
    return ", ".join(
        f"{field_words(path)} ({_level_words(treated, path)} against {_level_words(control, path)})" for path in fields
    )


def level_text(value: Any) -> str:  # noqa: ANN401 - any level of any factor
    """A level as a person reads it; of a spec, what is not as it would be anyway.

    >>> level_text((64, 64)), level_text(None), level_text("bce"), level_text(3 * 1e-5)
    ('64-64', 'none', 'bce', '3e-05')
    >>> level_text((("9", 0.05),))
    '9 0.05'
    >>> from etude.values.model import Recurrent
    >>> level_text(Recurrent(cell="lstm", bidirectional=True, forget_bias=2))
    'lstm (bidirectional, forget bias 2)'
    """
    if isinstance(value, tuple) and any(isinstance(part, np.ndarray) for part in value):
        return level_text(as_data(value))
    if isinstance(value, Code):
        return value.name
    if isinstance(value, tuple) and value and all(isinstance(pair, tuple) for pair in value):
        return ", ".join(f"{name} {level_text(of)}" for name, of in value)
    if isinstance(value, tuple | list):
        return "-".join(map(str, value)) or "none"
    if isinstance(value, Spec):
        return _spec_text(value)
    if isinstance(value, float) and len(str(value)) > LONGEST:  # 3 * 1e-5 is 3.0000000000000004e-05
        return f"{value:.10g}"
    return "none" if value is None else str(value)


LONGEST = 14
"""Characters of a number; of one that is longer the last digits are rounding."""


def _spec_text(spec: Spec) -> str:
    if isinstance(spec, Arrays):
        return spec.problem
    kind = type(spec).__name__.lower()
    defaults = {name: field.default for name, field in type(spec).model_fields.items()}
    of_note = [(name, value) for name, value in spec if value != defaults[name] and name not in ("name", spec.told_by)]
    told = ", ".join(_field_text(f"{kind}.{name}", value) for name, value in of_note)
    head = str(getattr(spec, spec.told_by, kind))
    return f"{head} ({told})" if told else head


def _field_text(path: str, value: Any) -> str:  # noqa: ANN401 - any field of any spec
    words = field_words(path)
    if isinstance(value, bool):
        return words if value else f"not {words}"
    return f"{words} {level_words(path.rpartition('.')[2], level_text(value))}"


def _level_words(recipe: Recipe, path: str) -> str:
    return level_words(path, level_text(field_value(recipe, path)))


def _named_recipes(plan: Plan) -> Iterator[tuple[str, Recipe]]:
    named = list(_told_recipes(plan))
    yield from named[: len(plan.arms)]
    if plan.vary or not named:
        for levels in itertools.product(*plan.vary.values()):
            yield "", changed(plan.base, dict(zip(plan.vary, levels, strict=True)))
    yield from named[len(plan.arms) :]


def _told_recipes(plan: Plan) -> Iterator[tuple[str, Recipe]]:
    for name, settings in plan.arms.items():
        yield name, changed(plan.base, settings)
    for claim in plan.claims:
        for part in (*claim.stated, *claim.instead):
            for arm in _arms_in(part):
                yield "", resolve(plan, arm)


def _arms_in(part: Contrast | Bound) -> Iterator[Settings | str]:
    if isinstance(part, Bound):
        yield part.settings
        return
    yield part.control
    yield part.treated
    if part.beyond:
        yield from _arms_in(part.beyond)


def _label(plan: Plan, recipe: Recipe) -> str:
    factors = [field_path(plan.base, factor) for factor in plan.vary]
    others = (path for path in differing_fields(plan.base, recipe) if path not in factors)
    told = [*factors, *(path for path in others if path.partition(".")[0] not in factors)]  # a whole has told its parts
    return ", ".join(f"{field_words(path)} {_level_words(recipe, path)}" for path in told) or "base"


def _with_distinct_labels(arms: list[Arm]) -> tuple[Arm, ...]:
    seen: dict[str, int] = {}
    distinct = []
    for arm in arms:
        seen[arm.label] = seen.get(arm.label, 0) + 1
        label = arm.label if seen[arm.label] == 1 else f"{arm.label} ({seen[arm.label]})"
        distinct.append(Arm(label, arm.levels, arm.recipe))
    return tuple(distinct)


def _with_instead(plan: Plan, claim: Claim) -> Claim:
    if claim.instead:
        return claim
    offered = [offer for part in claim.stated if isinstance(part, Contrast) for offer in _offers(plan, part)]
    return Claim(**{**dict(claim), "instead": tuple(offered)})


def _offers(plan: Plan, stated: Contrast) -> Iterator[Contrast]:
    """One factor at a time from the control, on the study's metric, where the stated contrast is not valid."""
    control, treated = resolve(plan, stated.control), resolve(plan, stated.treated)
    fields = differing_fields(control, treated)
    unlike = stated.metric == OBJECTIVE and control.loss != treated.loss
    if stated.as_a_whole or not (unlike or len(fields) > 1):
        return
    metric = None if stated.metric == OBJECTIVE else stated.metric
    start = {path: field_value(control, path) for path in differing_fields(plan.base, control)}
    for path in fields:
        one = {**start, path: field_value(treated, path)}
        yield Contrast(control=start, treated=one, metric=metric, split=stated.split, expect=stated.expect)
