"""Losses that come again each epoch."""

import numpy as np

from etude.diagnosis.checks.data_order import CHECK
from etude.values.finding import Finding, NotRun


def by_batch(pattern, epochs=10, noise=0.02):
    n = len(pattern) * epochs
    rng = np.random.default_rng(0)
    return np.exp(-np.arange(n) / 60) + np.tile(pattern, epochs) + rng.normal(0, noise, n)


def with_epochs(case, values, per_epoch):
    ends = np.arange(per_epoch, len(values) + 1, per_epoch)
    return case({"train/objective": values, "validation/objective": (ends, np.ones(len(ends)))})


def test_losses_that_come_again_each_epoch_are_seen_with_the_length_of_it(case):
    pattern = np.random.default_rng(1).normal(0, 0.1, 12)
    found = CHECK.look(with_epochs(case, by_batch(pattern), 12))
    assert isinstance(found, Finding)
    assert found.evidence[1].value == 12
    assert found.evidence[0].value > 0.5


def test_fresh_noise_is_none(case):
    assert CHECK.look(with_epochs(case, by_batch(np.zeros(12), noise=0.1), 12)) is None


def test_a_slow_wave_is_no_order_of_the_data(case):
    wave = 0.2 * np.sin(2 * np.pi * np.arange(240) / 97)
    assert CHECK.look(with_epochs(case, wave + by_batch(np.zeros(12), epochs=20), 12)) is None


def test_epoch_means_cannot_tell(case):
    both = {"train/objective": np.ones(50), "validation/objective": np.ones(50)}
    seen = CHECK.look(case(both))
    assert isinstance(seen, NotRun)
    assert "single steps" in seen.because
