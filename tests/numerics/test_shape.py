"""The shape warning: what it names, what it leaves alone, and what it does not depend on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from etude.numerics.shape import all_alike, lattice_step, shape_warning, skewness

samples = st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 3)), min_size=5, max_size=30)


def test_three_of_ten_replicates_far_away_are_a_second_basin():
    assert shape_warning([0.1, -0.2, 0.0, 0.3, -0.1, 0.2, 0.05, 9.1, 9.0, 9.2]) == "second basin"


def test_one_replicate_far_away_is_a_tail_not_a_basin():
    assert shape_warning([0.1, -0.2, 0.0, 0.3, -0.1, 0.2, 0.05, -0.05, 0.15, 9.2]) == "heavy tail"


def test_the_quantiles_of_a_normal_distribution_raise_no_warning():
    assert shape_warning(stats.norm.ppf((np.arange(20) + 0.5) / 20)) is None


@pytest.mark.parametrize("values", [[0.0] * 8, [1.0, 2.0, 90.0, 3.0]])
def test_equal_values_and_fewer_than_five_say_nothing(values):
    assert shape_warning(values) is None


def test_more_values_than_shapiro_wilk_is_calibrated_for_are_judged_without_a_warning_from_scipy():
    assert shape_warning(np.random.default_rng(0).lognormal(size=6_000)) == "heavy tail"


@settings(deadline=None, max_examples=50)
@given(samples, st.sampled_from([1e-12, 0.5, 1e9]))
def test_the_warning_does_not_depend_on_the_sign_nor_the_skewness_on_the_unit(values, unit):
    assert shape_warning(values) == shape_warning([-value for value in values])
    assert skewness([unit * value for value in values]) == pytest.approx(skewness(values), rel=1e-6, abs=1e-6)


def test_skewness_equals_scipys():
    values = np.random.default_rng(1).lognormal(size=20)
    assert skewness(values) == pytest.approx(stats.skew(values), rel=1e-12)
    assert skewness([0.1, 0.1, 0.1]) == 0


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([0, 2 / 30, 2 / 30, 5 / 30], 2 / 30),
        ([0.9 - 0.8, 0.8 - 0.7, 0.7 - 0.5], 0.1),  # the first two differ by rounding alone
        ([-0.3, -0.3, 0.2], 0.2),  # 0 is on the lattice
        ([0.1, 0.2, 0.35], 0.0),  # no two are the same: nothing says that they come in steps
        ([0.0, 0.0, 0.0], 0.0),
    ],
)
def test_the_step_of_a_coarse_score_is_its_smallest_gap(values, step):
    assert lattice_step(values) == pytest.approx(step, rel=1e-9)


def test_continuous_differences_have_no_step():
    rng = np.random.default_rng(0)
    assert {lattice_step(rng.standard_normal(40)) for _ in range(200)} == {0.0}


def test_rounding_is_no_variation_and_a_millionth_is():
    assert all_alike([0.9 - 0.8, 0.8 - 0.7])
    assert not all_alike([0.1, 0.1 + 1e-7])
