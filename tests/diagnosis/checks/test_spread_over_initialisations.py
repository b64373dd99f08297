"""Replicates in two groups."""

import numpy as np
import pytest

from etude.diagnosis.checks import spread_over_initialisations
from etude.values.finding import Finding, NotRun


def named(finding, name):
    return next(one for one in finding.evidence if name in one.name)


def ends(arm, values):
    return arm(curves={"train/objective": [np.linspace(0.7, value, 30) for value in values]}, unit="nats")


def test_two_groups_are_told_apart_and_counted(arm):
    values = [0.1, 0.11, 0.12, 0.1, 0.11, 0.13, 0.12, 0.45, 0.46, 0.44]
    seen = spread_over_initialisations.look(ends(arm, values))
    assert isinstance(seen, Finding)
    assert seen.says.startswith("3 of 10 replicates")
    assert named(seen, "replicates that are stuck").value == pytest.approx(30)


def test_one_group_is_none_however_wide(arm):
    assert spread_over_initialisations.look(ends(arm, np.linspace(0.1, 0.4, 10))) is None


def test_two_groups_a_hair_apart_are_none(arm):
    values = [0.1, 0.1001, 0.1002, 0.1, 0.1001, 0.1, 0.1002, 0.105, 0.1051, 0.105]
    assert spread_over_initialisations.look(ends(arm, values)) is None


def test_four_replicates_are_too_few(arm):
    assert isinstance(spread_over_initialisations.look(ends(arm, [0.1, 0.1, 0.4, 0.4])), NotRun)
