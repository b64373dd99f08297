"""Decimated curves keep what the eye would see."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from etude.figures.decimate import kept_points


@given(st.integers(2, 400), st.integers(4, 90), st.integers(0, 5))
def test_points_are_in_order_few_and_include_both_ends_and_the_extremes(n, points, seed):
    values = np.random.default_rng(seed).standard_normal((3, n)).cumsum(axis=1)
    kept = kept_points(values, points)
    assert kept.shape[1] <= max(points, 4)
    assert (np.diff(kept, axis=1) >= 0).all()
    assert (kept[:, 0] == 0).all()
    assert (kept[:, -1] == n - 1).all()
    for row, seen in zip(values, kept, strict=True):
        assert row[seen].max() == row.max()
        assert row[seen].min() == row.min()


def test_a_stretch_of_nan_stays_a_gap():
    values = np.zeros((1, 100))
    values[0, 40:60] = np.nan
    assert np.isnan(values[0, kept_points(values, 20)[0]]).any()
