"""Ratios of paired means: Fieller's interval by hand, by symmetry, and by its coverage."""

import numpy as np
import pytest

from etude.numerics.ratio import paired_ratio
from etude.values.errors import NotEnoughDataError


def test_a_constant_denominator_leaves_student_t():
    # with denominators that are all 2 the interval is that of the mean, halved: 1.5 ± 12.706 · (1/√2)/√2, over 2
    estimate, low, high = paired_ratio([1.0, 2.0], [2.0, 2.0])
    assert estimate == pytest.approx(0.75)
    assert (low, high) == (pytest.approx(0.75 - 12.7062 / 4, rel=1e-4), pytest.approx(0.75 + 12.7062 / 4, rel=1e-4))


def test_an_uncertain_denominator_bounds_nothing():
    assert paired_ratio([1.0, 2.0, 3.0], [1.0, -1.0, 0.5])[1:] == (-np.inf, np.inf)


def test_units_cancel():
    rng = np.random.default_rng(0)
    above, below = rng.normal(3, 1, 12), rng.normal(5, 1, 12)
    assert paired_ratio(1000 * above, 1000 * below) == pytest.approx(paired_ratio(above, below))


def test_the_interval_covers_the_ratio_of_the_means_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(1000):
        below = rng.normal(4, 1, 10)
        _, low, high = paired_ratio(0.5 * below + rng.normal(1, 1, 10), below)  # means 3 and 4
        covered += low <= 0.75 <= high
    assert 0.95 - 3 * 0.007 < covered / 1000 < 0.95 + 3 * 0.007  # three standard errors of the binomial


def test_one_pair_is_refused():
    with pytest.raises(NotEnoughDataError, match="two pairs"):
        paired_ratio([1.0], [2.0])
