"""Standard errors against what matters."""

import math

import numpy as np
import pytest

from etude.diagnosis.checks.validation_too_small import CHECK
from etude.diagnosis.outcomes import mean_of
from etude.values.finding import Finding, NotRun


def test_two_hundred_rows_are_too_few_for_a_hundredth_of_a_nat(case):
    # the standard error of 0.045 nats that 200 rows give even the best predictor; accuracy 0.95 ± 0.0154 is of 200
    curves = {"validation/log_loss": [0.7, 0.2], "validation/accuracy": [0.5, 0.95]}
    errors = {"validation/log_loss": 0.045, "validation/accuracy": math.sqrt(0.25 / 199)}
    found = CHECK.look(case(curves, errors=errors))
    assert isinstance(found, Finding)
    assert "200 examples" in found.says
    # (1.96 · 0.045/0.01)² = 77.8 times as many
    assert 10 ** found.evidence[2].value == pytest.approx(200 * (1.96 * 0.045 / 0.01) ** 2, rel=1e-3)
    assert "it would take 15,55" in found.says


def test_the_examples_needed_are_a_power_of_ten_so_that_a_mean_over_replicates_has_no_negative_bound():
    # 2,000, 20,000 and 200,000: the t interval of the mean is 74,000 ± 4.30·109,600/√3, below 0; of the powers 3.3 to
    # 5.3 it is 4.3 ± 4.30·1/√3 = 1.8 to 6.8
    needed = [2_000, 20_000, 200_000]
    interval = mean_of("examples needed, as a power of ten", np.log10(needed), "")
    assert (interval.low, interval.high) == pytest.approx((4.301 - 2.484, 4.301 + 2.484), abs=0.002)
    assert mean_of("", np.array(needed, dtype=float), "").low < 0


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
