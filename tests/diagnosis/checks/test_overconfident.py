"""A log loss that rises while accuracy stays."""

import numpy as np
import pytest

from etude.diagnosis.checks.overconfident import CHECK
from etude.values.finding import Finding, NotRun

FALLS_AND_RISES = np.concatenate([np.linspace(0.7, 0.3, 10), np.linspace(0.31, 0.5, 10)])


def test_a_log_loss_that_rises_while_accuracy_stays_is_told_with_both(case):
    curves = {"validation/log_loss": FALLS_AND_RISES, "validation/accuracy": np.full(20, 0.9)}
    found = CHECK.look(case(curves, errors={"validation/accuracy": 0.01}))
    assert isinstance(found, Finding)
    # the median of the last three, 0.31 + 0.19·8/9 = 0.479, above 0.3
    assert found.evidence[0].value == pytest.approx(0.31 + 0.19 * 8 / 9 - 0.3)
    # two independent accuracies of 0.01 each: 1.96·√2 = 2.77 points
    assert found.evidence[1].high == pytest.approx(2.772, abs=0.001)
    assert found.where[0].first == 10


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
