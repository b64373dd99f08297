"""Axes place values and choose round numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.figures.axes import Axis, axis, fitted_axis, tick_labels

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


def test_one_exploding_value_leaves_the_frame_and_the_others_keep_theirs():
    values = np.concatenate([np.linspace(0.2, 0.7, 1000), [1e30]])
    assert fitted_axis(values).high < 2


def test_the_limits_are_always_inside():
    made = fitted_axis(np.array([0.5, 0.6]), (0.2, 0.69))
    assert made.low < 0.2
    assert made.high > 0.69


def test_values_over_many_magnitudes_get_a_log_axis():
    assert fitted_axis(np.logspace(-3, 2, 100)).log
    assert not fitted_axis(np.linspace(0.1, 0.7, 100)).log


def test_no_values_at_all_still_give_an_axis():
    made = fitted_axis(np.full(3, np.nan))
    assert made.low < made.high
