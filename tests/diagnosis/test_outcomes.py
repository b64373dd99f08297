"""The number by which arms are held against each other, and its pairs."""

import math

import numpy as np
import pytest

from etude.diagnosis.outcomes import (
    finite_outcomes,
    judge_of,
    mean_of,
    on_training,
    outcomes,
    pair_keys,
    share_of,
    tables,
)


def test_the_test_sets_primary_score_judges_where_every_run_has_it(arm):
    both = arm(curves={"validation/log_loss": [0.4], "test/log_loss": [0.5]})
    assert judge_of([both]).curve == "test/log_loss"
    assert judge_of([both, arm(curves={"validation/log_loss": [0.4]})]).curve == "validation/log_loss"


def test_the_objective_judges_where_there_are_no_scores_and_only_in_one_unit(arm):
    nats = arm(curves={"validation/objective": [0.4]}, unit="nats")
    judge = judge_of([nats])
    assert (judge.curve, judge.unit, judge.smallest) == ("validation/objective", "nats", 0.01)
    assert judge_of([nats, arm(curves={"validation/objective": [0.4]}, unit="squared probability")]) is None


def test_without_held_out_data_nothing_judges(arm):
    assert judge_of([arm(curves={"train/objective": [0.4]})]) is None


def test_the_same_number_on_training_data_only_where_all_have_it(arm):
    scored = arm(curves={"test/log_loss": [0.5], "train/log_loss": [0.1]})
    judge = judge_of([scored])
    assert on_training(judge, [scored]).curve == "train/log_loss"
    assert on_training(judge, [arm(curves={"test/log_loss": [0.5]})]) is None


def test_a_run_that_diverged_has_no_outcome(arm):
    lost = arm(curves={"test/log_loss": [0.5, 0.6]}, ended="diverged")
    assert all(math.isnan(value) for value in outcomes(lost, judge_of([lost])).values())
    assert finite_outcomes(lost, judge_of([lost])).size == 0


def test_logs_with_seeds_are_paired_by_seed_and_others_by_place(arm):
    curves = {"test/log_loss": [0.5]}
    seeded = arm(curves=curves, recipe=None, provenance={"hparams/seed": 7})
    assert pair_keys(seeded) == [7]
    assert pair_keys(arm(curves={"test/log_loss": [0.5, 0.6]}, recipe=None)) == [0, 1]


def test_a_mean_has_students_interval():
    # 1, 2, 3: mean 2, standard error 1/√3; t with 2 degrees of freedom has the closed form .95 √(2/(4·.975·.025))
    reach = 0.95 * np.sqrt(2 / (4 * 0.975 * 0.025)) / np.sqrt(3)
    found = mean_of("x", np.array([1.0, 2.0, 3.0]), "nats")
    assert (found.value, found.low, found.high) == pytest.approx((2, 2 - reach, 2 + reach))


def test_a_mean_of_one_value_or_of_equal_ones_has_no_interval():
    assert mean_of("x", np.array([1.0]), "").low is None
    assert mean_of("x", np.array([1.0, 1.0, 1.0]), "").high is None


def test_the_wilson_interval_of_nobody_in_n_ends_at_z2_over_n_plus_z2():
    found = share_of("x", 0, 10)
    assert found.low == 0
    assert found.high == pytest.approx(100 * 1.959964**2 / (10 + 1.959964**2))


def test_curves_are_put_on_the_steps_that_all_have(arm):
    one = arm(curves={"test/log_loss": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]})
    steps, values = tables(one, "test/log_loss")
    assert steps.tolist() == [0, 50, 100]
    assert values.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert tables(one, "train/log_loss") is None
