"""Inputs that carry nothing."""

import numpy as np

from etude.diagnosis.checks import distractor_features
from etude.values.finding import Finding

NOISE = np.array([0.03, -0.02, 0.01, -0.03, 0.02, -0.01, 0.015, -0.015])
"""What eight replicates share over arms; its mean is 0."""


WOBBLE = 0.001 * np.array([1, -1, 2, -2, 1, -1, 3, -3])
"""What they do not share."""


def scores(level, n=8):
    return {"test/log_loss": (level + NOISE)[:n]}


def test_inputs_beyond_a_tasks_pattern_are_counted(arm):
    (case,) = arm(curves={"test/log_loss": [0.5]}, settings={"features": 12}).cases
    seen = distractor_features.look(case)
    assert seen.says.startswith("10 of 12 inputs")
    assert seen.severity == "warning"  # 10 on 800 rows
    assert distractor_features.look(arm(curves={"test/log_loss": [0.5]}).cases[0]) is None


def test_arms_with_more_inputs_that_do_worse_are_found(arm):
    few = arm("few", curves=scores(0.5))
    many = arm("many", curves={"test/log_loss": 0.6 + NOISE + WOBBLE}, settings={"features": 12})
    seen = distractor_features.look_over_arms([few, many])
    assert isinstance(seen, Finding)
    assert "12 inputs in place of 2" in seen.says
    assert seen.prediction.low < 0.1 < seen.prediction.high


def test_arms_that_do_no_worse_are_none(arm):
    few = arm("few", curves=scores(0.5))
    many = arm("many", curves={"test/log_loss": 0.5 + NOISE + WOBBLE}, settings={"features": 12})
    assert distractor_features.look_over_arms([few, many]) is None
