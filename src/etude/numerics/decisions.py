"""From differences to verdicts: one family of questions, one error rate, and no interval against its verdict.

Within a family, at most a share `1 − level` of studies calls any difference that does not exist, and at most that
share calls any equivalence that does not hold. Not finding a difference is never called equivalence.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from etude.numerics.intervals import Estimate, Interval, alpha_of, interval_of, mean_estimate, sign_flip_p, usable
from etude.numerics.multiplicity import holm_alphas
from etude.numerics.shape import all_alike, lattice_step, shape_warning
from etude.numerics.stopping import LOOKS, e_process, look_alphas
from etude.numerics.unpaired import permutation_p, welch_t
from etude.values.effect import Verdict
from etude.values.errors import ComparisonError, RecipeError
from etude.values.study import MINIMUM_REPLICATES

Rule = Literal["fixed", "planned", "any time"]

STEPS_OF_GRACE = 2.5
"""Lattice steps, in one of the pairs, that equivalence must survive, because t promises too much on coarse scores.

Found on tuning seeds 13 and 14 (test rows lost independently, 10 to 200 rows, 5 to 100 pairs, a true difference of one
to three rows as the margin): at most 11 % falsely equivalent without, 6.3 % with one step, 4.3 % with two. In families
of ten, whose tails are rougher, 6.4 % with two and 5.2 % with two and a half.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One effect to decide on.

    differences:     treated minus control, one for each replicate in which both scores are finite, shape (n,)
    margin:          the smallest effect worth acting on, in the metric's unit; None: equivalence is not asked about
    lower_is_better: whether a negative difference is an improvement
    replicates:      replicates run, where pairs were lost to divergence; None: as many as there are differences
    """

    differences: tuple[float, ...] | NDArray[np.float64]
    margin: float | None
    lower_is_better: bool
    replicates: int | None = None

    def __post_init__(self) -> None:
        _check_margin(self.margin)

    @property
    def n(self) -> int:
        """Differences."""
        return len(self.differences)

    @property
    def scores(self) -> NDArray[np.float64]:
        """What shows in which steps the score comes."""
        return np.asarray(self.differences, dtype=np.float64)

    @property
    def deviations(self) -> NDArray[np.float64]:
        """What shows the shape of the distribution, and whether anything varies; wherever its middle is."""
        return self.scores


@dataclass(frozen=True, slots=True, eq=False)
class UnpairedQuestion:
    """One effect to decide on, between two groups of runs that have no pairs.

    control, treated: a finite score of each run, shape (n,) and (m,)
    margin, lower_is_better: as of a `Question`
    """

    control: tuple[float, ...] | NDArray[np.float64]
    treated: tuple[float, ...] | NDArray[np.float64]
    margin: float | None
    lower_is_better: bool

    def __post_init__(self) -> None:
        _check_margin(self.margin)

    @property
    def n(self) -> int:
        """Runs of the smaller group."""
        return min(len(self.control), len(self.treated))

    @property
    def scores(self) -> NDArray[np.float64]:
        """What shows in which steps the score comes."""
        return np.concatenate((usable(self.control), usable(self.treated)))

    @property
    def deviations(self) -> NDArray[np.float64]:
        """Distances from the own group's mean, in its standard deviations; of a group that does not vary, none."""
        groups = [values for values in map(usable, (self.control, self.treated)) if not all_alike(values)]
        return np.concatenate([(values - values.mean()) / values.std(ddof=1) for values in groups] or [np.zeros(2)])


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from a question's differences, within its family.

    interval:    at the level the verdict was reached at, which a family or a look makes higher than the study's
    verdict:     better, worse, equivalent or undecided
    p_sign_flip: two-sided, by sign flips, or without pairs by shuffling: for comparison, no verdict depends on it
    family:      how many questions share the error rate
    warnings:    what a person must know before believing the verdict
    """

    interval: Interval
    verdict: Verdict
    p_sign_flip: float
    family: int
    warnings: tuple[str, ...]


def decide(
    questions: Sequence[Question | UnpairedQuestion],
    *,
    level: float = 0.95,
    rule: Rule = "fixed",
    looks: Sequence[int] = LOOKS,
    seed: int,
) -> tuple[Decision, ...]:
    """A verdict on each question of one family, in the order asked.

    level: one minus the family's error rate
    rule:  "fixed" where the number of replicates was fixed beforehand; "planned" where this is one of `looks`;
           "any time" where the study may stop after any replicate
    seed:  of the resampling; the same questions and seed give the same bits
    Holm's step-down over the p values gives each question the error rate alpha it was tested at, and its interval
    is shown at 1 − alpha. Equivalence is found where the interval at 1 − 2 alpha lies inside ±margin (two one-sided
    tests), at the question's alpha or, where smaller, at the one of a Holm step-down over the equivalence tests. Scores
    that come in steps (one test row) need a margin above one step, of which the `STEPS_OF_GRACE` are taken off first.
    Differences that are all the same have an unknown variation: nothing follows from them. Groups without pairs are
    judged by the same rules with Welch's t, where the number of runs was fixed beforehand.

    >>> improved = Question((-1.0, -1.2, -0.9, -1.1, -1.0), margin=0.1, lower_is_better=True)
    >>> decide([improved], seed=0)[0].verdict
    'better'
    """
    alpha = _error_rate(questions, level=level, rule=rule, looks=looks)
    generators = [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(i,))) for i in range(len(questions))]
    finest = alpha / max(1, len(questions))
    estimates = [_estimated(question, rule, finest, rng) for question, rng in zip(questions, generators, strict=True)]
    pairs = list(zip(questions, estimates, strict=True))
    alphas = holm_alphas([_p_different(*pair) for pair in pairs], alpha=alpha)
    equivalence_alphas = holm_alphas([_p_equivalent(*pair) for pair in pairs], alpha=alpha)
    decisions = []
    for (question, estimate), own, other, rng in zip(pairs, alphas, equivalence_alphas, generators, strict=True):
        interval = interval_of(estimate, alpha=own)
        verdict = _verdict(question, interval, estimate.bounds(2 * min(own, other)))
        p = _p_by_chance(question, rng)
        decisions.append(Decision(interval, verdict, p, len(pairs), _warnings(question, interval, verdict)))
    return tuple(decisions)


def _at_any_time(differences: NDArray[np.float64], _: float, __: np.random.Generator) -> Estimate:
    return e_process(differences)


def _at_a_look(differences: NDArray[np.float64], alpha: float, rng: np.random.Generator) -> Estimate:
    return mean_estimate(differences, alpha=alpha, rng=rng)


def _estimated(question: Question | UnpairedQuestion, rule: Rule, finest: float, rng: np.random.Generator) -> Estimate:
    if isinstance(question, UnpairedQuestion):
        return welch_t(question.control, question.treated)
    return ESTIMATORS[rule](usable(question.differences), finest, rng)


def _p_by_chance(question: Question | UnpairedQuestion, rng: np.random.Generator) -> float:
    if isinstance(question, UnpairedQuestion):
        return permutation_p(question.control, question.treated, rng=rng)
    return sign_flip_p(question.differences, rng=rng)


Estimator = Callable[[NDArray[np.float64], float, np.random.Generator], Estimate]
ESTIMATORS: Mapping[Rule, Estimator] = MappingProxyType(
    {"fixed": _at_a_look, "planned": _at_a_look, "any time": _at_any_time}
)


def _error_rate(
    questions: Sequence[Question | UnpairedQuestion], *, level: float, rule: Rule, looks: Sequence[int]
) -> float:
    if rule not in ESTIMATORS:
        raise RecipeError(f"no rule {rule!r}. Known: {', '.join(ESTIMATORS)}.")
    if rule == "fixed":
        return alpha_of(level)
    if any(isinstance(question, UnpairedQuestion) for question in questions):
        raise RecipeError(
            f"groups without pairs cannot be judged by the rule {rule!r}: its error rate was worked out for paired "
            "differences. Fix the number of runs beforehand (rule 'fixed'), or pair the runs."
        )
    if rule == "any time":
        return alpha_of(level)
    paired = [question for question in questions if isinstance(question, Question)]
    rates = dict(zip(looks, look_alphas(looks, alpha=alpha_of(level)), strict=True))
    reached = {q.n if q.replicates is None else q.replicates for q in paired}
    if len(reached) > 1 or not reached <= rates.keys():
        raise RecipeError(
            f"a look at {', '.join(map(str, sorted(reached)))} replicates, but the planned looks are at "
            f"{', '.join(map(str, looks))}. The error rate is shared out over the planned looks alone: wait for the "
            "next one, or plan to look at any time."
        )
    return rates[reached.pop()] if reached else alpha_of(level)


def _too_few(question: Question | UnpairedQuestion) -> bool:
    return question.n < MINIMUM_REPLICATES


def _p_different(question: Question | UnpairedQuestion, estimate: Estimate) -> float:
    """p of no difference; 1 where no verdict may follow, so that the question still counts in its family."""
    return 1.0 if _too_few(question) else estimate.p_at(0.0)


def _p_equivalent(question: Question | UnpairedQuestion, estimate: Estimate) -> float:
    """p of a difference as large as the margin: the larger of the two one-sided tests."""
    margin = _room(question)
    if _too_few(question) or abs(estimate.mean) >= margin:
        return 1.0
    return max(estimate.p_at(-margin), estimate.p_at(margin)) / 2


def _room(question: Question | UnpairedQuestion) -> float:
    """How far from 0 equivalence reaches: the margin, less what steps of the score hide; 0 where it cannot follow."""
    step = lattice_step(question.scores)
    if question.margin is None or question.margin <= step:
        return 0.0
    return max(0.0, question.margin - STEPS_OF_GRACE * step / question.n)


def _verdict(question: Question | UnpairedQuestion, interval: Interval, two_one_sided: tuple[float, float]) -> Verdict:
    if _too_few(question):
        return "undecided"
    low, high = two_one_sided
    room = _room(question)
    if -room < low and high < room:
        return "equivalent"
    if interval.low <= 0 <= interval.high:
        return "undecided"
    return "better" if (interval.high < 0) == question.lower_is_better else "worse"


def _warnings(question: Question | UnpairedQuestion, interval: Interval, verdict: Verdict) -> tuple[str, ...]:
    shape = shape_warning(question.deviations)
    alike = all_alike(question.deviations)
    step = lattice_step(question.scores)
    said = (
        (_too_few(question), _says_too_few(question)),
        *_says_alike(question),
        (
            question.margin is not None and step >= question.margin and not alike,
            f"the score moves in steps of {step:.2g} (what one test row is worth), and the smallest effect of interest "
            f"is {question.margin or 0:g}: never equivalent; use more test rows or a finer metric such as log loss",
        ),
        (
            math.isinf(interval.low) and not alike,
            "so few pairs cannot decide anything at this level; more replicates can",
        ),
        (shape is not None, SHAPES.get(str(shape), "")),
        (
            verdict == "equivalent" and not interval.low <= 0 <= interval.high,
            "a difference exists, but it is smaller than the smallest effect of interest",
        ),
    )
    return tuple(words for applies, words in said if applies)


def _check_margin(margin: float | None) -> None:
    if margin is not None and not 0 < margin < math.inf:
        raise ComparisonError(
            f"margin is {margin}. Equivalence means smaller than the smallest effect worth acting on: "
            "give it above 0, in the metric's unit, or None to leave equivalence out."
        )


def _says_too_few(question: Question | UnpairedQuestion) -> str:
    if isinstance(question, Question):
        return f"{question.n} pairs are too few for a verdict; {MINIMUM_REPLICATES} give one"
    sizes = f"{len(question.control)} control and {len(question.treated)} treated runs"
    return f"{sizes} are too few for a verdict; {MINIMUM_REPLICATES} of each give one"


def _says_alike(question: Question | UnpairedQuestion) -> tuple[tuple[bool, str], ...]:
    """What is said of values that do not vary, and whether it applies."""
    if isinstance(question, Question):
        same = IDENTICAL if not question.scores[0] else f"every pair gave the same difference{UNKNOWN}"
        return ((all_alike(question.deviations), same),)
    control, treated = (all_alike(usable(values)) for values in (question.control, question.treated))
    return (
        (control and treated, f"all runs of a group gave the same number, in both groups{UNKNOWN}"),
        (control and not treated, f"all control runs gave the same number; {BORROWED}"),
        (treated and not control, f"all treated runs gave the same number; {BORROWED}"),
    )


BORROWED = "they were taken to vary as much as those of the other group"
UNKNOWN = (
    ", so its variation is not known and no verdict follows; use more test rows or a finer metric such as log loss"
)
IDENTICAL = (
    "the two arms gave identical results in every pair: either what differs changed nothing at all, which their curves "
    f"would show, or the score is too coarse to see it{UNKNOWN}"
)

SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "second basin": (
            "second basin: some replicates lie in a group of their own; report how often that happens separately, "
            "or add replicates"
        ),
        "heavy tail": (
            "heavy tail: a few replicates lie far from the rest, and the interval may cover less often than it says; "
            "add replicates"
        ),
    }
)
