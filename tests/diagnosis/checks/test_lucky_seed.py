"""The best of many."""

import numpy as np
import pytest

from etude.diagnosis.checks import lucky_seed
from etude.values.finding import Finding, NotRun


def named(finding, name):
    return next(one for one in finding.evidence if name in one.name)


def race(arm, levels, seed=0, n=6, noise=0.05):
    rng = np.random.default_rng(seed)
    return [
        arm(f"a{i}", curves={"test/log_loss": level + noise * rng.normal(size=n)}, settings={"epochs": i + 1})
        for i, level in enumerate(levels)
    ]


def test_the_best_of_equals_is_luck(arm):
    seen = lucky_seed.look(race(arm, [0.5] * 8, seed=1))
    assert isinstance(seen, Finding)
    assert seen.prediction.direction == "rises"
    assert "is not told from" in seen.says


def test_a_clear_winner_is_none(arm):
    assert lucky_seed.look(race(arm, [0.1, 0.5, 0.5, 0.5])) is None


def test_the_stated_interval_covers_what_fresh_seeds_do(arm):
    inside = n = 0
    for seed in range(60):
        seen = lucky_seed.look(race(arm, [0.5] * 8, seed=seed))
        if isinstance(seen, Finding):
            means = [one.mean() for one in values(arm, seed)]
            fresh = 0.5 + 0.05 * np.random.default_rng(900 + seed).normal(size=6).mean()
            loss = seen.evidence[0]
            n, inside = n + 1, inside + (loss.low <= fresh - min(means) <= loss.high)
    assert n >= 50
    assert inside >= 0.85 * n  # 95 % of 50 is 47.5; fewer than 42 come once in five hundred times


def values(arm, seed):
    return [
        np.array([case.run.curves["test/log_loss"].values[0] for case in one.cases])
        for one in race(arm, [0.5] * 8, seed=seed)
    ]


def test_single_runs_cannot_tell_luck(arm):
    seen = lucky_seed.look(race(arm, [0.5] * 8, n=1))
    assert isinstance(seen, NotRun)
    assert "fewer than 2 replicates" in seen.because


def test_the_best_replicate_flatters_by_its_distance_from_the_mean(arm):
    one = arm(curves={"test/log_loss": [0.3, 0.5, 0.5, 0.5, 0.7]})
    seen = lucky_seed.look_within(one)
    assert named(seen, "better than the mean by").value == pytest.approx(0.2)
    close = arm(curves={"test/log_loss": [0.48, 0.5, 0.5, 0.5, 0.52]})
    assert lucky_seed.look_within(close) is None
