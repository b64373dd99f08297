"""Several changes at once."""

import numpy as np
import pytest

from etude.diagnosis.checks import confounded_comparison
from etude.values.finding import Finding, NotRun

NOISE = np.array([0.03, -0.02, 0.01, -0.03, 0.02, -0.01, 0.015, -0.015])
"""What eight replicates share over arms; its mean is 0."""


def scores(level, n=8):
    return {"test/log_loss": (level + NOISE)[:n]}


def test_two_changes_at_once_are_confounded_and_the_factorial_is_offered(arm):
    arms = [arm("old", curves=scores(0.5)), arm("new", curves=scores(0.4), settings={"loss": "mse", "epochs": 7})]
    seen = confounded_comparison.look(arms)
    assert isinstance(seen, Finding)
    assert "loss (bce against mse)" in seen.says
    assert "epochs (100 against 7)" in seen.says
    assert seen.treatments[0].endswith("4 arms, 2 of them new")
    assert seen.treatments[1].endswith("3 arms")


@pytest.mark.parametrize(
    "changes",
    [
        ({}, {"loss": "mse"}, {"epochs": 7}),
        ({}, {"loss": "mse"}, {"epochs": 7}, {"loss": "mse", "epochs": 7}),
        ({}, {"loss": "mse"}, {"loss": "mse", "epochs": 7}),
        ({}, {"seed": 3}),
    ],
)
def test_one_change_at_a_time_a_factorial_and_other_seeds_are_not(arm, changes):
    assert confounded_comparison.look([arm(curves=scores(0.5), settings=one) for one in changes]) is None


def test_parameters_of_logs_count_and_those_not_logged_are_named_as_a_cause(arm):
    facts = ({"lr": 0.1, "wd": 0.0}, {"lr": 0.2, "wd": 0.1})
    seen = confounded_comparison.look([arm(curves=scores(0.5), recipe=None, provenance=one) for one in facts])
    assert isinstance(seen, Finding)
    assert seen.probability < 0.9
    assert "not logged" in seen.causes[1].says


def test_logs_without_parameters_cannot_be_judged(arm):
    seen = confounded_comparison.look([arm(curves=scores(0.5), recipe=None)] * 2)
    assert isinstance(seen, NotRun)


def test_a_thousand_arms_are_looked_through_at_once(arm):
    settings = ({"learning_rate": 0.001 * (i + 1), "epochs": i + 1} for i in range(1000))
    arms = [arm(f"{i}", curves=scores(0.5, 1), settings=one) for i, one in enumerate(settings)]
    assert isinstance(confounded_comparison.look(arms), Finding)
