"""A training loss at that of the best constant."""

from etude.diagnosis.checks.inputs_not_used import CHECK
from etude.values.data import Task
from etude.values.finding import Finding
from etude.values.recipe import Recipe

BINARY = Recipe(data=Task(task="sincos"), loss="bce")
"""Half of its labels are 1, so that the best constant has a log loss of ln 2 = 0.693."""


def test_a_training_loss_at_the_best_constants_uses_no_inputs(case):
    found = CHECK.look(case({"train/log_loss": [0.75, 0.692]}, recipe=BINARY, errors={"train/log_loss": 0.002}))
    assert isinstance(found, Finding)
    assert "best constant" in found.says


def test_a_loss_that_is_large_by_overconfidence_beside_a_good_accuracy_uses_the_inputs(case):
    errors = {"train/log_loss": 0.05, "train/accuracy": 0.01}
    loss = {"train/log_loss": [0.75, 0.70]}
    assert CHECK.look(case({**loss, "train/accuracy": [0.5, 0.87]}, recipe=BINARY, errors=errors)) is None
    assert isinstance(CHECK.look(case({**loss, "train/accuracy": [0.5, 0.53]}, recipe=BINARY, errors=errors)), Finding)


def test_a_loss_surely_below_is_learning_and_one_that_diverged_is_another_matter(case):
    errors = {"train/log_loss": 0.02}
    assert CHECK.look(case({"train/log_loss": [0.75, 0.5]}, recipe=BINARY, errors=errors)) is None
    assert CHECK.look(case({"train/log_loss": [0.75, float("nan")]}, recipe=BINARY, errors=errors)) is None
