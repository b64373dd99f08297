"""Curves as a line of text."""

import numpy as np
import pytest

from etude.figures.spark import BROKEN, HEIGHTS, common_range, spark


def test_a_spike_of_one_value_among_thousands_is_seen():
    values = np.zeros(10_000)
    values[5_000] = 1.0
    assert spark(values, 20) == "▁" * 10 + "█" + "▁" * 9


def test_eight_even_values_are_the_eight_heights():
    assert spark(np.arange(8.0), 8) == HEIGHTS


def test_a_short_curve_has_a_column_for_each_value():
    assert len(spark(np.arange(3.0), 40)) == 3


def test_what_is_no_number_is_marked():
    assert spark(np.array([1.0, 2.0, np.nan, np.inf]), 4) == f"▁█{BROKEN}{BROKEN}"
    assert spark(np.full(3, np.nan), 40) == BROKEN * 3


def test_a_constant_curve_is_flat():
    assert spark(np.full(5, 0.3), 5) == "▁▁▁▁▁"


def test_two_curves_share_a_scale_that_a_single_spike_does_not_stretch():
    spiked = np.concatenate([np.linspace(0, 1, 999), [1e6]])
    low, high = common_range([spiked, np.array([-1.0])])
    assert low == -1.0
    assert high == pytest.approx(0.98 + 2 * 1.98, abs=0.01)


def test_nothing_finite_has_no_scale():
    assert common_range([np.array([np.nan])]) is None
