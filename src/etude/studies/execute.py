"""Running a plan: the runs that are missing, then everything that follows from all of them."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from etude.data.load import check as check_data
from etude.data.load import decision_truth, fingerprint, kind_of, limits
from etude.engine.engines import Job, check, engine_called, facts
from etude.engine.spread import default_workers
from etude.numerics.decisions import Rule
from etude.numerics.factorial import analysis_of_variance
from etude.records.database import SQLITE_VERSION
from etude.records.store import Store, run_key
from etude.studies.claims import judge
from etude.studies.compare import check_factors, factor_effects, looks_of
from etude.studies.design import arms_of, level_text, with_valid_comparisons
from etude.studies.evidence import Evidence
from etude.studies.notes import is_decided, notes_on, notes_on_the_design
from etude.values.effect import VarianceShare
from etude.values.errors import EtudeError, InterruptedStudy, NotComparableError, StoreDamagedError
from etude.values.recipe import Recipe, changed
from etude.values.run import Run
from etude.values.study import MINIMUM_REPLICATES, Arm, Plan, Progress, StudyResult


@dataclass(frozen=True, slots=True)
class Means:
    """With what a study runs; nothing here changes a result.

    engine:  a name in ENGINES
    workers: processes with one thread each; None: one for each processor
    device:  "cpu", or a torch device such as "cuda"
    """

    engine: str = "loop"
    workers: int | None = None
    device: str = "cpu"


Watcher = Callable[[Progress], None]
Runs = dict[tuple[str, int], Run]


@dataclass(slots=True)
class Collection:
    """The runs of a study so far, by arm label and replicate, and how many of them the store had before."""

    store: Store
    means: Means
    watch: Watcher
    runs: Runs = field(default_factory=dict)
    kept: int = 0


def execute(plan: Plan, store: Store, *, means: Means, watch: Watcher) -> StudyResult:
    """Run what the store does not have yet, and judge.

    Every recipe is checked before anything trains. Each finished run is durable before the next is counted, so a
    study killed at any moment goes on where it was. Raises InterruptedStudy on KeyboardInterrupt.
    """
    asked, plan = plan, with_valid_comparisons(plan)
    check_factors(plan)
    arms = arms_of(plan)
    _check_every_arm(arms, means)
    started = time.monotonic()
    collection = Collection(store, means, watch)
    looks: tuple[int, ...] = ()
    for n_replicates, rule in _stages(plan):
        keys = _keys_by_arm(arms, n_replicates, means)
        looks = looks or earlier_looks(store, plan.name, keys)
        store.put_plan(plan.name, plan_json(plan, looks), keys)
        result = conclude(plan, arms, _collect(arms, n_replicates, collection), rule=rule)
        looks = tuple(sorted({*looks, n_replicates}))
        store.put_plan(plan.name, plan_json(plan, looks), keys)
        if plan.replicates != "until decided" or is_decided(result):
            break
    seconds = round(time.monotonic() - started, 1)
    known = {**facts(means.device), **_means_facts(means), "seconds": seconds}
    notes = (*notes_on_the_design(asked, result, looks=looks), *result.notes)
    return replace(result, notes=notes, provenance=MappingProxyType(known))


def conclude(plan: Plan, arms: Sequence[Arm], runs: Runs, *, rule: Rule) -> StudyResult:
    """Everything that follows from finished runs, keyed by arm label and replicate; nothing is trained."""
    n_replicates = 1 + max(replicate for _, replicate in runs)
    by_arm = {arm.label: tuple(_with_truth(runs[arm.label, r]) for r in range(n_replicates)) for arm in arms}
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
    for kept in store.plans():
        shared = [label for label in keys if kept.arms.get(label, ())[:1] == tuple(keys[label])[:1]]
        if kept.name == name and shared:
            return tuple(json.loads(kept.plan).get("looks_taken", ()))
    return ()


def _check_every_arm(arms: Sequence[Arm], means: Means) -> None:
    engine_called(means.engine)
    shared = all(arm.recipe.data == arms[0].recipe.data for arm in arms)
    if shared:  # then what is wrong with the data is no arm's fault
        check_data(arms[0].recipe.data)
    for arm in arms:
        try:
            check_data(arm.recipe.data)
            check(arm.recipe, device=means.device)
        except EtudeError as error:
            raise type(error)(f"arm {arm.label!r}: {error}" if len(arms) > 1 else str(error)) from error
    numbers = [arm.label for arm in arms if kind_of(arm.recipe.data) == "regression"]
    if 0 < len(numbers) < len(arms):
        raise NotComparableError(
            f"some arms predict numbers ({', '.join(numbers)}) and others classes, and no score is common to both. "
            "Study them apart. Nothing was run."
        )


def _stages(plan: Plan) -> Iterator[tuple[int, Rule]]:
    """How many replicates to have at each look, and the rule that look decides by."""
    if plan.replicates != "until decided":
        yield plan.replicates, "fixed"
    elif plan.looks == "planned":
        yield from ((look, "planned") for look in looks_of(plan))
    else:
        yield from ((n, "any time") for n in range(MINIMUM_REPLICATES, plan.max_replicates + 1))


def _collect(arms: Sequence[Arm], n_replicates: int, collection: Collection) -> Runs:
    """Every run of every arm: from the store where it is there, else trained and stored."""
    store, means, runs = collection.store, collection.means, collection.runs
    keys = {(arm.label, r): key for arm in arms for r, key in enumerate(_keys(arm, n_replicates, means))}
    recipes = {arm.label: arm.recipe for arm in arms}
    for label, replicate in keys.keys() - runs.keys():
        run = _kept_run(store, keys[label, replicate], recipes[label])
        if run is not None:
            runs[label, replicate] = run
            collection.kept += 1
    _tell(collection, len(keys), n_replicates)
    missing = sorted((place for place in keys if place not in runs), key=lambda place: place[1])
    jobs = {Job(recipes[label], replicate): (label, replicate) for label, replicate in missing}
    try:
        for job, run in engine_called(means.engine)(tuple(jobs), workers=means.workers, device=means.device):
            place = jobs[job]
            store.add(keys[place], run)
            runs[place] = run
            _tell(collection, len(keys), n_replicates)
    except KeyboardInterrupt:
        raise InterruptedStudy(
            f"stopped: {len(runs)} of {len(keys)} runs are finished and kept in {store.path}. "
            "The same command goes on from there."
        ) from None
    return runs


def _tell(collection: Collection, planned: int, n_replicates: int) -> None:
    done = len(collection.runs)
    collection.watch(Progress(done, planned, collection.kept, planned // n_replicates, n_replicates))


def _kept_run(store: Store, key: str, recipe: Recipe) -> Run | None:
    """The run as it was stored; a damaged one is dropped, to be made again from its recipe, bit for bit."""
    try:
        return store.get(key, recipe=recipe)
    except StoreDamagedError:
        if not store.discard(key):
            raise
        return None


def _keys(arm: Arm, n_replicates: int, means: Means) -> tuple[str, ...]:
    content = fingerprint(arm.recipe.data)
    return tuple(
        run_key(arm.recipe, r, data_fingerprint=content, engine=means.engine, device=means.device)
        for r in range(n_replicates)
    )


def _keys_by_arm(arms: Sequence[Arm], n_replicates: int, means: Means) -> Mapping[str, tuple[str, ...]]:
    return {arm.label: _keys(arm, n_replicates, means) for arm in arms}


def _with_truth(run: Run) -> Run:
    """The run with the true probability beside its decision grid, where the task knows it."""
    if "decision/p" not in run.arrays or run.recipe is None:
        return run
    x1, x2 = np.meshgrid(run.arrays["decision/x1"], run.arrays["decision/x2"])
    truth = decision_truth(run.recipe.data, np.column_stack([x1.ravel(), x2.ravel()]).astype(np.float32))
    if truth is None:
        return run
    arrays = {**run.arrays, "decision/truth": truth.reshape(x1.shape)}
    return replace(run, arrays=MappingProxyType(arrays))


def _variance_shares(evidence: Evidence) -> tuple[VarianceShare, ...]:
    """Shares of the primary metric's variance over a full factorial of two factors or more, if nothing diverged."""
    plan = evidence.plan
    if len(plan.vary) < 2:
        return ()
    metric, split = evidence.metrics[0], evidence.held_out
    cells = itertools.product(*plan.vary.values())
    recipes = (changed(plan.base, dict(zip(plan.vary, levels, strict=True))) for levels in cells)
    outcomes = np.array([evidence.outcomes(evidence.arm(recipe), metric, split) for recipe in recipes])
    if not np.isfinite(outcomes).all() or outcomes.shape[1] < 2:
        return ()
    shape = (outcomes.shape[1], *(len(levels) for levels in plan.vary.values()))
    return analysis_of_variance(outcomes.T.reshape(shape), list(plan.vary), metric=metric)


def _means_facts(means: Means) -> dict[str, str | int]:
    return {"engine": means.engine, "workers": means.workers or default_workers(), "SQLite": SQLITE_VERSION}
