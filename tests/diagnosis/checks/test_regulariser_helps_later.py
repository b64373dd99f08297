"""A regulariser that helps late only."""

import numpy as np
import pytest

from etude.diagnosis.checks import regulariser_helps_later
from etude.values.finding import Finding

NOISE = np.array([0.03, -0.02, 0.01, -0.03, 0.02, -0.01, 0.015, -0.015])
"""What eight replicates share over arms; its mean is 0."""


WOBBLE = 0.001 * np.array([1, -1, 2, -2, 1, -1, 3, -3])
"""What they do not share."""


def named(finding, name):
    return next(one for one in finding.evidence if name in one.name)


def square(arm, effects):
    """Arms without and with dropout, at 10 epochs and at 100."""
    cells = ((10, 0.0, 0.0), (10, 0.3, effects[0]), (100, 0.0, 0.1), (100, 0.3, 0.1 + effects[1]))
    return [
        arm(
            f"{epochs} {dropout}",
            curves={"test/log_loss": 0.5 + NOISE + shift + WOBBLE * (dropout > 0) * epochs / 100},
            settings={"epochs": epochs, "dropout": dropout},
        )
        for epochs, dropout, shift in cells
    ]


def test_what_helps_with_the_larger_budget_alone_is_found_and_predicted(arm):
    seen = regulariser_helps_later.look(square(arm, (0.01, -0.05)))
    assert isinstance(seen, Finding)
    assert named(seen, "at epochs 100").value == pytest.approx(-0.05)
    assert seen.prediction.direction == "falls"
    assert seen.prediction.low < 0.05 < seen.prediction.high


@pytest.mark.parametrize("effects", [(-0.05, -0.05), (-0.02, -0.1), (0.0, 0.05), (0.0, 0.0)])
def test_what_helps_throughout_or_never_is_not(arm, effects):
    assert regulariser_helps_later.look(square(arm, effects)) is None


def test_two_arms_are_compared_along_their_curves(arm):
    steps = np.linspace(0, 1, 41)
    without = [0.5 + one + 0.2 * steps for one in NOISE]
    treated = [
        0.5 + one + 0.02 * (steps < 0.3) + (0.1 + wobble) * steps for one, wobble in zip(NOISE, WOBBLE, strict=True)
    ]
    arms = [
        arm("none", curves={"test/log_loss": without}),
        arm("dropout", curves={"test/log_loss": treated}, settings={"dropout": 0.5}),
    ]
    seen = regulariser_helps_later.look(arms)
    assert isinstance(seen, Finding)
    assert named(seen, "at step 100").value == pytest.approx(-0.1)
