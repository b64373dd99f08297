"""Limits by hand."""

import numpy as np
import pytest

from etude.numerics.limits import binary_limits, multiclass_limits, regression_limits
from etude.values.metric import METRICS_OF


def test_every_metric_of_a_kind_has_its_limit_under_its_own_name():
    for kind, found in {
        "binary": binary_limits(np.array([0.0, 1.0]), bayes=False),
        "multiclass": multiclass_limits(np.array([0.5, 0.3, 0.2])),
        "regression": regression_limits(np.array([1.0, 2.0])),
    }.items():
        assert tuple(found) == METRICS_OF[kind]
        assert all(limit.metric == name for name, limit in found.items())


def test_a_quarter_of_ones_by_hand():
    found = binary_limits(np.array([0.0, 0.0, 0.0, 1.0]), bayes=False)
    assert found["log_loss"].best_constant == pytest.approx(np.log(4) - 0.75 * np.log(3))
    assert (found["brier"].chance, found["brier"].best_constant) == (0.25, 0.1875)
    assert (found["accuracy"].chance, found["accuracy"].best_constant) == (0.5, 0.75)
    assert (found["calibration"].chance, found["calibration"].best_constant) == (0.0625, 0)
    assert {limit.bayes for limit in found.values()} == {None}


def test_bayes_of_two_kinds_of_rows_by_hand():
    found = binary_limits(np.array([0.5, 1.0]), bayes=True)
    assert found["log_loss"].bayes == pytest.approx(np.log(2) / 2)
    assert found["brier"].bayes == 0.125
    assert found["accuracy"].bayes == 0.75


def test_the_best_constants_of_a_regression_are_mean_and_median():
    found = regression_limits(np.array([0.0, 0.0, 3.0]), noise=0.5)
    assert found["squared_error"].best_constant == pytest.approx(2)
    assert found["absolute_error"].best_constant == pytest.approx(1)
    assert found["absolute_error"].bayes == pytest.approx(0.5 * np.sqrt(2 / np.pi))
    assert found["r2"].bayes == pytest.approx(1 - 0.25 / 2)
