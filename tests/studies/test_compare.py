"""What may be subtracted, what may not, and what a person is told."""

from collections import Counter

import numpy as np
import pytest

from etude.studies.compare import (
    contrast_asked,
    factor_asked,
    factor_effects,
    interactions_asked,
)
from etude.studies.estimate import estimate, looks_up_to, terms_of
from etude.values.claim import Contrast
from etude.values.errors import ConfoundedError, NotComparableError
from etude.values.study import Plan

NOISE = np.random.default_rng(0).normal(0, 0.1, 10)
"""What a replicate shares over arms: pairing takes it out."""


def test_pairing_removes_what_replicates_share(base, evidence_of):
    shift = np.linspace(-0.001, 0.001, 10)
    plan = Plan(base=base, vary={"loss": ("bce", "mse")})
    evidence = evidence_of(plan, lambda arm: 0.5 + NOISE + (shift - 0.05) * (arm.recipe.loss == "mse"))
    (effect,) = factor_effects(evidence, rule="fixed")
    assert effect.mean == pytest.approx(-0.05)
    assert effect.high - effect.low < 0.002 < np.std(NOISE)
    assert (effect.verdict, effect.control, effect.treated, effect.unit) == ("better", "bce", "mse", "nats")


def test_a_main_effect_averages_over_the_other_factor(base, evidence_of):
    plan = Plan(base=base, vary={"loss": ("bce", "mse"), "hidden": ((4,), (8,))})
    cells = {("bce", (4,)): 0.5, ("mse", (4,)): 0.4, ("bce", (8,)): 0.5, ("mse", (8,)): 0.2}
    evidence = evidence_of(plan, lambda arm: cells[arm.recipe.loss, arm.recipe.model.hidden] + NOISE)
    asked = factor_asked(evidence, "loss", metric="log_loss", levels=("bce", "mse"))
    assert np.mean(asked.treated_outcomes - asked.control_outcomes) == pytest.approx((-0.1 - 0.3) / 2)


def test_what_two_factors_do_together_is_what_both_do_less_what_each_does_alone(base, evidence_of):
    plan = Plan(base=base, vary={"loss": ("bce", "mse"), "hidden": ((4,), (6,), (8,))})
    cells = {("bce", (4,)): 0.5, ("mse", (4,)): 0.4, ("bce", (8,)): 0.45, ("mse", (8,)): 0.2}
    evidence = evidence_of(plan, lambda arm: cells.get((arm.recipe.loss, arm.recipe.model.hidden), 9.0) + NOISE)
    (asked,) = interactions_asked(evidence)
    # both changes: -0.3; MSE alone: -0.1; 8 units alone: -0.05; the level in between is not asked about
    assert asked.treated_outcomes - asked.control_outcomes == pytest.approx(-0.3 + 0.1 + 0.05)
    assert (asked.factor, asked.control, asked.treated) == ("loss × model.hidden", "bce × 4", "mse × 8")


def test_what_two_factors_do_together_is_averaged_over_the_others(base, evidence_of):
    plan = Plan(base=base, vary={"loss": ("bce", "mse"), "hidden": ((4,), (8,)), "epochs": (10, 20)})
    both = {10: 0.3, 20: 0.1}

    def score(arm):
        made = (arm.recipe.loss == "mse") + (arm.recipe.model.hidden == (8,))
        return NOISE + 0.5 * made + both[arm.recipe.epochs] * (made == 2)

    asked = interactions_asked(evidence_of(plan, score))
    found = {one.factor: np.mean(one.treated_outcomes - one.control_outcomes) for one in asked}
    assert found == {
        "loss × model.hidden": pytest.approx(0.2),
        "loss × epochs": pytest.approx(-0.1),  # with 8 units 0.1 instead of 0.3, with 4 units nothing
        "model.hidden × epochs": pytest.approx(-0.1),
    }


def test_interactions_are_a_family_of_their_own_on_the_primary_metric(base, evidence_of):
    plan = Plan(base=base, vary={"loss": ("bce", "mse"), "hidden": ((4,), (5,), (8,)), "epochs": (10, 20)})
    effects = factor_effects(evidence_of(plan, lambda arm: NOISE**2 * arm.recipe.epochs), rule="fixed")
    families = Counter(("×" in effect.factor, effect.metric, effect.family) for effect in effects)
    assert families == {(False, "log_loss", 4): 4, (True, "log_loss", 3): 3}


def test_one_factor_has_nothing_to_interact_with(base, evidence_of):
    assert interactions_asked(evidence_of(Plan(base=base, vary={"loss": ("bce", "mse")}), lambda _: NOISE)) == ()


def test_failures_decide_no_interaction(base, evidence_of):
    # a failure where both changes are made alone may be either's, so that only the pairs that finished are told
    plan = Plan(base=base, vary={"loss": ("bce", "mse"), "hidden": ((4,), (8,))})
    broken = np.where(np.arange(10) < 8, np.nan, NOISE)
    last = {"loss": "mse", "model.hidden": (8,)}
    evidence = evidence_of(plan, lambda arm: broken if arm.levels == last else NOISE)
    effect = factor_effects(evidence, rule="fixed")[-1]
    assert (effect.factor, effect.verdict, effect.n_pairs) == ("loss × model.hidden", "undecided", 2)
    assert "8 treated runs" in effect.notes[-1]


def test_of_many_factors_a_main_effect_says_over_how_many_it_is_averaged(base, evidence_of):
    plan = Plan(
        base=base, vary={"loss": ("bce", "mse"), "hidden": ((4,), (8,)), "epochs": (10, 20), "flip": (0.0, 0.1)}
    )
    effect = factor_effects(evidence_of(plan, lambda _: NOISE), rule="fixed")[0]
    assert effect.says == "loss: MSE against BCE, averaged over the other 3 factors"


def test_an_arm_added_by_a_claim_does_not_shift_a_factor_effect(base, evidence_of):
    extra = {"a": {"epochs": 20}, "b": {"epochs": 20, "loss": "mse"}}
    plan = Plan(base=base, vary={"loss": ("bce", "mse")}, arms=extra)
    evidence = evidence_of(plan, lambda arm: NOISE + (arm.recipe.epochs == 20) * (arm.recipe.loss == "mse"))
    asked = factor_asked(evidence, "loss", metric="log_loss", levels=("bce", "mse"))
    assert np.allclose(asked.treated_outcomes, asked.control_outcomes)


def test_no_cause_is_named_where_no_two_arms_differ_in_the_factor_alone(base, evidence_of):
    plan = Plan(base=base, arms={"a": {}, "b": {"loss": "mse", "hidden": [8]}})
    evidence = evidence_of(plan, lambda _: NOISE)
    with pytest.raises(ConfoundedError, match=r"No two arms differ in 'loss' alone.*vary=\{'loss': \['bce', 'mse'\]\}"):
        factor_asked(evidence, "loss", metric="log_loss", levels=("bce", "mse"))


def test_unlike_objectives_are_refused_with_the_metric_to_use(base, evidence_of):
    plan = Plan(base=base, vary={"loss": ("bce", "mse")})
    evidence = evidence_of(plan, lambda _: NOISE)
    with pytest.raises(NotComparableError, match=r"nats against squared probability.*Compare on.*log loss"):
        factor_asked(evidence, "loss", metric="objective", levels=("bce", "mse"))


def test_like_objectives_may_be_subtracted(base, evidence_of):
    plan = Plan(base=base, vary={"hidden": ((4,), (8,))})
    asked = factor_asked(evidence_of(plan, lambda _: NOISE), "hidden", metric="objective", levels=((4,), (8,)))
    assert (asked.metric.unit, asked.split) == ("nats", "validation")


def test_a_contrast_of_several_factors_is_confounded_unless_taken_as_a_whole(base, evidence_of):
    settings = {"loss": "mse", "hidden": [8]}
    plan = Plan(base=base, arms={"a": {}, "b": settings})
    evidence = evidence_of(plan, lambda _: NOISE)
    with pytest.raises(ConfoundedError, match=r"2 factors .*: hidden units .8 against 4., loss .MSE against BCE."):
        contrast_asked(evidence, Contrast(treated=settings))
    assert contrast_asked(evidence, Contrast(treated=settings, as_a_whole=True)).factor == "model.hidden + loss"


def test_a_gap_is_one_arm_on_two_splits(base, evidence_of):
    evidence = evidence_of(Plan(base=base), lambda _: NOISE)
    asked = contrast_asked(evidence, Contrast(split="test", control_split="train"))
    assert np.allclose(asked.treated_outcomes - asked.control_outcomes, 0.1)
    assert asked.split == "test − train"


def test_one_effect_beyond_another_is_their_difference_in_each_replicate(base, evidence_of):
    plan = Plan(base=base, arms={"a": {}, "b": {"epochs": 20}, "c": {"hidden": [8]}})
    shifts = {"a": 0.0, "b": -0.3, "c": -0.1}
    evidence = evidence_of(plan, lambda arm: NOISE + shifts[arm.label])
    asked = contrast_asked(evidence, Contrast(treated="b", control="a", beyond=Contrast(treated="c", control="a")))
    assert np.allclose(asked.treated_outcomes - asked.control_outcomes, -0.2)


def test_diverged_runs_are_counted_and_decide_where_they_are_many(base, evidence_of):
    plan = Plan(base=base, vary={"loss": ("bce", "mse")})
    broken = np.where(np.arange(10) < 7, np.nan, NOISE)
    evidence = evidence_of(plan, lambda arm: broken if arm.recipe.loss == "mse" else NOISE)
    (effect,) = factor_effects(evidence, rule="fixed")
    assert (effect.verdict, effect.n_pairs) == ("worse", 3)  # 7 of 7 discordant: exact McNemar p = 2 / 2^7
    assert "7 treated runs" in effect.notes[-1]
    assert "p = 0.016" in effect.notes[-1]


def test_one_diverged_run_leaves_the_question_open(base, evidence_of):
    plan = Plan(base=base, vary={"loss": ("bce", "mse")})
    broken = np.where(np.arange(10) < 1, np.nan, NOISE - 1)
    evidence = evidence_of(plan, lambda arm: broken if arm.recipe.loss == "mse" else NOISE)
    (effect,) = factor_effects(evidence, rule="fixed")
    assert (effect.verdict, effect.n_pairs) == ("undecided", 9)


def test_an_arm_that_diverged_entirely_is_worse_not_an_error(base, evidence_of):
    plan = Plan(base=base, vary={"loss": ("bce", "mse")})
    evidence = evidence_of(plan, lambda arm: NOISE * (np.nan if arm.recipe.loss == "mse" else 1))
    (effect,) = factor_effects(evidence, rule="fixed")
    assert (effect.verdict, effect.n_pairs) == ("worse", 0)


def test_an_undecided_effect_says_how_many_replicates_would_decide_it(base, evidence_of):
    wide = np.array([1, -1, 1, -1, 1, -1, 1, -1, 1, -1.1])
    plan = Plan(base=base, vary={"loss": ("bce", "mse")}, smallest_effect={"log_loss": 0.5})
    evidence = evidence_of(plan, lambda arm: wide * (arm.recipe.loss == "mse"))
    (effect,) = factor_effects(evidence, rule="fixed")
    assert effect.verdict == "undecided"
    # 36 replicates show equivalence within half a standard deviation; the margin here is 0.468 of one
    assert "about 41 replicates, on a fresh seed, would decide it" in effect.notes[-1]


def test_effects_of_one_family_share_the_error_rate(base, evidence_of):
    plan = Plan(base=base, vary={"hidden": ((4,), (5,), (6,))})
    rng = np.random.default_rng(1)
    verdicts = Counter()
    for _ in range(200):
        evidence = evidence_of(plan, lambda _: rng.normal(size=8))
        effects = factor_effects(evidence, rule="fixed")
        assert {effect.family for effect in effects} == {2}
        verdicts[any(effect.verdict in ("better", "worse") for effect in effects)] += 1
    assert verdicts[True] <= 20  # binomial(200, 0.05): P(more than 20) = 0.1 %


def test_looks_double_up_to_the_cap(base):
    assert looks_up_to(40) == (5, 10, 20, 40)
    assert looks_up_to(5) == (5,)


def test_nothing_asked_is_nothing_estimated(base):
    assert estimate([], terms_of(Plan(base=base)), rule="fixed") == ()


def test_scores_on_unlike_problems_are_refused(base, evidence_of):
    plan = Plan(base=base, arms={"a": {}, "b": {"data": {"task": "xor"}}})
    with pytest.raises(NotComparableError, match=r"learns from the task sincos and 'b' from the task xor"):
        contrast_asked(evidence_of(plan, lambda _: NOISE), Contrast(treated="b", control="a"))


def test_one_recipe_under_two_names_is_no_comparison(base, evidence_of):
    plan = Plan(base=base, arms={"a": {}})
    with pytest.raises(NotComparableError, match=r"are one recipe: there is nothing to compare"):
        contrast_asked(evidence_of(plan, lambda _: NOISE), Contrast(treated="a"))


def test_optimisers_of_different_kinds_are_levels_of_one_factor(base, evidence_of):
    levels = ({"name": "sgd", "learning_rate": 0.5}, {"name": "adam", "learning_rate": 0.5})
    evidence = evidence_of(Plan(base=base, vary={"optimizer": levels}), lambda _: NOISE)
    (effect, *_) = factor_effects(evidence, rule="fixed")
    assert (effect.factor, effect.control) == ("optimizer", "sgd (learning rate 0.5)")


def test_many_arms_that_diverge_share_the_error_rate(base, evidence_of):
    # each arm alone loses 6 of 10 replicates: exact McNemar p = 2 / 2^6 = 0.031, not enough for one of five questions
    plan = Plan(base=base, vary={"hidden": ((4,), (5,), (6,), (7,), (8,), (9,))})
    broken = np.where(np.arange(10) < 6, np.nan, NOISE)
    evidence = evidence_of(plan, lambda arm: NOISE if arm.recipe.model.hidden == (4,) else broken)
    assert {effect.verdict for effect in factor_effects(evidence, rule="fixed")} == {"undecided"}


def test_failures_counted_at_every_look_share_the_error_rate_too(base, evidence_of):
    # 6 of 6 discordant replicates: exact McNemar p = 2 / 2^6 = 0.031, below 5 % asked once, above 5 % / 4 looks
    plan = Plan(base=base, vary={"loss": ("bce", "mse")})
    broken = np.where(np.arange(10) < 6, np.nan, NOISE)
    evidence = evidence_of(plan, lambda arm: broken if arm.recipe.loss == "mse" else NOISE)
    verdicts = {rule: factor_effects(evidence, rule=rule)[0].verdict for rule in ("fixed", "planned", "any time")}
    assert verdicts == {"fixed": "worse", "planned": "undecided", "any time": "undecided"}


def test_a_diverged_control_is_not_held_against_the_change_it_belongs_to(base, evidence_of):
    arms = {"a": {}, "b": {"epochs": 20}, "c": {"loss": "mse"}, "d": {"loss": "mse", "epochs": 20}}
    plan = Plan(base=base, arms=arms)
    broken = np.where(np.arange(10) < 8, np.nan, NOISE)
    evidence = evidence_of(plan, lambda arm: broken if arm.label == "a" else NOISE)
    asked = contrast_asked(evidence, Contrast(treated="b", control="a", beyond=Contrast(treated="d", control="c")))
    (effect,) = estimate([asked], terms_of(plan), rule="fixed")
    assert effect.verdict == "undecided"
