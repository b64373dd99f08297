"""A learning rate that runs out too soon, or starts with a jolt."""

import numpy as np

from etude.diagnosis.checks.schedule import CHECK
from etude.values.finding import Finding, NotRun

COSINE = 0.5 * (1 + np.cos(np.pi * np.arange(100) / 99))


def test_a_loss_that_falls_at_full_pace_until_the_rate_is_used_up_was_cut_short(case):
    # the loss falls in proportion to the rates so far, so the pace in any stretch is that of the whole run: 1
    loss = 2 - np.cumsum(COSINE) / COSINE.sum()
    found = CHECK.look(case({"train/objective": loss, "signals/learning_rate": COSINE}))
    assert isinstance(found, Finding)
    assert abs(found.evidence[0].value - 1) < 0.05
    assert "stretched" in found.treatments[0]


def test_a_loss_that_settles_while_there_is_rate_left_is_none(case):
    loss = 1 + np.exp(-np.arange(100) / 8)
    assert CHECK.look(case({"train/objective": loss, "signals/learning_rate": COSINE})) is None


def test_a_constant_rate_does_not_run_out(case):
    loss = np.linspace(2, 1, 100)
    assert CHECK.look(case({"train/objective": loss, "signals/learning_rate": np.full(100, 0.1)})) is None


def test_a_rate_that_is_used_up_before_the_first_loss_tells_nothing(case):
    curves = {"train/objective": (np.arange(3, 33), np.linspace(2, 1, 30)), "lr": ([1, 3], [2.0, 0.0])}
    assert CHECK.look(case(curves)) is None


def test_a_loss_that_first_jumps_is_told_with_its_peak(case):
    loss = np.concatenate([[1.0, 3.0, 2.0], np.full(47, 0.5)])
    found = CHECK.look(case({"train/objective": loss, "lr": np.full(50, 0.1)}))
    assert isinstance(found, Finding)
    assert found.where[0].last == 2
    assert found.evidence[0].value == 2
    assert "warm-up" in found.treatments[0]


def test_without_the_rate_it_cannot_be_told(case):
    seen = CHECK.look(case({"train/objective": np.ones(30)}))
    assert isinstance(seen, NotRun)
    assert "learning rate" in seen.because
