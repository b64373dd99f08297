"""Predictions held against trials: which trial bears on which, and how sizes compare."""

import pytest

from etude.diagnosis.prescribe import TREATMENTS
from etude.figures.predicted import (
    TRIED_AS,
    draw_predicted_axis,
    draw_predicted_row,
    improvement,
    predicted_data,
    predictions,
    showed,
    table_rows,
)
from etude.values.effect import Effect
from etude.values.finding import Diagnosis, Finding, Prediction
from etude.values.treatment import Expected, Prescription, Round, Tried

NATS = "nats"


def effect(mean, low, high, verdict, *, unit=NATS, lower=True):
    return Effect(
        mean, low, high, 0.95, 5, verdict, "log_loss", unit, "validation", lower_is_better=lower, factor="epochs",
        control="1", treated="3", differences=(mean,) * 5, p=0.01, p_sign_flip=0.1, method="Student t",
    )  # fmt: skip


def tried(name, of, bears, expected=None):
    return Tried(Prescription(name, name, {}, (), 1.0, expected), of, bears)


def made(prediction, *arms):
    findings = (Finding("not converged", "", "warning", 0.9, prediction=prediction),) if prediction else ()
    return Round({}, None, "", Diagnosis("control", "not converged", 0.9, "", findings=findings), (), (), arms)


LONGER = Prediction("train three times as long", "validation loss", "falls", 0.1, 0.3, NATS)


@pytest.mark.parametrize(
    ("measured", "bears", "size"),
    [
        (effect(-0.2, -0.25, -0.15, "better"), "confirmed", "as predicted"),
        (effect(-0.05, -0.08, -0.02, "better"), "confirmed", "smaller than predicted"),
        (effect(-0.5, -0.6, -0.4, "better"), "confirmed", "larger than predicted"),
        (effect(0.2, 0.1, 0.3, "worse"), "refuted", "smaller than predicted"),
        (effect(-0.2, -0.9, 0.5, "undecided"), "undecided", ""),
        (effect(-0.2, -0.25, -0.15, "better", unit="share"), "confirmed", ""),
    ],
)
def test_a_prediction_is_held_against_the_trial_of_what_it_names(measured, bears, size):
    (one,) = predictions([made(LONGER, tried("more epochs (3)", measured, bears))])
    assert (one.tried.bears, one.size, one.round, one.symptom) == (bears, size, 1, "not converged")


def test_a_prediction_that_nobody_put_on_trial_is_told_all_the_same():
    (one,) = predictions([made(LONGER, tried("dropout (0.1)", effect(-0.2, -0.25, -0.15, "better"), "confirmed"))])
    assert (one.tried, one.size) == (None, "")
    assert predictions([made(None)]) == ()


def test_an_improvement_is_above_zero_whichever_way_is_better():
    assert improvement(effect(-0.2, -0.25, -0.15, "better")) == (0.2, 0.15, 0.25)
    assert improvement(effect(0.2, 0.15, 0.25, "better", lower=False)) == (0.2, 0.15, 0.25)


def test_what_the_bank_expects_and_what_a_diagnosis_predicts_are_on_one_axis():
    expected = Expected(helps=0.7, low=0.0, middle=0.1, high=0.4)
    arm = tried("more epochs (3)", effect(-0.2, -0.25, -0.15, "better"), "confirmed", expected)
    data = predicted_data([made(LONGER, arm)])
    # all between 0 and 0.4, and 4 % of that more on each side: 0.016 below 0 to 0.416
    bank, finding = data.rows
    assert bank.predicted == pytest.approx((100 * 0.016 / 0.432, 100 * 0.416 / 0.432))
    assert bank.mean == finding.mean == pytest.approx(100 * 0.216 / 0.432)
    assert (bank.helps, finding.helps) == (0.7, None)
    assert (bank.about, finding.about) == ("round 1: 70 % to help", "round 1: not converged")
    assert table_rows(data)[1][2:] == ("0.1 to 0.3", "0.200", "0.150 to 0.250", "confirmed, as predicted")


def test_decided_trials_come_first_and_wide_intervals_leave_the_frame():
    expected = Expected(0.5, 0.0, 0.1, 0.2)
    open_ = tried("dropout (0.1)", effect(0.0, -50.0, 50.0, "undecided"), "undecided", expected)
    sure = tried("more epochs (3)", effect(-0.1, -0.12, -0.08, "better"), "confirmed", expected)
    data = predicted_data([made(None, open_, sure)])
    assert [row.label for row in data.rows] == ["more epochs (3)", "dropout (0.1)"]
    drawn = draw_predicted_row(data, data.rows[1])
    assert "‹" in drawn
    assert "›" in drawn
    assert "more improvement" in draw_predicted_axis(data)


def test_without_sizes_there_is_no_picture():
    assert predicted_data([made(None, tried("dropout", effect(-0.1, -0.2, 0.0, "better"), "confirmed"))]) is None


def test_every_trial_that_a_prediction_names_is_a_treatment_at_one_of_its_strengths():
    several = {f"{one.name} ({strength:g})" for one in TREATMENTS for strength in one.strengths}
    alone = {one.name for one in TREATMENTS if len(one.strengths) == 1}
    assert {name for names in TRIED_AS.values() for name in names} <= several | alone


def test_what_the_bank_measured_of_those_that_helped_is_no_size_for_one_that_did_not():
    arm = tried("dropout (0.3)", effect(0.1, 0.05, 0.15, "worse"), "refuted", Expected(0.05, 0.01, 0.02, 0.03))
    (row,) = predicted_data([made(None, arm)]).rows
    assert row.size == ""


def test_a_low_forecast_that_did_not_help_is_told_as_what_was_measured_and_not_as_refuted():
    arm = tried("dropout (0.3)", effect(0.1, 0.05, 0.15, "worse"), "refuted", Expected(0.09, 0.01, 0.02, 0.03))
    data = predicted_data([made(None, arm)])
    assert table_rows(data)[0][-1] == "did harm, as was likelier"
    lucky = tried("dropout (0.3)", effect(-0.1, -0.15, -0.05, "better"), "confirmed", Expected(0.09, 0.2, 0.3, 0.4))
    data = predicted_data([made(None, lucky)])
    assert table_rows(data)[0][-1] == "helped, against the odds, smaller than predicted"


def test_the_prediction_of_a_doubtful_finding_is_refuted_by_nothing():
    arm = tried("more epochs (3)", effect(0.2, 0.1, 0.3, "worse"), "refuted")
    assert showed(arm, 0.9) == ("refuted", "")
    assert showed(arm, 0.2) == ("did harm", "as was likelier")
