"""The decision rule: verdicts, families, looks, and what a person is told."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from etude.numerics.decisions import ESTIMATORS, Question, decide
from etude.numerics.stopping import look_alphas
from etude.values.errors import ComparisonError, NotEnoughDataError, RecipeError

RULES = st.sampled_from(list(ESTIMATORS))
SIZES = st.sampled_from([5, 10, 20])


def ask(values, *, margin=None, lower_is_better=True, replicates=None) -> Question:
    return Question(tuple(values), margin, lower_is_better, replicates)


def normal(mean: float, n: int = 10, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, n)


@pytest.mark.parametrize(
    ("mean", "lower_is_better", "verdict"),
    [(-3, True, "better"), (-3, False, "worse"), (3, True, "worse"), (3, False, "better"), (0, True, "undecided")],
)
def test_a_difference_is_better_or_worse_by_the_direction_of_the_metric(mean, lower_is_better, verdict):
    (decision,) = decide([ask(normal(mean), lower_is_better=lower_is_better)], seed=0)
    assert decision.verdict == verdict
    assert decision.family == 1
    assert decision.interval.level == 0.95


def test_no_difference_found_is_not_equivalence():
    wide, narrow = (decide([ask(normal(0, n, seed=3), margin=0.5)], seed=0)[0] for n in (6, 60))
    assert wide.verdict == "undecided"
    assert narrow.verdict == "equivalent"


def test_a_difference_smaller_than_worth_acting_on_is_equivalent_and_says_that_it_exists():
    (decision,) = decide([ask(0.3 + 0.01 * normal(0), margin=0.5)], seed=0)
    assert decision.verdict == "equivalent"
    assert decision.interval.low > 0
    assert any("a difference exists" in warning for warning in decision.warnings)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.integers(5, 15), st.floats(0.1, 2))
def test_equivalence_is_that_of_two_one_sided_tests(seed, n, margin):
    values = normal(0, n, seed)
    p, *_ = ttost_paired(values, np.zeros(n), -margin, margin)
    (decision,) = decide([ask(values, margin=margin)], seed=0)
    if abs(p - 0.05) > 1e-10:
        assert (decision.verdict == "equivalent") == (p < 0.05)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.integers(1, 8), RULES, SIZES, st.sampled_from([None, 0.7]))
def test_no_interval_contradicts_its_verdict(seed, family, rule, n, margin):
    rng = np.random.default_rng(seed)
    questions = [ask(rng.normal(rng.choice([0, 1, 3]), 1, n), margin=margin) for _ in range(family)]
    for decision in decide(questions, rule=rule, seed=seed):
        low, high = decision.interval.low, decision.interval.high
        excludes_zero = not low <= 0 <= high
        assert excludes_zero == (decision.interval.p < 1 - decision.interval.level)
        assert {"better": high < 0, "worse": low > 0, "undecided": not excludes_zero}.get(decision.verdict, True)
        assert decision.verdict != "equivalent" or abs(decision.interval.mean) < margin


@settings(deadline=None, max_examples=20)  # statsmodels takes 70 ms a call
@given(st.lists(st.floats(-2, 2), min_size=1, max_size=8))
def test_a_family_rejects_what_holm_rejects(means):
    decisions = decide([ask(normal(mean, seed=i)) for i, mean in enumerate(means)], seed=0)
    reject = multipletests([one.interval.p for one in decisions], alpha=0.05, method="holm")[0]
    assert [one.verdict != "undecided" for one in decisions] == reject.tolist()
    assert {one.family for one in decisions} == {len(means)}


def test_each_interval_of_a_family_is_shown_at_the_level_it_was_tested_at():
    strong, weak, none = decide([ask(normal(5)), ask(normal(0.2, seed=1)), ask(normal(0, seed=2))], seed=0)
    assert strong.interval.level == pytest.approx(1 - 0.05 / 3)
    assert weak.interval.level == none.interval.level == pytest.approx(1 - 0.05 / 2)


def test_equivalences_share_one_error_rate_even_where_every_difference_was_found():
    # Ten differences of 0.3 with tiny noise are all found, so Holm's last alpha is 5 %. The equivalence tests have p
    # between 5 %/10 and 5 %: alone each would be equivalent, and of ten none may be.
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 1, 10)
    noise = 0.02 * (noise - noise.mean()) / noise.std(ddof=1)
    margin = 0.3 + 2.6 * 0.02 / math.sqrt(10)  # t = 2.6 on 9 degrees of freedom: one-sided p 0.014
    question = ask(0.3 + noise, margin=margin)
    assert decide([question], seed=0)[0].verdict == "equivalent"
    assert {one.verdict for one in decide([question] * 10, seed=0)} == {"worse"}


def test_a_planned_look_has_the_error_rate_of_that_look():
    for n, alpha in zip((5, 10, 20, 40), look_alphas((5, 10, 20, 40), alpha=0.05), strict=True):
        (decision,) = decide([ask(normal(0, n))], rule="planned", seed=0)
        assert decision.interval.level == pytest.approx(1 - alpha, rel=1e-12)


def test_pairs_lost_to_divergence_do_not_move_the_look():
    (decision,) = decide([ask(normal(0, 18), replicates=20)], rule="planned", seed=0)
    assert decision.interval.level == pytest.approx(1 - look_alphas((5, 10, 20, 40), alpha=0.05)[2])


@pytest.mark.parametrize("sizes", [(12,), (5, 10)])
def test_a_look_that_was_not_planned_is_refused(sizes):
    with pytest.raises(RecipeError, match=r"planned looks are at 5, 10, 20, 40"):
        decide([ask(normal(0, n)) for n in sizes], rule="planned", seed=0)


def test_the_interval_of_any_time_is_the_e_process():
    (decision,) = decide([ask(normal(2, 12))], rule="any time", seed=0)
    assert decision.interval.method == "t e-process"
    assert decision.verdict == "worse"


def test_five_pairs_that_can_decide_nothing_in_a_large_family_say_so():
    decisions = decide([ask(normal(9, 5, seed=i)) for i in range(10)], rule="any time", seed=0)
    assert {one.verdict for one in decisions} == {"undecided"}
    assert all("so few pairs cannot decide anything" in one.warnings[0] for one in decisions)


def test_four_pairs_give_no_verdict_however_clear():
    (decision,) = decide([ask([3.0, 3.1, 2.9, 3.0])], seed=0)
    assert decision.verdict == "undecided"
    assert decision.warnings == ("4 pairs are too few for a verdict; 5 give one",)


def test_a_question_with_too_few_pairs_still_counts_in_its_family():
    few, enough = decide([ask([3.0, 3.1, 2.9]), ask(normal(5))], seed=0)
    assert few.verdict == "undecided"
    assert enough.interval.level == pytest.approx(0.975)


@pytest.mark.parametrize("rule", ESTIMATORS)
@pytest.mark.parametrize("margin", [None, 0.05, 0.2])
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0.0] * 5, "identical results in every pair"),
        ([0.1] * 5, "every pair gave the same difference"),
        ([0.9 - 0.8, 0.8 - 0.7, 0.7 - 0.6, 0.6 - 0.5, 0.5 - 0.4], "every pair gave the same difference"),
    ],
)
def test_differences_that_do_not_vary_decide_nothing_and_say_what_to_do(rule, margin, values, says):
    (decision,) = decide([ask(values, margin=margin)], rule=rule, seed=0)
    assert decision.verdict == "undecided"
    assert (decision.interval.low, decision.interval.high, decision.interval.p) == (-math.inf, math.inf, 1)
    (warning,) = decision.warnings
    assert says in warning
    assert "more test rows or a finer metric" in warning


def test_ten_questions_that_all_gained_one_row_of_thirty_are_undecided():
    decisions = decide([ask([1 / 30] * 5, margin=0.01, lower_is_better=False)] * 10, seed=0)
    assert {one.verdict for one in decisions} == {"undecided"}
    assert {one.p_sign_flip for one in decisions} == {0.0625}  # 2 of 2^5 patterns


def test_a_margin_below_one_test_row_is_never_equivalent_and_says_what_a_row_is_worth():
    # One row of 30 lost in one pair of 60: the t interval at 90 % is 0.0006 ± 0.0009, far inside ±0.01.
    (decision,) = decide([ask([0.0] * 59 + [1 / 30], margin=0.01)], seed=0)
    assert decision.verdict == "undecided"
    assert any("steps of 0.033 (what one test row is worth)" in warning for warning in decision.warnings)


@pytest.mark.parametrize(("margin", "verdict"), [(0.0211, "worse"), (0.0212, "equivalent")])
def test_equivalence_of_scores_in_steps_must_survive_two_and_a_half_steps_in_one_pair(margin, verdict):
    # Five 0 and five 0.02: mean 0.01, standard error 0.01/3, t(95 %, 9) = 1.8331, so the bound is 0.01611. Two and a
    # half steps of 0.02 over 10 pairs are 0.005: equivalence begins at a margin of 0.02111.
    (decision,) = decide([ask([0.0, 0.02] * 5, margin=margin)], seed=0)
    assert decision.verdict == verdict


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-3, 3), min_size=5, max_size=20), st.sampled_from([10, 30, 69, 200]))
def test_verdicts_on_coarse_scores_turn_round_with_the_differences(counts, rows):
    values = np.array(counts) / rows
    (one,), (other,) = (decide([ask(sign * values, margin=2 / rows)], seed=0) for sign in (1, -1))
    assert {one.verdict, other.verdict} in ({"better", "worse"}, {"equivalent"}, {"undecided"})


def test_a_second_basin_is_said():
    (decision,) = decide([ask([*normal(0, 17), 9.0, 9.5, 10.0])], seed=0)
    assert decision.warnings[0].startswith("second basin")


def test_the_same_seed_gives_the_same_bits_and_a_question_keeps_its_own_chance():
    skewed = [ask(np.random.default_rng(i).lognormal(size=30)) for i in range(3)]
    assert decide(skewed, seed=1) == decide(skewed, seed=1)
    assert decide(skewed, seed=1)[0].p_sign_flip == decide([skewed[0]], seed=1)[0].p_sign_flip
    assert decide(skewed, seed=1) != decide(skewed, seed=2)


def test_no_questions_have_no_decisions():
    assert decide([], seed=0) == ()
    assert decide([], rule="planned", seed=0) == ()


def test_one_pair_is_refused_with_the_way_out():
    with pytest.raises(NotEnoughDataError, match=r"got 1 pair .*replicates=2"):
        decide([ask([0.1])], seed=0)


def test_a_diverged_pair_is_refused():
    with pytest.raises(ComparisonError, match="is inf"):
        decide([ask([0.1, math.inf, 0.2])], seed=0)


@pytest.mark.parametrize("margin", [0.0, -1.0, math.nan, math.inf])
def test_a_margin_that_is_no_distance_is_refused(margin):
    with pytest.raises(ComparisonError, match="give it above 0"):
        ask([1.0, 2.0], margin=margin)


def test_an_unknown_rule_is_refused_with_the_known_ones():
    with pytest.raises(RecipeError, match="Known: fixed, planned, any time"):
        decide([ask([1.0, 2.0])], rule="peek", seed=0)
