"""Rows in both parts, and inputs that tell the target."""

import numpy as np
import pytest

from etude.diagnosis.checks.leakage import CHECK
from etude.values.data import Arrays, Bundled, Task
from etude.values.finding import Finding, NotRun
from etude.values.recipe import Recipe


def rows(seed=0, n=300):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, 3))
    return inputs, (inputs[:, 0] + rng.normal(size=n) > 0).astype(int)


def judged(case, inputs, targets):
    loss = "bce" if np.unique(targets).size == 2 else "mse"
    recipe = Recipe(data=Arrays(inputs=inputs, targets=targets), loss=loss)
    return CHECK.look(case({"validation/objective": [0.5, 0.4]}, recipe=recipe))


def test_rows_that_come_twice_are_counted_in_the_validation_part(case):
    inputs, targets = rows()
    found = judged(case, np.vstack([inputs, inputs]), np.concatenate([targets, targets]))
    assert isinstance(found, Finding)
    assert found.severity == "error"
    # a row's twin is among 599 others, of which 60 % are for training
    assert found.evidence[0].value == pytest.approx(60, abs=15)


def test_the_target_among_the_inputs_is_named(case):
    inputs, targets = rows()
    found = judged(case, np.column_stack([inputs, 3 * targets + 1]), targets)
    assert "x4" in found.says
    assert found.evidence[0].value == 1


def test_a_number_that_an_input_repeats_is_named_as_well(case):
    inputs, _ = rows()
    target = inputs[:, 1] ** 3
    assert "x2" in judged(case, inputs, target).says


def test_honest_rows_are_none(case):
    assert judged(case, *rows()) is None


def test_inputs_of_few_values_repeat_by_chance_and_are_a_note(case):
    rng = np.random.default_rng(0)
    found = judged(case, rng.integers(0, 2, (300, 3)), rng.integers(0, 2, 300))
    assert (found.severity, found.probability) == ("note", 0.3)


@pytest.mark.parametrize("data", [Task(task="sincos"), None])
def test_a_log_and_a_fresh_draw_have_no_rows_to_look_through(case, data):
    recipe = None if data is None else Recipe(data=data, loss="bce")
    assert isinstance(CHECK.look(case({"validation/objective": [0.5]}, recipe=recipe)), NotRun)


def test_a_validation_part_far_easier_than_training_is_told_without_rows(case):
    # 0.5 - 0.3 over √(0.03² + 0.04²) = 0.05: four standard errors and a little
    curves = {"train/log_loss": [0.7, 0.501], "validation/log_loss": [0.7, 0.3]}
    recipe = Recipe(data=Task(task="sincos"), loss="bce")
    found = CHECK.look(case(curves, recipe=recipe, errors={"train/log_loss": 0.03, "validation/log_loss": 0.04}))
    assert isinstance(found, Finding)
    wider = case(curves, recipe=recipe, errors={"train/log_loss": 0.06, "validation/log_loss": 0.08})
    assert isinstance(CHECK.look(wider), NotRun)


def test_a_log_that_is_perfect_at_once_is_suspicious_and_one_that_becomes_so_is_not(case):
    found = CHECK.look(case({"val_acc": [0.998, 1.0, 1.0]}))
    assert isinstance(found, Finding)
    assert found.probability < 0.5
    assert isinstance(CHECK.look(case({"val_acc": [0.6, 0.9, 1.0]})), NotRun)


def test_a_bundled_set_of_several_classes_is_looked_through(case):
    recipe = Recipe(data=Bundled(bundled="wine"), loss="cross_entropy")
    assert CHECK.look(case({"validation/objective": [0.5]}, recipe=recipe)) is None
