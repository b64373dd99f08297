"""Stopping when the validation loss has turned for good."""

import numpy as np
import pytest

from etude.engine.online_stopping import OnlineStopping


def stopped_at(losses) -> tuple[int | None, int]:
    """Where it stops, or None, and the best place, both counted from 0."""
    stopping = OnlineStopping()
    for i, loss in enumerate(losses):
        if stopping.note(float(loss)):
            return i, stopping.best
    return None, stopping.best


def falling(n, *, noise, seed):
    chance = np.random.default_rng(seed)
    return 0.5 + np.exp(-np.arange(n) / 15) + noise * chance.standard_normal(n)


def test_a_clear_turn_is_told_within_ten_epochs():
    turning = [1 + abs(i - 30) / 30 for i in range(100)]
    place, best = stopped_at(turning)
    assert best == 30
    # each value counts at most 5 less 0.5 and 0.85 for chance, and the sum must pass 20: six epochs at least
    assert 35 <= place <= 40


def test_a_loss_that_keeps_falling_is_never_stopped():
    assert stopped_at(1 / np.arange(1, 500))[0] is None


@pytest.mark.parametrize("noise", [0.003, 0.03])
def test_a_plateau_with_noise_is_rarely_stopped(noise):
    stops = [stopped_at(falling(200, noise=noise, seed=seed))[0] is not None for seed in range(100)]
    assert np.mean(stops) <= 0.05


@pytest.mark.parametrize("noise", [0.003, 0.03])
def test_a_turn_under_noise_is_told(noise):
    rising = np.concatenate([np.zeros(60), 0.01 * np.arange(140)])
    places = [stopped_at(falling(200, noise=noise, seed=seed) + rising)[0] for seed in range(50)]
    assert None not in places
    assert np.median(places) <= 90


def test_single_bad_epochs_do_not_stop_it():
    losses = 1 / np.arange(1, 101) + 0.01 * np.sin(np.arange(100))
    losses[30:100:15] += 5.0
    assert stopped_at(losses)[0] is None


def test_a_rise_too_small_to_matter_is_left():
    # clear against its noise of 0, but 1 % of the fall of 1
    losses = np.concatenate([np.linspace(2, 1, 30), np.linspace(1, 1.01, 70)])
    assert stopped_at(losses)[0] is None


def test_what_is_no_number_ends_it():
    assert stopped_at([1.0, 0.5, float("nan")]) == (2, 1)
