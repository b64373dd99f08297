"""Groups without pairs: Welch's t against its definition and scipy's, and the permutation p."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from etude.numerics.decisions import UnpairedQuestion, decide
from etude.numerics.power import runs_needed, runs_to_decide
from etude.numerics.unpaired import permutation_p, welch_interval, welch_t
from etude.values.errors import NotEnoughDataError, RecipeError

SCORES = st.lists(st.floats(-100, 100), min_size=2, max_size=12).filter(lambda values: np.ptp(values) > 1e-3)


def normal(n: int, mean: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, n)


def ask(control, treated, *, margin=None, lower_is_better=True) -> UnpairedQuestion:
    return UnpairedQuestion(tuple(control), tuple(treated), margin, lower_is_better)


def test_two_groups_of_three_match_the_closed_form():
    # Variances 1 and 4 over 3 runs: standard error sqrt(5/3); degrees (5/3)^2 / ((1/9 + 16/9) / 2) = 50/17.
    estimate = welch_t([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    assert estimate.mean == 2
    assert estimate.standard_error == pytest.approx(math.sqrt(5 / 3))
    assert estimate.degrees == pytest.approx(50 / 17)


@given(SCORES, SCORES)
def test_the_interval_and_p_are_those_of_scipy(control, treated):
    found = welch_interval(control, treated)
    theirs = stats.ttest_ind(treated, control, equal_var=False)
    between = theirs.confidence_interval()
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((between.low, between.high), rel=1e-6, abs=1e-9)


@given(SCORES, SCORES)
def test_exchanged_groups_give_the_opposite_difference(control, treated):
    one, other = welch_interval(control, treated), welch_interval(treated, control)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_a_group_that_does_not_vary_is_taken_to_vary_as_the_other_does():
    # The other one's variance is 1: standard error sqrt(1/3 + 1/4), on its own 2 degrees of freedom.
    estimate = welch_t([5.0] * 4, [1.0, 2.0, 3.0])
    assert estimate.standard_error == pytest.approx(math.sqrt(1 / 3 + 1 / 4))
    assert estimate.degrees == 2


def test_two_groups_that_do_not_vary_exclude_nothing():
    interval = welch_interval([1.0, 1.0], [2.0, 2.0])
    assert (interval.low, interval.high, interval.p) == (-math.inf, math.inf, 1.0)


def test_one_run_has_no_spread():
    with pytest.raises(NotEnoughDataError, match="One difference has no spread"):
        welch_t([1.0], [1.0, 2.0])


def test_the_shuffling_p_counts_every_division_of_small_groups():
    # Of the 20 divisions of six runs, the one seen and its mirror image have means as far apart.
    assert permutation_p([1, 2, 3], [11, 12, 13], rng=np.random.default_rng(0)) == pytest.approx(2 / 20)


def test_a_sampled_shuffling_p_is_near_the_exact_one_of_scipy():
    control, treated = normal(9), normal(9, 0.8, seed=1)
    theirs = stats.permutation_test(
        (control, treated), lambda a, b, axis: a.mean(axis) - b.mean(axis), n_resamples=math.inf, vectorized=True
    ).pvalue
    found = permutation_p(control, treated, rng=np.random.default_rng(0))
    assert found == pytest.approx(theirs, abs=4 * math.sqrt(theirs / 1_999))


@pytest.mark.parametrize(
    ("mean", "lower_is_better", "verdict"),
    [(-3, True, "better"), (-3, False, "worse"), (3, True, "worse"), (3, False, "better"), (0, True, "undecided")],
)
def test_groups_are_judged_by_the_direction_of_the_metric(mean, lower_is_better, verdict):
    (decision,) = decide([ask(normal(10), normal(8, mean, seed=1), lower_is_better=lower_is_better)], seed=0)
    assert (decision.verdict, decision.interval.method) == (verdict, "Welch t")


def test_four_runs_in_the_smaller_group_give_no_verdict():
    (decision,) = decide([ask(normal(20), normal(4, 30))], seed=0)
    assert decision.verdict == "undecided"
    assert any("20 control and 4 treated runs are too few" in warning for warning in decision.warnings)


def test_equivalence_takes_both_one_sided_tests():
    control, treated = normal(40), normal(40, 0.1, seed=1)
    wide, narrow = (decide([ask(control, treated, margin=margin)], seed=0)[0].verdict for margin in (1.0, 0.2))
    assert (wide, narrow) == ("equivalent", "undecided")


def test_coarse_scores_are_never_equivalent_within_one_test_row():
    accuracies = [0.9, 0.9, 1.0, 0.9, 0.8, 0.9, 1.0, 0.9]
    (decision,) = decide([ask(accuracies, accuracies, margin=0.05, lower_is_better=False)], seed=0)
    assert decision.verdict == "undecided"
    assert any("steps of 0.1" in warning for warning in decision.warnings)


def test_questions_of_both_kinds_share_one_family():
    asked = [ask(normal(10), normal(10, 3, seed=1)), ask(normal(10), normal(10, 0.1, seed=2))]
    decisions = decide(asked, seed=0)
    assert [one.family for one in decisions] == [2, 2]
    assert decisions[0].interval.level == 0.975


def test_groups_without_pairs_cannot_be_looked_at_again_and_again():
    with pytest.raises(RecipeError, match="Fix the number of runs beforehand"):
        decide([ask(normal(10), normal(10))], rule="any time", seed=0)


def test_the_runs_needed_are_those_of_the_two_sample_t_test_where_variances_are_equal():
    from statsmodels.stats.power import TTestIndPower  # it takes a second to load

    n = TTestIndPower().solve_power(effect_size=0.8, power=0.8, alpha=0.05)
    assert runs_needed(standard_deviations=(1.0, 1.0), smallest_effect=0.8) == math.ceil(n)


def test_a_difference_out_of_reach_has_no_number_of_runs():
    assert runs_to_decide(standard_deviations=(1.0, 2.0), margin=1e-6, difference=0.0) is None
