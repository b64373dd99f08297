"""What treatments are expected to gain: of which, of what runs, and never more than is left."""

import numpy as np
import pytest

from etude.diagnosis.case import case_of
from etude.diagnosis.expected import effects, expected_of
from etude.diagnosis.prescribe import TREATMENTS
from etude.values.curve import curve
from etude.values.run import Run


def run_of(validation, train=None):
    steps = np.arange(1, len(validation) + 1)
    curves = {"validation/objective": curve("validation/objective", steps, validation, unit="nats")}
    if train is not None:
        curves["train/objective"] = curve("train/objective", steps, train, unit="nats")
    return Run("made", curves, ended="completed", last_step=len(validation), kept_step=len(validation))


FALLING = np.linspace(0.7, 0.35, 40)
RISING = np.concatenate([np.linspace(0.7, 0.3, 10), np.linspace(0.3, 0.9, 30)])
LEARNED = np.linspace(0.7, 0.01, 40)


def test_every_treatment_that_something_is_known_of_is_one_that_is_prescribed():
    prescribed = set()
    for one in TREATMENTS:
        several = len(one.strengths) > 1
        prescribed |= {f"{one.name} ({strength:g})" if several else one.name for strength in one.strengths}
    for of in effects().values():
        assert set(of.helps) <= prescribed
        assert set(of.helps) == set(of.size) == set(of.spread)


def test_an_overfit_run_is_expected_to_gain_from_stopping_and_not_from_more_epochs():
    expected = expected_of([case_of(run_of(RISING, LEARNED))])
    assert expected["early stopping"].helps > 0.8 > 0.2 > expected["more epochs (3)"].helps


def test_a_run_that_is_still_falling_gains_more_from_epochs_than_from_stopping():
    expected = expected_of([case_of(run_of(FALLING, FALLING - 0.01))])
    assert expected["more epochs (3)"].helps > expected["early stopping"].helps


def test_no_more_is_promised_than_is_left():
    nearly_done = run_of(np.linspace(0.7, 0.02, 40), LEARNED)
    for one in expected_of([case_of(nearly_done)]).values():
        assert one.low <= one.middle <= one.high <= 0.02 / 0.7 + 0.01  # as a share of where the run began


def test_replicates_are_weighed_by_their_mean_evidence():
    one, other = (case_of(run_of(curve_, LEARNED)) for curve_ in (RISING, FALLING))
    helps = [expected_of(cases)["early stopping"].helps for cases in ([one], [one, other], [other])]
    assert helps[0] > helps[1] > helps[2]


@pytest.mark.parametrize("run", [run_of([0.5, 0.4]), run_of([0.5, np.nan, 0.4, 0.3])], ids=["short", "broken"])
def test_of_a_run_that_shows_too_little_nothing_is_expected(run):
    assert expected_of([case_of(run)]) == {}
