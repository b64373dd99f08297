"""A peak between two valleys."""

import numpy as np
import pytest

from etude.diagnosis.checks import double_descent
from etude.diagnosis.checks.double_descent import peak_of
from etude.values.finding import Finding, NotRun

NOISE = np.array([0.03, -0.02, 0.01, -0.03, 0.02, -0.01, 0.015, -0.015])
"""What eight replicates share over arms; its mean is 0."""


def scores(level, n=8):
    return {"test/log_loss": (level + NOISE)[:n]}


def widths(arm, levels, n=8, train=None):
    return [
        arm(
            f"w{i}",
            curves=scores(level, n) | ({} if train is None else {"train/log_loss": [train[i]] * n}),
            settings={"hidden": [2**i]},
        )
        for i, level in enumerate(levels)
    ]


def test_a_peak_between_two_valleys_is_found_with_both_sides(arm):
    rng = np.random.default_rng(0)
    table = np.array([0.3, 0.5, 0.2])[:, None] + 0.01 * rng.normal(size=(3, 8))
    peak = peak_of(table)
    assert (peak.before, peak.at, peak.after) == (0, 1, 2)
    assert peak.level == pytest.approx(1 - 0.05 / 3)


def test_over_widths_the_training_loss_tells_the_threshold(arm):
    jitter = np.array([[1, -1, 1, -1, 1, -1, 1, -1], [1, 1, -1, -1, 1, 1, -1, -1], [0] * 8]) * 0.01
    arms = [
        arm(
            f"w{i}",
            curves={"test/log_loss": level + NOISE + jitter[i], "train/log_loss": [fitted] * 8},
            settings={"hidden": [2**i]},
        )
        for i, (level, fitted) in enumerate(((0.3, 0.5), (0.5, 0.01), (0.2, 0.0)))
    ]
    seen = double_descent.look(arms)
    assert isinstance(seen, Finding)
    assert "worst at hidden 2" in seen.says
    assert seen.probability == 0.9
    assert "nearly 0" in seen.causes[0].says


def test_a_valley_or_a_slope_is_no_peak():
    rng = np.random.default_rng(1)
    for levels in ((0.5, 0.3, 0.4), (0.5, 0.4, 0.3), (0.3, 0.4, 0.5)):
        assert peak_of(np.array(levels)[:, None] + 0.01 * rng.normal(size=(3, 8))) is None


def test_no_peak_is_found_in_noise_more_often_than_stated():
    rng = np.random.default_rng(2)
    hits = sum(peak_of(rng.normal(size=(6, 6))) is not None for _ in range(400))
    assert hits <= 20  # 5 % of 400; both sides must be sure, so it is far rarer


def test_over_epochs_the_place_of_the_peak_is_drawn(arm):
    x = np.linspace(0, 1, 61)
    curve = 0.6 - 0.3 * x + 0.4 * np.exp(-(((x - 0.5) / 0.12) ** 2))
    rng = np.random.default_rng(3)
    seen = double_descent.look_over_epochs(
        arm(curves={"test/log_loss": [curve + 0.01 * rng.normal(size=61) for _ in range(8)]})
    )
    assert isinstance(seen, Finding)
    (place,) = seen.where
    assert place.first < 50 < place.last


def test_what_is_missing_is_said(arm):
    assert isinstance(double_descent.look(widths(arm, (0.5, 0.4))), NotRun)
    seen = double_descent.look(widths(arm, (0.3, 0.5, 0.2), 3))
    assert "5 replicates" in seen.because
    assert isinstance(double_descent.look_over_epochs(arm(curves=scores(0.5))), NotRun)
