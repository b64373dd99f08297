"""What limited a step: each word where the numbers say so by hand, and nowhere else."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.numerics.step_regime import OF_KINKS, PROMISE_KEPT, regime

sizes = st.floats(1e-6, 1e6)


def parabola(ratio: float) -> tuple[float, float, float]:
    """Change, first and second order of a step on a parabola whose promise is 1, at a curvature ratio dᵀHd / |g·d|."""
    return ratio / 2 - 1, -1.0, ratio / 2 - 1


@pytest.mark.parametrize(
    ("ratio", "says"),
    [(0.0, "linear regime"), (0.19, "linear regime"), (0.21, "curvature-limited"), (1.99, "curvature-limited")],
)
def test_on_a_parabola_the_curvature_ratio_decides(ratio, says):
    assert regime(*parabola(ratio), kinks=0) == says


def test_on_a_parabola_a_ratio_beyond_2_overshoots():
    assert regime(*parabola(2.01), kinks=0) == "overshoot"


def test_the_bound_of_the_linear_regime_is_a_curvature_ratio_of_a_fifth():
    assert pytest.approx(0.2) == 2 * (1 - PROMISE_KEPT)


def test_kinks_are_blamed_only_where_curvature_leaves_most_of_the_shortfall_unexplained():
    explained_by_curvature = 1 - OF_KINKS + 0.01  # of a shortfall of a half
    assert regime(-0.5, -1.0, -1.0 + 0.5 * explained_by_curvature, kinks=3) == "curvature-limited"
    assert regime(-0.5, -1.0, -1.0 + 0.5 * (1 - OF_KINKS - 0.01), kinks=3) == "kink-limited"


def test_without_a_kink_crossed_none_is_blamed():
    assert regime(-0.5, -1.0, -0.99, kinks=0) == "curvature-limited"


@given(first=sizes, change=st.floats(-10, 10))
def test_a_step_whose_promise_is_no_fall_goes_uphill_whatever_it_did(first, change):
    assert regime(change, first, first, kinks=0) == "uphill"


def test_a_step_of_nothing_is_no_step():
    assert regime(0.0, 0.0, 0.0, kinks=0) == "no step"
    assert regime(0.0, 0.0, math.nan, kinks=0) == "no step"


@pytest.mark.parametrize("change", [math.inf, math.nan])
def test_a_step_that_leaves_the_numbers_overshoots(change):
    assert regime(change, -1.0, -0.9, kinks=0) == "overshoot"


def test_a_loss_that_was_no_number_before_says_nothing_of_the_step():
    assert regime(math.nan, math.nan, math.nan, kinks=0) == "not finite"
    assert regime(math.nan, -1.0, -0.9, kinks=0) == "overshoot"


def test_more_than_was_promised_is_no_limit():
    assert regime(-1.5, -1.0, -1.5, kinks=9) == "linear regime"


def test_a_rise_within_rounding_is_no_overshoot():
    assert regime(1e-8, -1e-9, -1e-9, kinks=0, rounding=1e-7) == "linear regime"
    assert regime(1e-8, -1e-9, -1e-9, kinks=0) == "overshoot"


def test_without_second_derivatives_curvature_is_believed():
    assert regime(-0.5, -1.0, math.nan, kinks=3) == "curvature-limited"


@given(scale=sizes, change=st.floats(-3, 3), second=st.floats(-3, 3), kinks=st.integers(0, 5))
def test_the_unit_of_the_loss_does_not_matter(scale, change, second, kinks):
    scale = 2.0 ** round(math.log2(scale))  # powers of two scale without rounding
    assert regime(scale * change, -scale, scale * second, kinks=kinks) == regime(change, -1.0, second, kinks=kinks)
