"""Swings, regular and not."""

import numpy as np
import pytest

from etude.diagnosis.checks.oscillation import CHECK
from etude.values.finding import Finding, NotRun


def falling(n=80):
    return np.exp(-np.arange(n) / 8)


def test_a_zigzag_is_seen_with_its_amplitude(case):
    zigzag = falling() + 0.1 * (-1.0) ** np.arange(80)
    found = CHECK.look(case({"train/objective": zigzag}))
    assert isinstance(found, Finding)
    assert "regularly" in found.says
    assert "learning rate" in found.causes[0].says
    assert "about every 2 values" in found.says
    # 40 values of ± 0.1 about their mean: 0.1·√(40/39)
    assert found.evidence[0].value == pytest.approx(0.1 * np.sqrt(40 / 39), abs=0.002)
    assert found.prediction.low == pytest.approx(0.03, abs=0.001)


@pytest.mark.parametrize("n", [60, 62, 74, 80, 97])
def test_a_zigzag_has_a_period_of_two_whatever_its_length(case, n):
    # a median over an odd number of values of a zigzag is a zigzag itself, and hides or doubles it
    found = CHECK.look(case({"train/objective": 2 + 0.4 * (-1.0) ** np.arange(n)}))
    period = next(one for one in found.evidence if one.name == "period")
    assert period.value == pytest.approx(2, abs=0.1)
    assert found.evidence[0].value == pytest.approx(0.4, abs=0.02)


def test_a_slow_wave_has_the_standard_deviation_of_a_sine(case):
    wave = 2 + 0.4 * np.sin(2 * np.pi * np.arange(160) / 8)
    found = CHECK.look(case({"train/objective": wave}))
    assert found.evidence[0].value == pytest.approx(0.4 / np.sqrt(2), rel=0.05)


def test_independent_noise_that_is_small_is_none_and_large_noise_is_irregular(case):
    noise = np.random.default_rng(0).normal(size=80)
    assert CHECK.look(case({"train/objective": falling() + 0.02 * noise})) is None
    found = CHECK.look(case({"train/objective": falling() + 0.3 * noise}))
    assert isinstance(found, Finding)
    assert "irregularly" in found.says
    assert "batches" in found.causes[0].says


def test_a_slower_rhythm_is_told_with_its_period(case):
    wave = falling() + 0.15 * np.sin(2 * np.pi * np.arange(80) / 5)
    found = CHECK.look(case({"train/objective": wave}))
    assert isinstance(found, Finding)
    period = next(one for one in found.evidence if one.name == "period")
    assert period.value == pytest.approx(5, abs=0.3)


def test_a_loss_that_stands_still_does_not_swing(case):
    assert CHECK.look(case({"train/objective": np.full(40, 0.7)})) is None


def test_a_short_series_is_not_judged(case):
    assert isinstance(CHECK.look(case({"train/objective": falling(15)})), NotRun)


def test_a_series_that_says_it_is_smoothed_is_not_judged(case):
    seen = CHECK.look(case({"train/objective": falling()}, provenance={"train is": "ema_loss"}))
    assert isinstance(seen, NotRun)
    assert "raw series" in seen.because
