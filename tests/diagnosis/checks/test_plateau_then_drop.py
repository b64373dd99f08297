"""A loss that stands still before it falls."""

import numpy as np
import pytest

from etude.diagnosis.checks.plateau_then_drop import CHECK
from etude.values.finding import Finding, NotRun


def held_then_falling(flat=30, n=100):
    return np.concatenate([np.ones(flat), np.exp(-np.arange(n - flat) / 15)])


def test_a_flat_start_and_then_a_fall_is_seen_where_it_is(case):
    found = CHECK.look(case({"train/objective": held_then_falling()}))
    assert isinstance(found, Finding)
    (place,) = found.where
    # exp decays from step 31 on; a window of a fifth of the fall may begin or end a few points beside it
    assert place.first <= 15
    assert 20 <= place.last <= 36


def test_a_fall_that_slows_down_is_none(case):
    assert CHECK.look(case({"train/objective": np.exp(-np.arange(100) / 15)})) is None
    assert CHECK.look(case({"train/objective": np.linspace(1, 0, 100)})) is None


def test_a_score_that_rises_late_is_seen_as_a_loss_that_falls_late_is(case):
    assert isinstance(CHECK.look(case({"train/score": 1 - held_then_falling()})), Finding)


def test_a_drop_where_the_learning_rate_was_lowered_is_the_schedule(case):
    rate = np.where(np.arange(100) < 30, 0.1, 0.01)
    both = {"train/objective": held_then_falling(), "signals/learning_rate": rate}
    assert CHECK.look(case(both)) is None


def test_noise_as_large_as_the_drop_hides_it(case):
    noise = np.random.default_rng(0).normal(0, 1, 100)
    assert CHECK.look(case({"train/objective": held_then_falling() + noise})) is None


@pytest.mark.parametrize("curves", [{}, {"train/objective": np.ones(19)}])
def test_a_short_series_is_not_judged(case, curves):
    seen = CHECK.look(case(curves))
    assert isinstance(seen, NotRun)
    assert "at least 20 points" in seen.because
