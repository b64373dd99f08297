"""A best epoch that is luck."""

import numpy as np
import pytest

from etude.diagnosis.checks import early_stop_unreliable
from etude.values.finding import Finding


def named(finding, name):
    return next(one for one in finding.evidence if name in one.name)


def valleys(arm, bests, **fields):
    x = np.arange(101)
    curves = [0.3 + 0.4 * ((x - best) / 100) ** 2 for best in bests]
    return arm(curves={"validation/objective": curves}, unit="nats", **fields)


def test_best_epochs_all_over_the_run_are_found_with_what_a_wrong_one_costs(arm):
    bests = [10, 20, 30, 40, 50, 60, 70]
    seen = early_stop_unreliable.look_over_replicates(valleys(arm, bests))
    assert isinstance(seen, Finding)
    assert named(seen, "middle half").value == pytest.approx(30)  # quartiles of seven are at 25 and 55
    # a valley of 0.4 (d/100)² at distance d: mean over pairs of 0.4 d²/10⁴; Σ d² over ordered pairs = 2·7·2800
    assert named(seen, "cost").value == pytest.approx(0.4 * 2 * 7 * 2800 / 42 / 1e4, rel=0.05)


def test_best_epochs_close_together_or_all_at_the_end_are_none(arm):
    assert early_stop_unreliable.look_over_replicates(valleys(arm, [50, 51, 52, 50, 49, 50])) is None
    assert early_stop_unreliable.look_over_replicates(valleys(arm, [100] * 6)) is None


def test_the_median_has_the_interval_of_order_statistics(arm):
    # of 7 values the smallest and the largest bound the median with 1 - 2/2^7 = 98.4 %
    seen = early_stop_unreliable.look_over_replicates(valleys(arm, [10, 20, 30, 40, 50, 60, 70]))
    median = named(seen, "median")
    assert (median.value, median.low, median.high) == (40, 10, 70)


def test_one_run_tells_how_long_a_stretch_is_as_good_as_its_best(arm):
    x = np.linspace(0, 1, 101)
    valley = 0.5 + np.maximum(0, 0.3 - x) + np.maximum(0, x - 0.8)
    noisy = valley + 0.01 * np.random.default_rng(0).normal(size=101)
    seen = early_stop_unreliable.look(arm(curves={"validation/objective": [noisy]}).cases[0])
    assert isinstance(seen, Finding)
    assert seen.where[0].first == pytest.approx(30, abs=8)
    assert seen.where[0].last == pytest.approx(80, abs=8)


def test_the_stretch_of_one_run_lies_within_the_noise_of_the_best_and_holds_together(arm):
    # at its best from 30 to 70, 0.1 above that until 90, and then at its best again, which is apart; noise of 0.01
    x = np.arange(101)
    valley = 0.5 + np.maximum(0, 30 - x) / 100 + 0.1 * ((x > 70) & (x < 90))
    noisy = valley + 0.01 * np.random.default_rng(0).normal(size=101)
    stopped = arm(curves={"validation/objective": [noisy]}, ended="stopped early").cases[0]
    seen = early_stop_unreliable.look(stopped)
    assert seen.where[0].first == pytest.approx(30, abs=5)
    assert seen.where[0].last == pytest.approx(70, abs=3)
    assert named(seen, "noise of the").value == pytest.approx(0.01, rel=0.3)


def test_one_run_with_a_sharp_valley_or_one_that_only_falls_is_none(arm):
    x = np.linspace(0, 1, 101)
    noise = 0.005 * np.random.default_rng(0).normal(size=101)
    for course in (0.5 + np.abs(x - 0.4), 1 - 0.5 * x):
        assert early_stop_unreliable.look(arm(curves={"validation/objective": [course + noise]}).cases[0]) is None
