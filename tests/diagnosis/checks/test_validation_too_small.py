"""Standard errors against what matters."""

import math

import pytest

from etude.diagnosis.checks.validation_too_small import CHECK
from etude.values.finding import Finding, NotRun


def test_two_hundred_rows_are_too_few_for_a_hundredth_of_a_nat(case):
    # the standard error of 0.045 nats that 200 rows give even the best predictor; accuracy 0.95 ± 0.0154 is of 200
    curves = {"validation/log_loss": [0.7, 0.2], "validation/accuracy": [0.5, 0.95]}
    errors = {"validation/log_loss": 0.045, "validation/accuracy": math.sqrt(0.25 / 199)}
    found = CHECK.look(case(curves, errors=errors))
    assert isinstance(found, Finding)
    assert "200 examples" in found.says
    # (1.96 · 0.045/0.01)² = 77.8 times as many
    assert found.evidence[2].value == pytest.approx(200 * (1.96 * 0.045 / 0.01) ** 2, rel=1e-3)


def test_an_error_below_the_smallest_effect_is_none(case):
    assert CHECK.look(case({"validation/log_loss": [0.2]}, errors={"validation/log_loss": 0.009})) is None


def test_accuracies_tell_how_many_examples_they_were_counted_on(case):
    counted = [30 / 50, 41 / 50, 43 / 50, 47 / 50]
    found = CHECK.look(case({"train/objective": [1.0, 0.5, 0.4, 0.3], "val_accuracy": counted}))
    assert "50 examples" in found.says
    # √(0.94·0.06/50) = 0.0336
    assert found.evidence[1].value == pytest.approx(0.0336, abs=1e-4)


@pytest.mark.parametrize("curves", [{"train/objective": [1.0]}, {"val_accuracy": [61.2, 63.4, 65.9]}])
def test_without_errors_or_countable_shares_it_cannot_be_told(case, curves):
    assert isinstance(CHECK.look(case(curves)), NotRun)
