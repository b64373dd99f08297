"""A log loss that rises while accuracy stays."""

import math

import numpy as np
import pytest

from etude.diagnosis.checks.overconfident import CHECK
from etude.values.finding import Finding, NotRun

FALLS_AND_RISES = np.concatenate([np.linspace(0.7, 0.3, 10), np.linspace(0.31, 0.5, 10)])


def test_a_log_loss_that_rises_while_accuracy_stays_is_told_with_both(case):
    curves = {"validation/log_loss": FALLS_AND_RISES, "validation/accuracy": np.full(20, 0.9)}
    found = CHECK.look(case(curves, errors={"validation/accuracy": 0.01}))
    assert isinstance(found, Finding)
    # medians of three values against each other: that of the last, 0.31 + 0.19·8/9, above 0.344, 0.3, 0.31
    assert found.evidence[0].value == pytest.approx(0.19 * 8 / 9)
    assert "from 0.31 to 0.479 nats" in found.says
    # two independent accuracies of 0.01 each: 1.96·√2 = 2.77 points
    assert found.evidence[1].high == pytest.approx(2.772, abs=0.001)
    assert found.where[0].first == 10


def test_the_change_of_accuracy_has_its_sign_its_interval_and_points_rather_than_per_cent(case):
    # 0.90, 0.91, 0.92 in turns after 0.87, 0.88, 0.89, counted on 100 examples: 1.96·√(2·0.91·0.09/100) = 7.93 points
    accuracy = np.concatenate([np.tile([0.87, 0.88, 0.89], 4)[:10], np.tile([0.9, 0.91, 0.92], 4)[:10]])
    accuracy[[9, 8, 10]] = 0.88
    for scale in (1, 100):
        found = CHECK.look(case({"validation/log_loss": FALLS_AND_RISES, "val_accuracy": scale * accuracy}))
        change = found.evidence[1]
        assert (change.unit, change.value) == ("percentage points", pytest.approx(3))
        assert change.high - change.value == pytest.approx(7.93, abs=0.01)
        assert "+3 percentage points (95 % interval −4.93 to +10.9)" in found.says


def test_without_a_number_of_examples_the_noise_of_accuracy_gives_the_interval(case):
    accuracy = 0.9 + 0.01 * np.random.default_rng(1).normal(size=20)
    found = CHECK.look(case({"validation/log_loss": FALLS_AND_RISES, "validation/accuracy": accuracy}))
    assert found.evidence[1].high - found.evidence[1].low == pytest.approx(2 * 1.96 * math.sqrt(2 * 0.449), rel=0.5)


def test_standard_errors_of_which_none_is_known_are_as_good_as_none(case):
    accuracy = 0.9 + 0.01 * np.random.default_rng(1).normal(size=20)
    curves = {"validation/log_loss": FALLS_AND_RISES, "validation/accuracy": accuracy}
    unknown = CHECK.look(case(curves, errors={"validation/accuracy": math.nan}))
    assert unknown.evidence[1] == CHECK.look(case(curves)).evidence[1]


def test_where_accuracy_falls_as_well_it_is_overfitting_and_no_matter_of_confidence(case):
    falls = np.concatenate([np.full(10, 0.9), np.linspace(0.89, 0.7, 10)])
    assert CHECK.look(case({"validation/log_loss": FALLS_AND_RISES, "validation/accuracy": falls})) is None


def test_a_log_loss_at_its_best_at_the_end_is_none(case):
    curves = {"validation/log_loss": np.linspace(0.7, 0.3, 20), "validation/accuracy": np.linspace(0.5, 0.9, 20)}
    assert CHECK.look(case(curves)) is None


def test_a_rise_within_the_noise_is_none(case):
    noise = np.random.default_rng(0).normal(0, 0.06, 20)
    curves = {"validation/log_loss": 0.5 + noise, "validation/accuracy": np.full(20, 0.8)}
    assert CHECK.look(case(curves)) is None


def test_another_tools_log_is_judged_where_its_loss_is_named_as_cross_entropy(case):
    curves = {"validation/objective": FALLS_AND_RISES, "val_acc": np.full(20, 0.9)}
    named = {"validation is": "val_cross_entropy"}
    assert isinstance(CHECK.look(case(curves, provenance=named)), Finding)
    squared = {"validation is": "val_mse"}
    assert isinstance(CHECK.look(case(curves, provenance=squared)), NotRun)
