"""Running a plan: the runs that are missing, then everything that follows from all of them."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from etude.data.load import check as check_data
from etude.data.load import decision_truth, fingerprint, limits
from etude.engine.engines import Job, check, engine_called, facts
from etude.engine.spread import default_workers
from etude.numerics.decisions import Rule
from etude.numerics.factorial import analysis_of_variance
from etude.records.database import SQLITE_VERSION
from etude.records.store import Store, run_key
from etude.studies.claims import judge
from etude.studies.compare import factor_effects, looks_of
from etude.studies.design import arms_of, level_text, with_valid_comparisons
from etude.studies.evidence import Evidence
from etude.values.data import Task
from etude.values.effect import VarianceShare
from etude.values.errors import EtudeError, InterruptedStudy, StoreDamagedError
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


def execute(plan: Plan, store: Store, *, means: Means, watch: Watcher) -> StudyResult:
    """Run what the store does not have yet, and judge.

    Every recipe is checked before anything trains. Each finished run is durable before the next is counted, so a
    study killed at any moment goes on where it was. Raises InterruptedStudy on KeyboardInterrupt.
    """
    plan = with_valid_comparisons(plan)
    arms = arms_of(plan)
    _check_every_arm(arms, means)
    started = time.monotonic()
    runs: Runs = {}
    for n_replicates, rule in _stages(plan):
        store.put_plan(plan.name, plan_json(plan), _keys_by_arm(arms, n_replicates, means))
        runs = _collect(arms, n_replicates, store, means=means, watch=watch)
        result = conclude(plan, arms, runs, rule=rule)
        if plan.replicates != "until decided" or _is_decided(result):
            break
    seconds = round(time.monotonic() - started, 1)
    return replace(
        result, provenance=MappingProxyType({**facts(means.device), **_means_facts(means), "seconds": seconds})
    )


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
        notes=tuple(_notes(evidence, n_replicates)),
    )


def plan_json(plan: Plan) -> str:
    """The plan as JSON for the record; the user's own code is kept by name and checksum."""
    return json.dumps(plan.model_dump(), default=level_text, sort_keys=True)


def _check_every_arm(arms: Sequence[Arm], means: Means) -> None:
    engine_called(means.engine)
    for arm in arms:
        try:
            check_data(arm.recipe.data)
            check(arm.recipe, device=means.device)
        except EtudeError as error:
            raise type(error)(f"arm {arm.label!r}: {error}") from error


def _stages(plan: Plan) -> Iterator[tuple[int, Rule]]:
    """How many replicates to have at each look, and the rule that look decides by."""
    if plan.replicates != "until decided":
        yield plan.replicates, "fixed"
    elif plan.looks == "planned":
        yield from ((look, "planned") for look in looks_of(plan))
    else:
        yield from ((n, "any time") for n in range(MINIMUM_REPLICATES, plan.max_replicates + 1))


def _collect(arms: Sequence[Arm], n_replicates: int, store: Store, *, means: Means, watch: Watcher) -> Runs:
    """Every run of every arm: from the store where it is there, else trained and stored."""
    keys = {(arm.label, r): key for arm in arms for r, key in enumerate(_keys(arm, n_replicates, means))}
    recipes = {arm.label: arm.recipe for arm in arms}
    runs: Runs = {}
    for (label, replicate), key in keys.items():
        run = _kept_run(store, key, recipes[label])
        if run is not None:
            runs[label, replicate] = run
    kept = len(runs)
    watch(Progress(kept, len(keys), kept, len(arms), n_replicates))
    missing = sorted((place for place in keys if place not in runs), key=lambda place: place[1])
    jobs = {Job(recipes[label], replicate): (label, replicate) for label, replicate in missing}
    try:
        for job, run in engine_called(means.engine)(tuple(jobs), workers=means.workers, device=means.device):
            place = jobs[job]
            store.add(keys[place], run)
            runs[place] = run
            watch(Progress(len(runs), len(keys), kept, len(arms), n_replicates))
    except KeyboardInterrupt:
        raise InterruptedStudy(
            f"stopped: {len(runs)} of {len(keys)} runs are finished and kept in {store.path}. "
            "The same command goes on from there."
        ) from None
    return runs


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


def _is_decided(result: StudyResult) -> bool:
    """Whether every effect on the primary metric, and every claim's, has a verdict."""
    primary = result.effects[0].metric if result.effects else ""
    asked = [effect for effect in result.effects if effect.metric == primary]
    asked += [effect for judgement in result.judgements for effect in (*judgement.stated, *judgement.instead)]
    return all(effect.verdict != "undecided" for effect in asked)


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


def _notes(evidence: Evidence, n_replicates: int) -> Iterator[str]:
    if n_replicates < MINIMUM_REPLICATES:
        yield f"{n_replicates} replicates give no verdict; {MINIMUM_REPLICATES} are the least that do."
    for label, runs in evidence.runs.items():
        diverged = sum(run.ended == "diverged" for run in runs)
        if diverged:
            yield f"{diverged} of {len(runs)} runs of {label!r} diverged."
    yield from _notes_on_what_intervals_mean(evidence)
    versions = {str(run.provenance.get("torch", "")) for runs in evidence.runs.values() for run in runs} - {""}
    if len(versions) > 1:
        yield f"The runs were made by several versions of torch: {', '.join(sorted(versions))}."
    yield from dict.fromkeys(note for runs in evidence.runs.values() for note in runs[0].notes)


def _notes_on_what_intervals_mean(evidence: Evidence) -> Iterator[str]:
    recipes = [arm.recipe for arm in evidence.arms]
    if evidence.held_out == "validation" and any(recipe.early_stopping for recipe in recipes):
        yield (
            "Early stopping chose weights by the validation part, and effects are judged on it too, which flatters "
            "arms that stop early. Keep rows apart with `test = 0.2`."
        )
    if any(not isinstance(recipe.data, Task) for recipe in recipes):
        yield (
            "Every replicate splits the same rows anew, so intervals speak about training on these rows, not about "
            "other rows like them, for which they are too narrow (Nadeau and Bengio 2003)."
        )


def _means_facts(means: Means) -> dict[str, str | int]:
    return {"engine": means.engine, "workers": means.workers or default_workers(), "SQLite": SQLITE_VERSION}
