"""Scores beyond the limit, and losses below 0."""

import pytest

from etude.diagnosis.checks.better_than_possible import CHECK
from etude.values.data import Bundled, Task
from etude.values.finding import Finding, NotRun
from etude.values.recipe import Recipe

FLIPPED = Recipe(data=Task(task="sincos", flip=0.05), loss="bce")
"""Its best log loss is 0.19852 nats, its best accuracy 0.95."""


def test_a_log_loss_ten_standard_errors_below_the_limit_is_impossible(case):
    scored = {"validation/log_loss": ([0, 10], [0.7, 0.0985])}
    found = CHECK.look(case(scored, recipe=FLIPPED, errors={"validation/log_loss": 0.01}))
    assert isinstance(found, Finding)
    assert found.severity == "error"
    assert "10 standard errors" in found.says


def test_an_accuracy_is_better_where_it_is_higher(case):
    errors = {"test/accuracy": 0.005}
    assert CHECK.look(case({"test/accuracy": ([0, 10], [0.5, 0.9])}, recipe=FLIPPED, errors=errors)) is None
    assert isinstance(
        CHECK.look(case({"test/accuracy": ([0, 10], [0.5, 0.99])}, recipe=FLIPPED, errors=errors)), Finding
    )


def test_only_the_kept_step_counts_because_the_best_of_many_is_lucky(case):
    scored = {"validation/log_loss": ([0, 10, 20], [0.7, 0.1, 0.2])}
    assert CHECK.look(case(scored, recipe=FLIPPED, errors={"validation/log_loss": 0.01}, kept_step=20)) is None


def test_without_a_known_limit_it_cannot_be_told(case):
    seen = CHECK.look(
        case({"validation/log_loss": [0.1]}, recipe=Recipe(data=Bundled(bundled="wine"), loss="cross_entropy"))
    )
    assert isinstance(seen, NotRun)


@pytest.mark.parametrize(("name", "sees"), [("val_bce", True), ("val_mse", True), ("val_nll", False), ("elbo", False)])
def test_a_loss_below_0_is_impossible_only_where_its_name_says_so(case, name, sees):
    seen = CHECK.look(case({"validation/objective": [0.5, -0.2]}, provenance={"validation is": name}))
    assert isinstance(seen, Finding) is sees
