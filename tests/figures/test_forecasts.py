"""Forecasts of help: counted by how likely it was said to be, and a low one that did not come true was right."""

import pytest

from etude.figures.forecasts import by_probability, forecasts, odds_text, summary, table_rows
from etude.values.effect import Effect
from etude.values.finding import Diagnosis
from etude.values.treatment import Expected, Prescription, Round, Tried

VERDICTS = {"confirmed": "better", "refuted": "equivalent", "undecided": "undecided"}


def tried(helps, bears, *, trained=True):
    effect = Effect(
        -0.1, -0.2, 0.0, 0.95, 5, VERDICTS[bears], "log_loss", "nats", "validation", lower_is_better=True, factor="a",
        control="1", treated="3", differences=(-0.1,) * 5, p=0.01, p_sign_flip=0.1, method="Student t",
    )  # fmt: skip
    expected = None if helps is None else Expected(helps, 0.0, 0.1, 0.2)
    return Tried(Prescription("a", "a", {}, (), 1.0, expected), effect if trained else None, bears)


def rounds_of(*arms):
    return [Round({}, None, "", Diagnosis("control", "overfit", 0.9, ""), (), (), arms)]


LOW = [tried(0.1, "refuted")] * 8 + [tried(0.1, "confirmed")] + [tried(0.1, "undecided")]


def test_ten_forecasts_of_ten_per_cent_of_which_one_or_two_came_true_are_one_group():
    (group,) = by_probability(rounds_of(*LOW))
    assert (group.made, group.expected, group.helped, group.not_helped) == (10, pytest.approx(1.0), 1, 8)
    assert group.came_true == (0.1, 0.2)
    assert table_rows([group]) == (("about 10 %", "10", "1", "1", "8", "1", "10 to 20 %"),)


def test_forecasts_are_counted_apart_by_how_likely_help_was_said_to_be():
    rounds = rounds_of(*LOW, tried(0.2, "refuted"), tried(0.9, "confirmed"), tried(1.0, "confirmed"))
    assert [(one.low, one.made) for one in by_probability(rounds)] == [(0.0, 10), (0.2, 1), (0.8, 2)]
    assert summary(forecasts(rounds)) == (
        "Of 13 forecasts 3.1 were expected to come true: 3 helped, 9 did not, and 1 is undecided."
    )


def test_what_was_not_forecast_or_not_trained_counts_for_nothing():
    assert forecasts(rounds_of(tried(None, "refuted"), tried(0.5, "undecided", trained=False))) is None
    assert by_probability([]) == ()


def test_a_forecast_that_leans_neither_way_is_neither_right_nor_wrong():
    assert [odds_text(p, "confirmed") for p in (0.39, 0.41, 0.59, 0.61)] == [
        "against the odds", "the odds were even", "the odds were even", "as was likelier",
    ]  # fmt: skip
    assert odds_text(0.1, "undecided") == ""
