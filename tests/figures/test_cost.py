"""What treating cost: every training is counted once, where it was first needed."""

import pytest

from etude.figures.cost import cost_data, draw_cost_bar
from etude.values.effect import Effect
from etude.values.finding import Diagnosis
from etude.values.metric import METRICS
from etude.values.run import Run
from etude.values.treatment import Final, Prescription, Round, Treated, Tried

ILL = Diagnosis("control", "overfit", 0.9, "")


def tried(setting, pairs):
    effect = Effect(
        0.0, -1.0, 1.0, 0.95, pairs, "undecided", "brier", "", "validation", lower_is_better=True, factor="rate",
        control="1", treated="2", differences=(0.0,) * pairs, p=1.0, p_sign_flip=1.0, method="Student t",
    )  # fmt: skip
    return Tried(Prescription("t", "t", setting, (), 1.0), effect, "undecided")


def test_a_control_that_was_trained_as_a_treatment_is_not_counted_again():
    runs = tuple(Run(str(i), {}) for i in range(10))
    slow, fast, faster = {"rate": 1}, {"rate": 2}, {"rate": 3}
    first = Round(slow, None, "", ILL, runs, (), (tried(fast, 10), tried(faster, 5)))
    second = Round(fast, 0, "t", ILL, runs, (), (tried(faster, 10),))
    final = Final({}, "test", runs, runs)
    found = Treated("x", slow, fast, METRICS["brier"], (first, second), (0, 1), "", final, 50, 1.0)
    # 10 slow, 10 fast and 5 faster; then 5 more of faster; then 10 of both sides
    assert [(one.says, one.trainings) for one in cost_data(found)] == [
        ("round 1", 25),
        ("round 2", 5),
        ("untreated and treated on fresh seeds", 20),
    ]
    assert cost_data(found)[0].share == pytest.approx(0.5)
    assert "round 1: 25 trainings" in draw_cost_bar(cost_data(found)[0])


def test_nothing_trained_costs_nothing():
    found = Treated("x", {}, {}, METRICS["brier"], (Round({}, None, "", ILL, (), ()),), (0,), "", None, 0, 0.0)
    assert [(one.trainings, one.share) for one in cost_data(found)] == [(0, 0.0)]
