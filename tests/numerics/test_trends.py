"""Slopes, roughness and repetition of series whose course is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.numerics.trends import (
    MOST_POINTS,
    autocorrelation,
    difference_autocorrelation,
    granularity,
    rhythm,
    roughness,
    running_median,
    share_against,
    theil_sen,
)

values = st.lists(st.floats(-100, 100), min_size=8, max_size=40)


def test_the_slope_of_a_line_is_its_slope_and_so_are_its_bounds():
    trend = theil_sen(np.arange(10) * 3, 2.0 - 0.5 * np.arange(10) * 3)
    assert (trend.slope, trend.low, trend.high) == pytest.approx((-0.5, -0.5, -0.5))
    assert trend.falls
    assert not trend.rises


def test_the_bounds_are_the_slopes_of_the_ranks_that_sen_gives():
    # 1, 2, 4, 8, 16 at 0 … 4: ten slopes, sorted 1, 1.5, 2, 7/3, 3, 3.75, 4, 14/3, 6, 8. Var S = 5·4·15/18 = 16.67, so
    # the reach is 8.002 and the lower rank (10 - 8.002)/2 = 0.999: there is none below the first, so no bound.
    five = theil_sen(np.arange(5), [1.0, 2.0, 4.0, 8.0, 16.0])
    assert five.slope == pytest.approx((3 + 3.75) / 2)
    assert (five.low, five.high) == (-math.inf, math.inf)
    # 0, 1, 0, 1, 0, 1 at 0 … 5: Var S = 6·5·17/18 = 28.33, reach 10.43: ranks (15 - 10.43)/2 = 2.28 and 12.72, outwards
    # the 2nd and the 13th of -1 (2), -1/3 (1), 0 (6), 1/5, 1/3 (2), 1 (3).
    six = theil_sen(np.arange(6), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    assert (six.low, six.high) == (-1, 1)


def test_with_too_few_points_nothing_is_excluded():
    trend = theil_sen([0, 1, 2], [3.0, 2.0, 1.0])
    assert trend.slope == -1
    assert not trend.falls


@pytest.mark.parametrize("persistence", [0.0, 0.5])
def test_the_interval_covers_the_slope_whether_noise_is_fresh_or_resembles_what_came_before(persistence):
    # 95 % of 600 simulations with three binomial standard errors of tolerance: 0.95 - 3·√(0.95·0.05/600) = 0.923; what
    # is estimated from 40 points of resembling noise is worth 5 % less.
    rng, covered = np.random.default_rng(5), 0
    for _ in range(600):
        noise = rng.normal(size=90)
        for i in range(1, 90):
            noise[i] += persistence * noise[i - 1]
        trend = theil_sen(np.arange(40), 0.1 * np.arange(40) + noise[50:])
        covered += trend.low <= 0.1 <= trend.high
    assert covered / 600 > 0.923 - 0.05 * (persistence > 0)


def test_a_long_series_is_taken_in_blocks_and_keeps_its_slope():
    x = np.arange(50 * MOST_POINTS)
    assert theil_sen(x, 7 - 0.25 * x).slope == pytest.approx(-0.25)


@given(y=values, shift=st.floats(-10, 10), by=st.sampled_from([-2.0, 0.5, 3.0]))
def test_the_slope_follows_shift_and_scale(y, shift, by):
    x = np.arange(len(y))
    assert theil_sen(x, by * np.array(y) + shift).slope == pytest.approx(by * theil_sen(x, y).slope, abs=1e-9)


def test_the_autocorrelation_of_a_wave_at_its_period_is_the_share_of_it_that_overlaps():
    wave = np.tile([1.0, 0.0, -1.0, 0.0], 10)
    assert autocorrelation(wave, 4) == pytest.approx(36 / 40)
    assert autocorrelation(wave, 2) == pytest.approx(-38 / 40)


def test_nothing_to_compare_has_no_autocorrelation():
    assert autocorrelation([1.0, 2.0], 1) == 0
    assert autocorrelation([0.0] * 5, 1) == 0
    assert difference_autocorrelation([1.0, 2.0]) == 0


def test_changes_of_independent_noise_have_minus_a_half():
    # x₂ - x₁ and x₃ - x₂ share -x₂: covariance -sd² against a variance of 2sd²; of 20,000 changes the error is 0.005
    noise = np.random.default_rng(1).normal(size=20_001)
    assert difference_autocorrelation(noise) == pytest.approx(-0.5, abs=0.02)


def test_one_great_fall_does_not_hide_a_zigzag():
    zigzag = np.concatenate([[100.0], np.tile([1.0, 0.0], 20)])
    # the fall is drawn in to 1.5 · 1.48 = 2.22 and the other 39 changes are 1: (-39 + 2.22 …)/(39 + 4.9), about -0.8
    assert difference_autocorrelation(zigzag) == pytest.approx(-0.8, abs=0.05)


def test_roughness_is_the_standard_deviation_of_noise_about_a_smooth_course():
    # of 5,000 values a median absolute deviation is known to about 1.2 %/√1, and second differences overlap
    noise = np.random.default_rng(2).normal(0, 0.3, 5000)
    assert roughness(5 * np.exp(-np.arange(5000) / 800) + noise) == pytest.approx(0.3, rel=0.06)


@given(y=values)
def test_roughness_does_not_know_a_straight_trend(y):
    tilted = np.array(y) + 3 * np.arange(len(y)) - 7
    assert roughness(tilted) == pytest.approx(roughness(y), abs=1e-9)


def test_a_running_median_keeps_a_line_and_drops_a_spike():
    line = np.arange(9.0)
    assert running_median(line, 5).tolist() == line.tolist()
    spiked = line.copy()
    spiked[4] = 99
    assert running_median(spiked, 5)[4] == 5


def test_a_running_median_is_that_of_each_window():
    y = np.random.default_rng(3).normal(size=30)
    slow = [float(np.median(y[i - 3 : i + 4])) for i in range(3, 27)]
    assert running_median(y, 7)[3:27].tolist() == slow


def test_a_rhythm_is_found_in_noise_and_noise_has_none():
    rng = np.random.default_rng(4)
    noise = rng.normal(size=200)
    found = rhythm(noise + 1.5 * np.sin(2 * np.pi * np.arange(200) / 10))
    assert found.period == pytest.approx(10)
    assert found.p < 1e-6
    assert rhythm([1.0] * 20).p == 1
    assert rhythm([1.0, 2.0]).share == 0


def test_noise_shows_a_rhythm_as_seldom_as_its_p_says():
    # 5 % of 2,000, the bound of p being a little too large: at most 5 % + 3·√(.05·.95/2000) = 6.5 %
    rng = np.random.default_rng(6)
    seen = sum(rhythm(rng.normal(size=41)).p < 0.05 for _ in range(2000))
    assert 0.02 < seen / 2000 < 0.065


def test_shares_tell_how_many_they_were_counted_on():
    assert granularity([12 / 37, 30 / 37, 5 / 37]) == 37
    assert granularity([0.5, 0.5, 1.0]) is None
    assert granularity([math.pi / 4, math.e / 3, 0.123456789]) is None


def test_changes_against_the_trend_are_counted_and_ties_are_none():
    assert share_against([3.0, 3.0, 4.0, 1.0, 2.0]) == 0.5
    assert share_against([1.0]) == 0


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**1000])
def test_slopes_of_huge_and_tiny_values_are_those_of_usual_ones_to_the_bit(scale):
    y = np.random.default_rng(0).normal(size=40) - 0.1 * np.arange(40)
    usual, scaled = theil_sen(np.arange(40), y), theil_sen(np.arange(40), y * scale)
    assert (scaled.slope, scaled.low, scaled.high) == (usual.slope * scale, usual.low * scale, usual.high * scale)


def test_slopes_between_the_largest_numbers_are_told_without_a_warning():
    assert theil_sen(np.arange(8) * 4, np.tile([-1.7e308, 1.7e308], 4)).slope == pytest.approx(0)


def test_a_hundred_thousand_different_shares_are_looked_through_in_no_time_and_little_memory():
    shares = np.random.default_rng(0).random(100_000)
    assert granularity(shares) is None
    assert granularity(np.round(shares * 1999) / 1999) == 1999
