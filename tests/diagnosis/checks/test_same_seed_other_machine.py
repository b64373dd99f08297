"""One seed, two results."""

import math

import numpy as np
import pytest

from etude.diagnosis.case import Arm
from etude.diagnosis.checks import same_seed_other_machine
from etude.values.finding import Finding, NotRun

NOISE = np.array([0.03, -0.02, 0.01, -0.03, 0.02, -0.01, 0.015, -0.015])
"""What eight replicates share over arms; its mean is 0."""


def scores(level, n=8):
    return {"test/log_loss": (level + NOISE)[:n]}


def named(finding, name):
    return next(one for one in finding.evidence if name in one.name)


def test_twins_that_part_are_found_where_they_do(arm):
    one = arm(curves={"validation/objective": [[0.7, 0.5, 0.30, 0.20], [0.7, 0.6, 0.5, 0.4]]})
    two = arm(
        curves={"validation/objective": [[0.7, 0.5, 0.31, 0.25], [0.7, 0.6, 0.5, 0.4]]},
        provenance={"device": "other"},
    )
    seen = same_seed_other_machine.look_within(Arm("both", one.cases + two.cases))
    assert isinstance(seen, Finding)
    assert seen.says.startswith("1 of 2 pairs")
    assert seen.where[0].first == 67
    assert named(seen, "standard deviation between machines").value == pytest.approx(0.05 / math.sqrt(2))


def test_twins_that_differ_by_rounding_are_one(arm):
    one = arm(curves={"validation/objective": [[0.7, 0.5]]})
    two = arm(curves={"validation/objective": [[0.7, 0.5 * (1 + 1e-7)]]})
    assert same_seed_other_machine.look([one, two]) is None


def test_without_twins_nothing_can_be_said(arm):
    assert isinstance(same_seed_other_machine.look([arm(curves=scores(0.5))]), NotRun)
