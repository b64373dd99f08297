"""A curve holds increasing steps and any values, NaN included."""

import numpy as np
import pytest

from etude.values.curve import curve
from etude.values.errors import CurveError


def test_a_curve_copies_its_input_and_cannot_be_changed():
    values = np.array([1.0, 2.0])
    made = curve("train/log_loss", [1, 2], values)
    values[0] = 9
    assert made.values[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        made.values[0] = 3


def test_steps_must_increase_and_the_row_is_named():
    with pytest.raises(CurveError, match=r"step 2 comes after step 3 \(row 3\)"):
        curve("x", [1, 3, 2], [0, 0, 0])


def test_every_value_needs_a_step_and_every_error_a_value():
    with pytest.raises(CurveError, match=r"\(2,\) steps against \(3,\) values"):
        curve("x", [1, 2], [0, 0, 0])
    with pytest.raises(CurveError, match=r"\(1,\) standard errors against \(2,\) values"):
        curve("x", [1, 2], [0, 0], standard_errors=[1])


def test_the_value_at_a_step_is_the_last_one_measured():
    made = curve("x", [10, 20], [0.5, float("nan")])
    assert made.at(15) == 0.5
    assert np.isnan(made.at(20))
    with pytest.raises(CurveError, match="starts at step 10"):
        made.at(9)
