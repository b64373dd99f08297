"""The four signs of health, on runs that have them and runs that lack one."""

import numpy as np
import pytest

from etude.diagnosis.case import case_of
from etude.diagnosis.signs import signs
from etude.values.curve import curve
from etude.values.run import Run

NAMES = ("both losses fall together", "small gap", "smooth convergence", "validation stabilises")


def judged(train=None, validation=None, word="objective", **scored):
    named = {f"train/{word}": train, f"validation/{word}": validation}
    curves = {name: curve(name, np.arange(len(values)), values) for name, values in named.items() if values is not None}
    for name, (value, error) in scored.items():
        full = f"{name.replace('__', '/')}"
        curves[full] = curve(full, [0, 10], [value, value], unit="nats", standard_errors=[error, error])
    return {sign.name: sign for sign in signs(case_of(Run("run", curves, last_step=99, kept_step=99)))}


FALL = np.exp(-np.arange(100) / 12)


def test_a_healthy_run_shows_all_four():
    found = judged(FALL + 0.1, FALL + 0.12)
    assert tuple(found) == NAMES
    assert [found[name].healthy for name in NAMES] == [True] * 4


def test_scores_that_rise_are_as_healthy_as_losses_that_fall():
    found = judged(1 - FALL, 0.98 - FALL, word="score")
    assert [found[name].healthy for name in NAMES] == [True] * 4


def test_a_validation_loss_that_rises_does_not_fall_together_with_training_and_does_not_settle():
    found = judged(FALL, 0.5 + np.arange(100) / 200)
    assert found["both losses fall together"].healthy is False
    assert found["validation stabilises"].healthy is False
    # 0.005 a step over the 20 steps of the last fifth
    assert found["validation stabilises"].evidence[0].value == pytest.approx(0.005 * 19, rel=0.06)


def test_noise_without_direction_is_said_to_be_unsure_rather_than_ill():
    noise = np.random.default_rng(0).normal(0, 1, (2, 100))
    assert judged(*noise)["both losses fall together"].healthy is None


@pytest.mark.parametrize(("gap", "small"), [(0.05, True), (0.2, None), (0.5, False)])
def test_without_standard_errors_a_middling_gap_is_left_open(gap, small):
    # what was learned is 1 + gap less 0, so gaps of 0.05, 0.2 and 0.5 are 5, 17 and 33 % of it
    assert judged(FALL, FALL + gap)["small gap"].healthy is small


@pytest.mark.parametrize(("error", "small"), [(0.03, True), (0.01, False)])
def test_with_standard_errors_chance_decides(error, small):
    # a gap of 0.05 against 1.96·√2·0.03 = 0.083, or 0.028
    scored = {"train__log_loss": (0.3, error), "validation__log_loss": (0.35, error)}
    found = judged(FALL, FALL, **scored)["small gap"]
    assert found.healthy is small
    assert found.evidence[0].high == pytest.approx(0.05 + 1.96 * np.sqrt(2) * error, abs=1e-4)


def test_a_zigzag_is_not_smooth():
    found = judged(FALL + 0.2 * (-1.0) ** np.arange(100), FALL)["smooth convergence"]
    assert found.healthy is False
    assert found.evidence[2].value < -0.9


def test_values_that_are_not_finite_are_not_smooth():
    assert judged(np.where(np.arange(100) < 90, FALL, np.nan), FALL)["smooth convergence"].healthy is False


@pytest.mark.parametrize(
    ("name", "train", "validation", "because"),
    [
        ("both losses fall together", FALL, None, "only one series"),
        ("both losses fall together", FALL[:8], FALL[:8], "fewer than 12"),
        ("small gap", None, FALL, "only one series"),
        ("small gap", np.ones(50), np.ones(50), "nothing was learned"),
        ("smooth convergence", FALL[:5], None, "fewer than 6"),
        ("validation stabilises", FALL, None, "no validation series"),
        ("validation stabilises", FALL[:20], FALL[:20], "last fifth"),
    ],
)
def test_what_could_not_be_measured_says_why(name, train, validation, because):
    sign = judged(train, validation)[name]
    assert sign.healthy is None
    assert "could not be measured because" in sign.says
    assert because in sign.says
