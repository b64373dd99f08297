"""The numbers that verdicts weigh, on curves of which they can be worked out by hand."""

from types import MappingProxyType

import numpy as np
import pytest

from etude.diagnosis.case import case_of
from etude.diagnosis.evidence import POINTS, evidence_of
from etude.values.curve import curve
from etude.values.run import Run


def shown(train=None, validation=None, *, steps=None, held_steps=None, word="objective"):
    curves = {}
    for split, values, at in (("train", train, steps), ("validation", validation, held_steps or steps)):
        if values is not None:
            at = np.arange(1, len(values) + 1) if at is None else at
            curves[f"{split}/{word}"] = curve(f"{split}/{word}", at, values)
    return evidence_of(case_of(Run("r", MappingProxyType(curves))))


def test_levels_are_shares_of_where_the_run_began():
    found = shown([2.0, 1.5, 1.0], [4.0, 3.0, 2.0])
    assert found.begin == 4.0
    assert found.values["train end"] == pytest.approx(0.25)
    assert found.values["validation end"] == pytest.approx(0.5)
    assert found.values["gap"] == pytest.approx(0.25)
    assert found.values["gap at begin"] == pytest.approx(0.5)


def test_a_line_in_the_logarithm_of_steps_promises_what_it_says():
    # level = 1 - 0.1 ln(step): three times the steps gain 0.1 ln 3
    steps = np.arange(1, 61)
    found = shown(1 - 0.1 * np.log(steps), 1 - 0.1 * np.log(steps), steps=steps)
    assert found.values["train to gain"] == pytest.approx(0.1 * np.log(3), rel=0.02)


def test_the_rise_is_counted_from_the_best():
    held = [1.0, 0.6, 0.4, 0.5, 0.7]
    found = shown([1.0, 0.8, 0.6, 0.5, 0.4], held)
    assert found.values["validation rise"] == pytest.approx(0.3)
    assert found.values["best at"] == pytest.approx(3 / 5)
    assert found.values["gap since best"] == pytest.approx((0.7 - 0.4) - (0.4 - 0.6))
    assert found.values["train since best"] == pytest.approx(0.6 - 0.4)


def test_a_training_series_of_every_step_is_put_together_to_the_epochs():
    # steps 1 to 6, epochs end at 2, 4, 6: means 5.5, 3.5, 1.5
    steps = np.arange(1, 7)
    found = shown([6.0, 5.0, 4.0, 3.0, 2.0, 1.0], [5.0, 4.0, 3.0], steps=steps, held_steps=[2, 4, 6])
    assert found.train.raw.tolist() == pytest.approx([5.5 / 6, 3.5 / 6, 1.5 / 6])
    assert found.train.steps.tolist() == [2, 4, 6]


def test_a_share_correct_is_judged_by_what_it_lacks():
    found = shown([0.5, 0.8, 0.9], [0.5, 0.7, 0.8], word="score")
    assert found.begin == pytest.approx(0.5)
    assert found.values["validation end"] == pytest.approx(0.4)


def test_per_cents_are_shares():
    shares, per_cents = (shown([0.5, 0.8, 0.9], word="score"), shown([50.0, 80.0, 90.0], word="score"))
    assert shares.values == pytest.approx(dict(per_cents.values))


def test_a_long_series_is_put_together_but_its_spikes_are_not_judged_from_that():
    found = shown(np.linspace(1, 0.5, 10_000), steps=np.arange(1, 10_001))
    assert found.train.raw.size == POINTS
    assert found.train.steps[-1] == 10_000


def test_what_is_not_finite_is_said_and_left_out():
    train = [1.0, 0.9, 0.8, float("nan"), 0.7, 0.6, 0.5]
    found = shown(train, [1.0, 0.9, 0.8, 0.7, 0.7, 0.6, 0.6])
    assert not found.finite
    assert found.train.steps.tolist() == [1, 2, 3, 5, 6, 7]


def test_a_loss_below_nought_cannot_be_a_share():
    assert not shown([-1.0, -2.0, -3.0], [-1.0, -2.0, -3.0]).values
