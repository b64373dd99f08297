"""Axes place values and choose round numbers."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from etude.figures.axes import Axis, axis, shared_axis, tick_labels

finite = st.floats(-1e9, 1e9, allow_nan=False)


def test_a_linear_axis_places_ends_and_middle():
    assert Axis(2.0, 4.0).place([2, 3, 4]).tolist() == [0.0, 0.5, 1.0]


def test_a_log_axis_places_equal_ratios_at_equal_distances():
    assert Axis(0.01, 100.0, log=True).place([0.01, 1, 100]).tolist() == pytest.approx([0, 0.5, 1])


@given(finite, finite)
def test_ticks_lie_inside_and_are_few(one, other):
    made = axis(min(one, other), max(one, other), pad=0.05)
    ticks = made.ticks(4)
    assert 1 <= len(ticks) <= 10
    slack = 1e-6 * (made.high - made.low)
    assert all(made.low - slack <= tick <= made.high + slack for tick in ticks)


def test_ticks_from_zero_to_one_are_quarters():
    assert Axis(0.0, 1.0).ticks(4) == (0.0, 0.25, 0.5, 0.75, 1.0)


def test_labels_share_their_decimals():
    assert tick_labels((-0.5, 0.0, 0.25)) == ("−0.50", "0", "0.25")


def test_labels_of_a_log_axis_have_each_their_own_digits():
    assert tick_labels((1e-5, 0.01, 1.0, 50.0), log=True) == ("10⁻⁵", "0.01", "1", "50")
    assert tick_labels((2e-4, 5e6), log=True) == ("2 × 10⁻⁴", "5 × 10⁶")


def test_one_exploding_value_leaves_the_frame_and_the_others_keep_theirs():
    values = np.concatenate([np.linspace(0.2, 0.7, 1000), [1e30]])
    (made, alike) = shared_axis([values])
    assert made.high < 2
    assert alike == (True,)


def test_the_limits_are_always_inside():
    made, _ = shared_axis([np.array([0.5, 0.6])], (0.2, 0.69))
    assert made.low < 0.2
    assert made.high > 0.69


def test_an_arm_two_widths_outside_the_typical_one_is_left_off_the_axis():
    # four arms from 0 to 1 make a typical extent of width 0.98, from 0.01 to 0.99; two widths beyond it is 2.95.
    usual = [np.linspace(0, 1, 101)] * 4
    inside, outside = np.full(10, 2.94), np.full(10, 2.96)
    made, alike = shared_axis([*usual, inside])
    assert alike == (True,) * 5
    assert made.high > 2.94
    made, alike = shared_axis([*usual, outside])
    assert alike == (True, True, True, True, False)
    assert made.high == pytest.approx(1.04)


def test_where_no_majority_is_alike_all_are_shown():
    arms = [np.array([0.8, 0.81]), np.array([2.4, 2.41]), np.array([4.4, 4.5])]
    made, alike = shared_axis(arms)
    assert alike == (True, True, True)
    assert made.low < 0.8
    assert made.high > 4.4


def test_what_the_axis_must_show_anyway_widens_what_counts_as_alike():
    usual, odd = [np.linspace(0, 1, 101)] * 4, np.full(10, 2.96)
    assert shared_axis([*usual, odd], (2.0,))[1] == (True,) * 5


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), min_size=1, max_size=2))
def test_two_arms_are_always_alike(arms):
    assert all(shared_axis([np.array(arm) for arm in arms])[1])


@example([[1e-215, 1e-281]])
@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), min_size=1, max_size=8))
def test_at_least_one_arm_is_on_the_axis_and_all_of_its_values(arms):
    made, alike = shared_axis([np.array(arm) for arm in arms])
    assert any(alike)
    assert made.low < made.high


def test_a_typical_arm_over_many_magnitudes_gets_a_log_axis():
    assert shared_axis([np.logspace(-3, 2, 100)])[0].log
    assert not shared_axis([np.linspace(0.1, 0.7, 100)])[0].log


def test_one_odd_arm_does_not_make_the_axis_logarithmic():
    # the journey's own case: test losses near 0.6, but one arm reaches 0.0005 on train and 3.3 on test
    usual = [np.linspace(0.55, 0.75, 50)] * 5
    made, alike = shared_axis([*usual, np.concatenate([np.logspace(-3.3, -0.2, 50), np.linspace(0.7, 3.3, 50)])])
    assert not made.log
    assert alike == (True,) * 5 + (False,)


def test_zeros_forbid_a_log_axis():
    assert not shared_axis([np.concatenate([np.logspace(-3, 2, 100), [0.0]])])[0].log


def test_no_values_at_all_still_give_an_axis():
    made, alike = shared_axis([np.full(3, np.nan), np.zeros(0)], (0.5,))
    assert made.low < made.high
    assert alike == (True, True)
    assert shared_axis([])[1] == ()


def test_what_is_too_far_from_a_tiny_low_for_a_ratio_lies_infinitely_high():
    assert Axis(1e-300, 1.0, log=True).place([1e30]).tolist() == [np.inf]
