"""Planned looks against published bounds, and the e-process against the integral it stands for."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from etude.numerics.stopping import LOOKS, e_process, e_process_interval, look_alphas
from etude.values.errors import RecipeError


@pytest.mark.parametrize(("looks", "bound"), [(2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040), (10, 2.087)])
def test_equally_spaced_looks_match_the_published_bounds(looks: int, bound: float):
    # Jennison and Turnbull (2000), table 2.3, alpha = 0.05: the bound of the last look.
    *_, last = look_alphas(tuple(10 * k for k in range(1, looks + 1)), alpha=0.05)
    assert stats.norm.isf(last / 2) == pytest.approx(bound, abs=6e-4)


def test_the_default_looks_share_five_percent_as_measured():
    alphas = look_alphas(LOOKS, alpha=0.05)
    assert alphas == pytest.approx((2.2e-8, 7.65e-5, 0.00516, 0.0480), rel=0.02)


def test_two_looks_share_alpha_by_the_bivariate_normal():
    early, late = (stats.norm.isf(alpha / 2) for alpha in look_alphas((10, 20), alpha=0.05))
    both = stats.multivariate_normal([0, 0], [[1, math.sqrt(0.5)], [math.sqrt(0.5), 1]])
    assert 1 - both.cdf([early, late], lower_limit=[-early, -late]) == pytest.approx(0.05, abs=1e-6)


def test_a_single_look_spends_all_of_alpha():
    assert look_alphas((12,), alpha=0.05) == pytest.approx((0.05,), rel=1e-12)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(2, 200), min_size=1, max_size=5, unique=True), st.sampled_from([0.1, 0.05, 0.001]))
def test_later_looks_are_easier_and_none_spends_more_than_alpha(looks, alpha):
    alphas = look_alphas(sorted(looks), alpha=alpha)
    assert list(alphas) == sorted(alphas)
    assert alphas[-1] <= alpha * (1 + 1e-9) <= sum(alphas) + 1e-7


@pytest.mark.parametrize("looks", [(), (10, 5), (1, 5), (5, 5)])
def test_looks_that_do_not_increase_are_refused(looks):
    with pytest.raises(RecipeError, match="increasing"):
        look_alphas(looks, alpha=0.05)


@pytest.mark.parametrize("n", [2, 5, 20])
def test_the_e_value_is_the_mixture_of_noncentral_t_likelihood_ratios(n: int):
    values = np.random.default_rng(n).normal(0.6, 1, n)
    t = stats.ttest_1samp(values, 0).statistic

    def mixed(effect: float) -> float:
        return stats.norm.pdf(effect) * stats.nct.pdf(t, n - 1, math.sqrt(n) * effect) / stats.t.pdf(t, n - 1)

    e = integrate.quad(mixed, -6, 6, limit=200)[0]
    assert e_process(values).p_at(0) == pytest.approx(min(1, 1 / e), rel=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 1_000), st.integers(2, 60), st.floats(0.6, 0.999))
def test_each_end_of_the_interval_has_a_p_of_exactly_alpha(seed, n, level):
    values = np.random.default_rng(seed).normal(0.3, 2, n)
    interval, process = e_process_interval(values, level=level), e_process(values)
    if math.isfinite(interval.low):
        assert process.p_at(interval.low) == pytest.approx(1 - level, rel=1e-6)
        assert process.p_at(interval.high) == pytest.approx(1 - level, rel=1e-6)
    else:
        assert process.p_at(1e12) > 1 - level


def test_two_replicates_can_exclude_nothing_at_any_time():
    # The largest E of n = 2, tau = 1 is √3, for infinite t.
    assert e_process([1.0, 1.0 + 1e-9]).p_at(0) == pytest.approx(1 / math.sqrt(3), rel=1e-6)
    assert e_process_interval([1.0, 1.1]).low == -math.inf


def test_equal_differences_exclude_nothing():
    interval = e_process_interval([0.1] * 6)
    assert (interval.low, interval.high, interval.p) == (-math.inf, math.inf, 1.0)


def test_looking_any_time_costs_width():
    values = np.random.default_rng(2).normal(size=20)
    interval = e_process_interval(values)
    fixed = stats.ttest_1samp(values, 0).confidence_interval()
    assert interval.low < fixed.low < fixed.high < interval.high
