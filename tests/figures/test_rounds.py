"""The chart over rounds: where scores fall, what is joined to what, and the same in words."""

import math

import numpy as np
import pytest

from etude.figures.rounds import draw_rounds, mean_level, rounds_data, table_rows
from etude.values.effect import Effect
from etude.values.finding import Diagnosis
from etude.values.metric import METRICS, Limit
from etude.values.treatment import Prescription, Round, Tried

ILL = Diagnosis("control", "overfit", 0.9, "It overfits.")


def tried(name, difference, verdict="better"):
    effect = Effect(
        difference, difference - 1, difference + 1, 0.95, 5, verdict, "squared_error", "", "validation",
        lower_is_better=True, factor="epochs", control="1", treated="2", differences=(difference,) * 5,
        p=0.01, p_sign_flip=0.1, method="Student t",
    )  # fmt: skip
    return Tried(Prescription(name, name, {}, (), 1.0), effect, "confirmed")


def made(scores, arms=(), kept="", parent=None, by=""):
    return Round({}, parent, by, ILL, (), scores, arms, kept=kept)


METRIC = METRICS["squared_error"]


def test_a_treatment_stands_where_it_would_bring_the_control():
    data = rounds_data([made((9.0, 11.0), (tried("dropout", -4.0),), "dropout")], (0,), METRIC)
    (column,) = data.columns
    (point,) = column.tried
    assert (column.score.mean, point.score, point.kept, column.on_path) == (10.0, 6.0, True, True)


def test_the_interval_of_a_control_is_students():
    # Two scores 9 and 11 have the standard error 1; with one degree of freedom t(0.975) = tan(0.475 π)
    data = rounds_data([made((9.0, 11.0))], (0,), METRIC)
    assert data.columns[0].score.high == pytest.approx(10 + math.tan(0.475 * math.pi))


def test_runs_that_diverged_are_left_out_of_the_mean():
    level = mean_level(np.array([2.0, math.nan, 4.0]), level=0.95)
    assert level.mean == 3.0
    assert math.isnan(mean_level(np.array([math.nan]), level=0.95).mean)


def test_limits_and_what_was_kept_are_on_the_axis_and_what_is_far_worse_is_not():
    arms = (tried("dropout", -4.0), tried("huge steps", 1e6, "worse"))
    limit = Limit("squared_error", 20.0, 20.0, 1.0)
    data = rounds_data([made((9.0, 11.0), arms, "dropout")], (0,), METRIC, limit=limit)
    assert data.axis.low < 1.0
    assert 20.0 < data.axis.high < 40.0
    assert [name for name, _ in data.limits] == ["chance", "best constant", "Bayes limit"]


def test_rounds_that_no_run_finished_of_have_no_chart():
    assert rounds_data([made((math.nan, math.nan))], (0,), METRIC) is None
    assert rounds_data([made(())], (0,), METRIC) is None


def test_what_was_kept_is_joined_to_the_control_it_became():
    rounds = [made((9.0, 11.0), (tried("dropout", -4.0),), "dropout"), made((5.0, 7.0), parent=0, by="dropout")]
    drawn = draw_rounds(rounds_data(rounds, (0, 1), METRIC))
    assert drawn.count('class="link"') == 1
    assert drawn.count('class="kept"') == 1
    assert "from 10.0 to 6.0 over 2 rounds" in drawn


def test_a_round_that_led_no_further_is_told_as_that():
    rounds = [made((9.0, 11.0), (tried("dropout", -4.0),), "dropout"), made((5.0, 7.0), parent=0, by="dropout")]
    drawn = draw_rounds(rounds_data(rounds, (0,), METRIC))
    assert drawn.count('class="link aside"') == 1
    assert "led no further" in drawn


def test_names_are_escaped():
    rounds = [made((9.0, 11.0), (tried("<b>", -4.0),), "<b>")]
    assert "<b>" not in draw_rounds(rounds_data(rounds, (0,), METRIC))


def test_the_table_has_a_row_a_round():
    rounds = [made((9.0, 11.0), (tried("dropout", -4.0),), "dropout"), made((), parent=0, by="dropout")]
    first, second = table_rows(rounds_data(rounds, (0,), METRIC))
    assert first[:4] == ("1", "as it was", "overfit", "10.0")
    assert first[5:] == ("1", "dropout")
    assert second[:4] == ("2", "dropout", "overfit", "–")
