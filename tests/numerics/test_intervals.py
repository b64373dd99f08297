"""Intervals of a mean difference: closed forms, other libraries, and p and interval that never disagree."""

import itertools
import math

import numpy as np
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from etude.numerics.intervals import (
    BOOTSTRAP_FROM,
    BOOTSTRAP_TO,
    NORMAL_FLIPS_FROM,
    bootstrap_t,
    bootstrap_t_interval,
    mean_interval,
    sign_flip_p,
    student_interval,
    student_t,
)
from etude.values.errors import ComparisonError, NotEnoughDataError, RecipeError

differences = st.lists(st.floats(-100, 100).map(lambda x: round(x, 4)), min_size=2, max_size=12)
levels = st.floats(0.6, 0.999)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def skewed(n: int, seed: int = 0) -> np.ndarray:
    return rng(seed).lognormal(0, 0.75, n) - 0.6


def test_three_pairs_match_the_closed_form():
    # Student t with 2 degrees of freedom has a closed-form quantile; differences 1, 2, 3 have mean 2, std 1.
    half_width = 0.95 * math.sqrt(2 / (4 * 0.975 * 0.025)) / math.sqrt(3)
    interval = student_interval([1, 2, 3])
    assert (interval.low, interval.high) == pytest.approx((2 - half_width, 2 + half_width), rel=1e-12)
    # P(|T| > t) is 1 minus t/√(2 + t²) with t = 2√3
    assert interval.p == pytest.approx(1 - math.sqrt(12 / 14), rel=1e-12)


@pytest.mark.parametrize("n", [2, 5, 10, 40])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.9999])
def test_student_agrees_with_scipy_and_pingouin(n: int, level: float):
    values = rng(n).normal(0.4, 2, n)
    ours, theirs = student_interval(values, level=level), stats.ttest_1samp(values, 0)
    reference = theirs.confidence_interval(level)
    assert (ours.low, ours.high, ours.p) == pytest.approx((reference.low, reference.high, theirs.pvalue), rel=1e-10)
    assert ours.p == pytest.approx(float(pingouin.ttest(values, 0).loc["T_test", "p_val"]), rel=1e-10)


def test_bootstrap_t_is_an_explicit_loop_over_the_same_resamples():
    values = np.array([1.0, 2.0, 4.0, 9.0, 3.0, 2.5])
    draws = rng(3).integers(0, 6, size=(2_002, 6), dtype=np.uint16)
    pivots = sorted(
        (resample.mean() - values.mean()) / (resample.std(ddof=1) / math.sqrt(6))
        for resample in (values[row] for row in draws)
        if np.ptp(resample)
    )
    ours = bootstrap_t(values, alpha=0.05, rng=rng(3)).pivots
    finite = ours[np.isfinite(ours)]
    np.testing.assert_allclose(finite, pivots, rtol=1e-9, atol=1e-12)
    assert ours.size == 2_002


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), levels, st.floats(-3, 3))
def test_a_value_is_outside_the_bootstrap_interval_exactly_where_its_p_is_below_alpha(seed, level, shift):
    interval = bootstrap_t_interval(skewed(20, seed) + shift, level=level, rng=rng(seed))
    assert (interval.p < 1 - level) == (not interval.low <= 0 <= interval.high)


@settings(deadline=None, max_examples=50)
@given(differences, levels)
def test_a_value_is_outside_the_t_interval_exactly_where_its_p_is_below_alpha(values, level):
    interval = student_interval(values, level=level)
    if abs(interval.p - (1 - level)) > 1e-9:
        assert (interval.p < 1 - level) == (not interval.low <= 0 <= interval.high)


@settings(deadline=None, max_examples=50)
@given(differences, st.floats(-50, 50), st.floats(0.01, 100))
def test_the_interval_moves_and_stretches_with_its_differences(values, shift, stretch):
    plain, moved = student_interval(values), student_interval([stretch * (value + shift) for value in values])
    expected = (stretch * (plain.low + shift), stretch * (plain.high + shift))
    assert (moved.low, moved.high) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_bootstrap_t_reaches_further_on_the_side_of_the_long_tail():
    interval = bootstrap_t_interval(skewed(20), rng=rng())
    assert interval.method == "bootstrap-t"
    assert interval.high - interval.mean > 1.3 * (interval.mean - interval.low)


@pytest.mark.parametrize(
    ("values", "method"),
    [
        (skewed(BOOTSTRAP_FROM), "bootstrap-t"),
        (skewed(BOOTSTRAP_FROM - 1), "Student t"),
        (stats.norm.ppf((np.arange(20) + 0.5) / 20), "Student t"),
        ([0.0] * 15 + [0.005] * 5, "Student t"),  # two values only: resamples are too alike
    ],
)
def test_bootstrap_t_replaces_t_from_twenty_skewed_differences_on(values, method):
    assert mean_interval(values, rng=rng()).method == method


def test_a_level_finer_than_the_draws_resolve_excludes_nothing():
    estimate = bootstrap_t(skewed(20), alpha=0.05, rng=rng())
    assert estimate.bounds(1e-4) == (-math.inf, math.inf)


def test_a_finer_level_gets_more_draws():
    assert bootstrap_t(skewed(20), alpha=0.005, rng=rng()).pivots.size == 10_000


def test_the_same_seed_gives_the_same_bits():
    assert mean_interval(skewed(30), rng=rng(5)) == mean_interval(skewed(30), rng=rng(5))
    assert sign_flip_p(skewed(30), rng=rng(5)) == sign_flip_p(skewed(30), rng=rng(5))


def test_differences_that_are_all_equal_exclude_nothing():
    for interval in (student_interval([0.1] * 7), bootstrap_t_interval([0.1] * 20, rng=rng())):
        assert (interval.mean, interval.low, interval.high, interval.p) == (0.1, -math.inf, math.inf, 1.0)


@pytest.mark.parametrize("n", [2, 3, 7, 10])
def test_sign_flips_equal_the_enumeration_of_all_patterns(n: int):
    values = rng(n).normal(0.5, 1, n)
    means = [abs(np.dot(signs, values)) for signs in itertools.product((-1, 1), repeat=n)]
    expected = np.mean([mean >= abs(values.sum()) - 1e-12 for mean in means])
    assert sign_flip_p(values, rng=rng()) == pytest.approx(expected, abs=1e-15)


def test_sign_flips_agree_with_scipys_permutation_test():
    values = rng(4).normal(0.4, 1, 12)
    theirs = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=10_000)
    assert sign_flip_p(values, rng=rng()) == pytest.approx(theirs.pvalue, abs=1e-12)


def test_sign_flips_of_equal_differences_are_two_of_all_patterns():
    assert sign_flip_p([0.1] * 6, rng=rng()) == 2 / 2**6
    assert sign_flip_p([0.0] * 6, rng=rng()) == 1
    assert sign_flip_p([0.1] * 24, rng=rng()) == 2 / 2**24


def test_sampled_sign_flips_agree_with_exact_ones_within_their_noise():
    # 24 differences are counted exactly; a 25th of 0 changes no mean, but makes the patterns sampled.
    values = rng(8).normal(0.4, 1, 24)
    exact, sampled = sign_flip_p(values, rng=rng()), sign_flip_p([*values, 0.0], rng=rng())
    assert sampled == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 9_999))


def test_sign_flips_of_very_many_differences_are_those_of_the_normal_distribution():
    values = rng(9).normal(0.02, 1, NORMAL_FLIPS_FROM + 1)
    z = abs(values.sum()) / math.sqrt((values**2).sum())
    assert sign_flip_p(values, rng=rng()) == pytest.approx(2 * stats.norm.sf(z), rel=1e-9)
    sampled = sign_flip_p(values[:-1], rng=rng())
    exact = 2 * stats.norm.sf(abs(values[:-1].sum()) / math.sqrt((values[:-1] ** 2).sum()))
    assert sampled == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 9_999))
    assert sign_flip_p(np.zeros(NORMAL_FLIPS_FROM + 1), rng=rng()) == 1


def test_very_many_skewed_differences_need_no_resampling():
    many, fewer = skewed(BOOTSTRAP_TO + 1), skewed(BOOTSTRAP_TO)
    assert [mean_interval(values, rng=rng()).method for values in (many, fewer)] == ["Student t", "bootstrap-t"]


def test_one_pair_is_refused_with_the_way_out():
    with pytest.raises(NotEnoughDataError, match=r"got 1 pair .*replicates=2"):
        student_interval([0.3])


def test_a_diverged_difference_is_refused_by_its_position():
    with pytest.raises(ComparisonError, match=r"difference 1 of 3 is nan"):
        mean_interval([0.3, math.nan, 0.2], rng=rng())


@pytest.mark.parametrize("level", [0.5, 1.0, 95, math.nan])
def test_a_level_that_is_no_coverage_is_refused(level):
    with pytest.raises(RecipeError, match=r"above 0\.5 and below 1"):
        student_interval([1.0, 2.0], level=level)


def test_an_estimate_tests_any_value_not_only_zero():
    estimate = student_t([1.0, 2.0, 3.0])
    assert estimate.p_at(2.0) == 1
    assert estimate.p_at(4.0) == pytest.approx(student_t([-1.0, 0.0, 1.0]).p_at(2.0))


@pytest.mark.parametrize("n", [2, 5, 11, 40])
def test_the_larger_p_at_the_margins_halved_is_that_of_two_one_sided_tests(n: int):
    values = rng(n).normal(0.1, 1, n)
    values = values - values.mean() + 0.1
    expected, *_ = ttost_paired(values, np.zeros(n), -0.7, 0.7)
    estimate = student_t(values)
    assert max(estimate.p_at(-0.7), estimate.p_at(0.7)) / 2 == pytest.approx(expected, rel=1e-10)
