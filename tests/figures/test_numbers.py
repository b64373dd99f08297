"""Numbers as words (the ordinary cases are the doctests)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.figures.numbers import level, number, p_value, signed, significant


@given(st.floats(-1e5, 1e5, allow_nan=False), st.integers(0, 6))
def test_a_number_reads_back_as_itself_rounded(value, places):
    if 0 < abs(value) < 1e-6:
        return
    assert float(number(value, places).replace("−", "-").replace(",", "")) == pytest.approx(round(value, places))


def test_a_difference_that_rounds_to_nothing_has_no_sign():
    assert signed(0.0001, 2) == signed(-0.0001, 2) == "0.00"


def test_infinity_is_said():
    assert number(math.inf) == significant(-math.inf) == signed(math.nan) == "not finite"


@pytest.mark.parametrize(("coverage", "says"), [(0.9917, "99.2 %"), (0.9, "90 %"), (0.999, "99.9 %")])
def test_a_level_is_never_rounded_to_certainty(coverage, says):
    assert level(coverage) == says


def test_a_p_value_is_never_zero():
    assert p_value(0.0) == "below 0.001"
