"""A start that is worse than knowing nothing."""

import math

import pytest

from etude.diagnosis.checks.bad_initialisation import CHECK
from etude.values.data import Task
from etude.values.finding import Finding, NotRun
from etude.values.recipe import Recipe

BINARY = Recipe(data=Task(task="sincos"), loss="bce")
NUMBERS = Recipe(data=Task(task="waves"), loss="mse")


def test_a_start_at_twice_ln_2_is_told_with_its_excess(case):
    scored = {"train/log_loss": ([0, 10], [2 * math.log(2), 0.3])}
    found = CHECK.look(case(scored, recipe=BINARY, errors={"train/log_loss": 0.01}))
    assert isinstance(found, Finding)
    assert "100 % above" in found.says
    assert found.evidence[0].low == pytest.approx(2 * math.log(2) - 0.0196, abs=1e-4)
    assert found.prediction.low == pytest.approx(0.9 * math.log(2))


def test_a_start_near_ln_2_or_within_its_standard_error_is_none(case):
    near = {"train/log_loss": ([0, 10], [0.75, 0.3])}
    assert CHECK.look(case(near, recipe=BINARY)) is None
    unsure = {"train/log_loss": ([0, 10], [1.0, 0.3])}
    assert CHECK.look(case(unsure, recipe=BINARY, errors={"train/log_loss": 0.2})) is None


def test_numbers_are_compared_with_the_spread_of_the_targets(case):
    # R² = -2 is a squared error of three variances
    assert isinstance(CHECK.look(case({"train/r2": ([0, 10], [-2.0, 0.5])}, recipe=NUMBERS)), Finding)
    assert CHECK.look(case({"train/r2": ([0, 10], [-0.3, 0.5])}, recipe=NUMBERS)) is None


def test_a_log_that_says_its_classes_is_judged_by_its_first_step(case):
    curves = {"train/objective": ([0, 1, 2], [9.0, 4.0, 2.0])}
    says = {"num_classes": 10, "train is": "train_cross_entropy", "x": "step"}
    found = CHECK.look(case(curves, provenance=says))
    assert "ln 10" in found.says
    assert isinstance(CHECK.look(case(curves, provenance={**says, "x": "epoch"})), NotRun)


def test_without_step_0_or_the_classes_it_cannot_be_told(case):
    seen = CHECK.look(case({"train/objective": [3.0, 2.0]}))
    assert isinstance(seen, NotRun)
    assert "step 0" in seen.because
