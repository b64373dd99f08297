"""Answering with the commonest class alone."""

import numpy as np
import pytest

from etude.diagnosis.checks.class_imbalance import CHECK
from etude.values.data import Arrays
from etude.values.finding import Finding, NotRun
from etude.values.recipe import Recipe

LABELS = np.repeat([0, 1], [90, 10])
RARE = Recipe(data=Arrays(inputs=np.arange(100.0)[:, None], targets=LABELS), loss="bce")
"""Nine in ten are of class 0: entropy 0.325 nats."""


def scored(accuracy, loss):
    return {"validation/accuracy": [0.5, accuracy], "validation/log_loss": [0.7, loss]}


ERRORS = {"validation/accuracy": 0.01, "validation/log_loss": 0.01}


def test_the_majoritys_share_at_the_base_rates_entropy_is_no_skill(case):
    found = CHECK.look(case(scored(0.9, 0.325), recipe=RARE, errors=ERRORS))
    assert isinstance(found, Finding)
    assert found.evidence[3].value == pytest.approx(-0.9 * np.log(0.9) - 0.1 * np.log(0.1))


def test_a_log_loss_below_the_entropy_has_learned_something(case):
    assert CHECK.look(case(scored(0.9, 0.2), recipe=RARE, errors=ERRORS)) is None


def test_an_accuracy_above_the_majority_is_skill(case):
    assert CHECK.look(case(scored(0.97, 0.325), recipe=RARE, errors=ERRORS)) is None


def test_a_log_with_accuracy_but_no_recall_is_told(case):
    found = CHECK.look(case({"val_accuracy": [0.9] * 5, "val_recall": [0.0] * 5, "val_loss": [0.3] * 5}))
    assert isinstance(found, Finding)
    assert "recall" in found.says
    assert CHECK.look(case({"val_accuracy": [0.9] * 5, "val_recall": [0.6] * 5})) is None


def test_an_accuracy_that_ends_in_no_number_tells_nothing(case):
    curves = {"val_accuracy": [0.9, 0.9, np.inf, -np.inf], "val_recall": [0.0] * 4, "val_loss": [0.3] * 4}
    assert CHECK.look(case(curves)) is None


def test_accuracy_alone_cannot_tell(case):
    assert isinstance(CHECK.look(case({"val_accuracy": [0.9] * 5})), NotRun)
