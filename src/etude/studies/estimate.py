"""Outcomes to effects: one decision for each family of questions, whoever asks them and wherever runs come from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from etude.figures.words import CROSS
from etude.numerics.decisions import Question, Rule, UnpairedQuestion, decide
from etude.numerics.failures import paired_failure_p, unpaired_failure_p
from etude.numerics.power import replicates_to_decide
from etude.numerics.shape import all_alike
from etude.values.effect import BEYOND, Effect, Verdict
from etude.values.metric import METRICS, Metric
from etude.values.study import MINIMUM_REPLICATES, Plan


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One effect to be estimated.

    control_outcomes, treated_outcomes: one number a replicate, paired by position; NaN where a run diverged
    recipes: checksums of the recipes compared, which tell two questions apart however they are worded
    paired:  whether they are pairs; the outcomes of groups without pairs may differ in number
    """

    factor: str
    control: str
    treated: str
    metric: Metric
    split: str
    control_outcomes: NDArray[np.float64]
    treated_outcomes: NDArray[np.float64]
    margin: float | None
    says: str = ""
    recipes: tuple[str, ...] = ()
    paired: bool = True


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed before outcomes are looked at.

    level:   one minus the error rate of each family
    seed:    of resampling
    looks:   the numbers of replicates at which a study "until decided" looks
    """

    level: float
    seed: int
    looks: tuple[int, ...]


def terms_of(plan: Plan) -> Terms:
    """The terms of a study."""
    return Terms(plan.level, plan.base.seed, looks_up_to(plan.max_replicates))


def estimate(asked: Sequence[Asked], terms: Terms, *, rule: Rule) -> tuple[Effect, ...]:
    """The effects of one family, each undecided one with the number of replicates that would decide it."""
    return tuple(_with_advice(effect) for effect in estimated(asked, terms, rule=rule))


def estimated(asked: Sequence[Asked], terms: Terms, *, rule: Rule) -> tuple[Effect, ...]:
    """The effects of one family: they share the error rate, and each says so."""
    questions = [_question(one) for one in asked]
    answerable = [i for i, question in enumerate(questions) if question.n >= 2]
    decisions = decide(
        [questions[i] for i in answerable], level=terms.level, rule=rule, looks=terms.looks, seed=terms.seed
    )
    decided = dict(zip(answerable, decisions, strict=True))
    alpha = (1 - terms.level) / (max(1, len(asked)) * _n_looks(terms, rule))
    effects = []
    for i, one in enumerate(asked):
        found = decided.get(i)
        effect = _blank(one, terms, len(asked))
        if found is not None:
            effect = replace(
                effect,
                mean=found.interval.mean,
                low=found.interval.low,
                high=found.interval.high,
                level=found.interval.level,
                verdict=found.verdict,
                p=found.interval.p,
                p_sign_flip=found.p_sign_flip,
                method=found.interval.method,
                notes=found.warnings,
            )
        effects.append(_with_divergence(effect, one, alpha=alpha))
    return tuple(effects)


def looks_up_to(most: int) -> tuple[int, ...]:
    """The numbers of replicates at which a study 'until decided' looks: 5, 10, 20, 40, …, up to its cap.

    >>> looks_up_to(30)
    (5, 10, 20, 30)
    """
    looks = []
    look = 5
    while look < most:
        looks.append(look)
        look *= 2
    return (*looks, most)


def _question(asked: Asked) -> Question | UnpairedQuestion:
    lower_is_better = asked.metric.lower_is_better
    if not asked.paired:
        control, treated = (side[np.isfinite(side)] for side in (asked.control_outcomes, asked.treated_outcomes))
        return UnpairedQuestion(control, treated, asked.margin, lower_is_better)
    differences = _differences(asked)
    finite = differences[np.isfinite(differences)]
    return Question(finite, asked.margin, lower_is_better, replicates=asked.control_outcomes.size)


def _differences(asked: Asked) -> NDArray[np.float64]:
    """Treated minus control of each pair; none where there are no pairs."""
    return asked.treated_outcomes - asked.control_outcomes if asked.paired else np.empty(0)


def _finite_runs(asked: Asked) -> tuple[int, int]:
    control, treated = (int(np.isfinite(side).sum()) for side in (asked.control_outcomes, asked.treated_outcomes))
    return control, treated


def _blank(asked: Asked, terms: Terms, family: int) -> Effect:
    differences = _differences(asked)
    nothing = float("nan")
    return Effect(
        mean=nothing,
        low=nothing,
        high=nothing,
        level=terms.level,
        n_pairs=int(np.isfinite(differences).sum()),
        verdict="undecided",
        metric=asked.metric.name,
        unit=asked.metric.unit,
        split=asked.split,
        lower_is_better=asked.metric.lower_is_better,
        factor=asked.factor,
        control=asked.control,
        treated=asked.treated,
        differences=tuple(map(float, differences)),
        p=nothing,
        p_sign_flip=nothing,
        method="none",
        smallest_effect=asked.margin,
        family=family,
        says=asked.says,
        n_runs=None if asked.paired else _finite_runs(asked),
    )


def _n_looks(terms: Terms, rule: Rule) -> int:
    """How often the rule may look at the counts of failures, which share their error rate by Bonferroni."""
    anytime = terms.looks[-1] - MINIMUM_REPLICATES + 1
    return {"fixed": 1, "planned": len(terms.looks), "any time": anytime}[rule]


def _with_divergence(effect: Effect, asked: Asked, *, alpha: float) -> Effect:
    """Where runs diverged the means speak for the survivors only; then the count of failures decides, or nothing.

    Exact McNemar test at `alpha` on the replicates in which one side alone diverged; of groups without pairs, Fisher's
    exact test. Of two changes that are set against one another it is not made: a failure there may be either's control.
    """
    failed = [~np.isfinite(side) for side in (asked.control_outcomes, asked.treated_outcomes)]
    if not (failed[0].any() or failed[1].any()):
        return effect
    p, more_treated, test = _failures(failed[0], failed[1], paired=asked.paired)
    verdict: Verdict = "undecided"
    if p < alpha and BEYOND not in effect.factor and CROSS not in effect.factor:
        verdict = "worse" if more_treated else "better"
    those = "pairs" if asked.paired else "runs"
    note = (
        f"diverged: {int(failed[0].sum())} of {failed[0].size} control and {int(failed[1].sum())} "
        f"{'' if asked.paired else f'of {failed[1].size} '}treated runs; the interval is of the {those} that finished, "
        f"the verdict of the failures (exact {test} p = {p:.2g})"
    )
    return replace(effect, verdict=verdict, notes=(*effect.notes, note))


def _failures(control: NDArray[np.bool_], treated: NDArray[np.bool_], *, paired: bool) -> tuple[float, bool, str]:
    """p of equal chances to fail, whether treated runs failed more often, and by which test."""
    if not paired:
        counts = [(int(side.sum()), side.size) for side in (control, treated)]
        return unpaired_failure_p(*counts), bool(treated.mean() > control.mean()), "Fisher"
    only_control, only_treated = int((control & ~treated).sum()), int((treated & ~control).sum())
    return paired_failure_p(only_control, only_treated), only_treated > only_control, "McNemar"


def _with_advice(effect: Effect) -> Effect:
    """An undecided effect says how many replicates would decide it; one without a margin, what it cannot become."""
    if not np.isfinite(effect.mean):
        return effect
    if effect.smallest_effect is None:
        note = f"never called equivalent: say what is too small to act on, smallest_effect = {{{effect.metric} = …}}"
        return replace(effect, notes=(*effect.notes, note)) if effect.metric in METRICS else effect
    differences = np.array(effect.differences)[np.isfinite(effect.differences)]
    if effect.verdict != "undecided" or differences.size < 2 or all_alike(differences):
        return effect
    needed = replicates_to_decide(
        standard_deviation=float(differences.std(ddof=1)),
        margin=effect.smallest_effect,
        difference=effect.mean,
        level=effect.level,
    )
    if needed is None:
        return replace(effect, notes=(*effect.notes, "no number of replicates within reach would decide it"))
    if needed <= effect.n_pairs:
        return effect
    note = f"about {needed:,} replicates, on a fresh seed, would decide it if the estimate is right (power 80 %)"
    return replace(effect, notes=(*effect.notes, note))
