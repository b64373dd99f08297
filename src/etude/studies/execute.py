"""Running a plan: the runs that are missing, then everything that follows from all of them."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from etude.data.load import limits
from etude.engine.engines import facts
from etude.numerics.decisions import Rule
from etude.numerics.factorial import analysis_of_variance
from etude.records.store import Store
from etude.studies.claims import judge
from etude.studies.collect import Collection, Means, Runs, Watcher, collect, engines_of, keys_by_arm, means_facts
from etude.studies.compare import check_factors, factor_effects
from etude.studies.design import arms_of, level_text, with_valid_comparisons
from etude.studies.estimate import looks_up_to
from etude.studies.evidence import Evidence
from etude.studies.notes import is_decided, notes_on, notes_on_engines, notes_on_the_design
from etude.values.effect import VarianceShare
from etude.values.study import MINIMUM_REPLICATES, Arm, Plan, StudyResult


def execute(plan: Plan, store: Store, *, means: Means, watch: Watcher) -> StudyResult:
    """Run what the store does not have yet, and judge.

    Every recipe is checked before anything trains. A finished run is durable before it is counted, so a study that
    is killed at any moment goes on where it was. Raises InterruptedStudy on KeyboardInterrupt.
    """
    asked, plan = plan, with_valid_comparisons(plan)
    check_factors(plan)
    arms = arms_of(plan)
    choices = engines_of(arms, means)
    started = time.monotonic()
    collection = Collection(store, means, choices, watch)
    looks: tuple[int, ...] = ()
    for n_replicates, rule in _stages(plan):
        collection.keys = keys = keys_by_arm(arms, n_replicates, collection)
        looks = looks or earlier_looks(store, plan.name, keys)
        store.put_plan(plan.name, plan_json(plan, looks), keys)
        result = conclude(plan, arms, collect(arms, collection), rule=rule)
        looks = tuple(sorted({*looks, n_replicates}))
        store.put_plan(plan.name, plan_json(plan, looks), keys)
        if plan.replicates != "until decided" or is_decided(result):
            break
    seconds = round(time.monotonic() - started, 1)
    known = {**facts(means.device), **means_facts(collection), "seconds": seconds}
    notes = (*notes_on_the_design(asked, result, looks=looks), *notes_on_engines(choices), *result.notes)
    return replace(result, notes=notes, provenance=MappingProxyType(known))


def conclude(plan: Plan, arms: Sequence[Arm], runs: Runs, *, rule: Rule) -> StudyResult:
    """Everything that follows from finished runs, keyed by arm label and replicate; nothing is trained."""
    n_replicates = 1 + max(replicate for _, replicate in runs)
    by_arm = {arm.label: tuple(runs[arm.label, r] for r in range(n_replicates)) for arm in arms}
    evidence = Evidence(plan, tuple(arms), by_arm)
    known = {arm.label: limits(arm.recipe.data, seed=arm.recipe.seed) for arm in arms}
    return StudyResult(
        plan=plan,
        arms=tuple(arms),
        runs=MappingProxyType(by_arm),
        limits=MappingProxyType(known),
        effects=factor_effects(evidence, rule=rule),
        judgements=judge(evidence, known, rule=rule),
        variance=_variance_shares(evidence),
        notes=tuple(notes_on(evidence)),
    )


def plan_json(plan: Plan, looks: Sequence[int]) -> str:
    """The plan as JSON for the record, with the numbers of replicates it was judged at so far.

    The user's own code is kept by name and checksum.
    """
    return json.dumps({**plan.model_dump(), "looks_taken": list(looks)}, default=level_text, sort_keys=True)


def earlier_looks(store: Store, name: str, keys: Mapping[str, Sequence[str]]) -> tuple[int, ...]:
    """The numbers of replicates at which the study of this name was judged before, on the same first runs."""
    kept = store.plan(name)
    if kept is None or not any(kept.arms.get(label, ())[:1] == tuple(keys[label][:1]) for label in keys):
        return ()
    return tuple(json.loads(kept.plan).get("looks_taken", ()))


def _stages(plan: Plan) -> Iterator[tuple[int, Rule]]:
    """How many replicates to have at each look, and the rule that look decides by."""
    if plan.replicates != "until decided":
        yield plan.replicates, "fixed"
    elif plan.looks == "planned":
        yield from ((look, "planned") for look in looks_up_to(plan.max_replicates))
    else:
        yield from ((n, "any time") for n in range(MINIMUM_REPLICATES, plan.max_replicates + 1))


def _variance_shares(evidence: Evidence) -> tuple[VarianceShare, ...]:
    """Shares of the primary metric's variance over a full factorial of two factors or more, if nothing diverged."""
    plan = evidence.plan
    if len(plan.vary) < 2:
        return ()
    metric, split = evidence.metrics[0], evidence.held_out
    outcomes = np.moveaxis(evidence.cell_outcomes(metric, split), -1, 0)
    if not np.isfinite(outcomes).all() or len(outcomes) < 2:
        return ()
    return analysis_of_variance(outcomes, list(plan.vary), metric=metric)
