"""A sudden step up in the level of the loss."""

import numpy as np
import pytest

from etude.diagnosis.checks.resume_bump import CHECK
from etude.values.finding import Finding, NotRun


def bumped(n=100, at=50, size=0.5):
    later = np.arange(n) - at
    return np.exp(-np.arange(n) / 20) + np.where(later >= 0, size * np.exp(-np.maximum(later, 0) / 15), 0)


def test_a_jump_is_seen_between_the_steps_where_it_is(case):
    found = CHECK.look(case({"train/objective": bumped()}))
    assert isinstance(found, Finding)
    assert (found.where[0].first, found.where[0].last) == (50, 51)
    assert "optimiser's state" in found.causes[0].says


def test_a_gap_in_the_steps_at_the_jump_makes_it_surer(case):
    steps = np.arange(1, 101) + 40 * (np.arange(100) >= 50)
    plain, gap = (
        CHECK.look(case({"train/objective": bumped()})),
        CHECK.look(case({"train/objective": (steps, bumped())})),
    )
    assert gap.probability > plain.probability


def test_where_the_learning_rate_rises_the_schedule_is_the_first_cause(case):
    rate = np.where(np.arange(100) < 50, 0.01, 0.1)
    found = CHECK.look(case({"train/objective": bumped(), "signals/learning_rate": rate}))
    assert "schedule" in found.causes[0].says
    assert found.severity == "note"


def test_a_spike_of_two_points_and_a_slow_rise_are_none(case):
    spiked = bumped(size=0)
    spiked[50:52] += 1
    assert CHECK.look(case({"train/objective": spiked})) is None
    rising = np.concatenate([np.linspace(1, 0, 50), np.linspace(0, 1, 50)])
    assert CHECK.look(case({"train/objective": rising})) is None


@pytest.mark.parametrize("values", [np.ones(23), np.array([])])
def test_a_short_series_is_not_judged(case, values):
    assert isinstance(CHECK.look(case({"train/objective": values})), NotRun)


def test_a_series_that_says_it_is_smoothed_is_not_judged(case):
    seen = CHECK.look(case({"train/objective": bumped()}, provenance={"train is": "ema_loss"}))
    assert isinstance(seen, NotRun)
    assert "raw series" in seen.because
