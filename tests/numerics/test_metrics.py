"""Scores: closed forms, slow twins, and standard errors that hold over repeated samples."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, logit, softmax

from etude.numerics.metrics import calibration_error, classification_scores, regression_scores
from etude.values.metric import METRICS_OF

RNG = np.random.default_rng


def value(scores, metric, step=0):
    return float(scores[metric][0][step])


def error(scores, metric, step=0):
    return float(scores[metric][1][step])


def test_every_metric_of_a_kind_is_scored_with_one_value_and_error_a_step():
    for kind, scores in {
        "binary": classification_scores(np.zeros((3, 8)), np.arange(8) % 2),
        "multiclass": classification_scores(np.zeros((3, 8, 4)), np.arange(8) % 4),
        "regression": regression_scores(np.zeros((3, 8)), np.arange(8)),
    }.items():
        assert tuple(scores) == METRICS_OF[kind]
        assert {array.shape for pair in scores.values() for array in pair} == {(3,)}


def test_the_best_predictor_of_five_percent_flips_scores_the_bayes_limit_without_error():
    # entropy of 0.05: -0.05 ln 0.05 - 0.95 ln 0.95 = 0.198515; Brier 0.05·0.95; accuracy 0.95
    q = np.where(np.arange(400) % 2, 0.95, 0.05)
    scores = classification_scores(logit(q)[None], q)
    assert value(scores, "log_loss") == pytest.approx(0.19851524334587)
    assert value(scores, "brier") == pytest.approx(0.0475)
    assert value(scores, "accuracy") == pytest.approx(0.95)
    assert value(scores, "calibration") == pytest.approx(0, abs=1e-15)
    assert max(error(scores, metric) for metric in scores) < 1e-12


def test_a_certain_and_wrong_logit_costs_its_own_size_not_infinity():
    scores = classification_scores(np.array([[1000.0, -1000.0]], dtype=np.float32), np.array([0, 1]))
    assert value(scores, "log_loss") == 1000


def test_a_certain_and_right_logit_keeps_its_tiny_loss():
    assert value(classification_scores([[50.0, 50.0]], [1, 1]), "log_loss") == pytest.approx(np.exp(-50), rel=1e-12)


def test_soft_targets_score_the_expectation_over_labels():
    # two rows with q = 0.3 and 0.8: weigh the four possible label pairs by their probability
    z, q = np.array([[0.4, -1.2]]), np.array([0.3, 0.8])
    pairs = [(a, b) for a in (0, 1) for b in (0, 1)]
    weights = [(q[0] if a else 1 - q[0]) * (q[1] if b else 1 - q[1]) for a, b in pairs]
    soft = classification_scores(z, q)
    hard = [classification_scores(z, np.array(pair)) for pair in pairs]
    for metric in soft:
        expected = sum(w * value(scores, metric) for w, scores in zip(weights, hard, strict=True))
        assert value(soft, metric) == pytest.approx(expected, abs=1e-12), metric


def test_multiclass_scores_equal_the_slow_definition():
    rng = RNG(0)
    z, y = rng.normal(size=(2, 30, 4)), rng.integers(0, 4, 30)
    scores = classification_scores(z, y)
    for step in range(2):
        p, truth = softmax(z[step], axis=1), np.eye(4)[y]
        assert value(scores, "log_loss", step) == pytest.approx(-(log_softmax(z[step], axis=1) * truth).sum(1).mean())
        assert value(scores, "brier", step) == pytest.approx(((p - truth) ** 2).sum(1).mean())
        assert value(scores, "accuracy", step) == pytest.approx((p.argmax(1) == y).mean())


def test_two_classes_as_multiclass_double_the_binary_brier_score_and_keep_the_rest():
    rng = RNG(1)
    z, y = rng.normal(size=(1, 40)), rng.integers(0, 2, 40)
    two, one = classification_scores(np.stack([0 * z, z], axis=2), y), classification_scores(z, y)
    assert value(two, "brier") == pytest.approx(2 * value(one, "brier"))
    for metric in ("log_loss", "accuracy"):
        assert value(two, metric) == pytest.approx(value(one, metric))


def test_a_predictor_that_knows_nothing_scores_chance_whatever_the_labels():
    scores = classification_scores(np.zeros((1, 7, 4)), np.zeros(7, dtype=int))
    assert value(scores, "accuracy") == 0.25
    assert value(scores, "log_loss") == pytest.approx(np.log(4))
    assert value(classification_scores(np.zeros((1, 7)), np.ones(7)), "accuracy") == 0.5


def test_standard_errors_of_means_are_the_deviation_over_root_n():
    # losses of p = 0.5 ± ... : accuracy of one right and three wrong has sd 0.5, so 0.5/√4
    scores = classification_scores([[1.0, 1.0, 1.0, 1.0]], [1, 0, 0, 0])
    assert error(scores, "accuracy") == pytest.approx(0.25)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_step_with_a_broken_prediction_scores_nan_and_its_neighbour_does_not(broken):
    z = np.zeros((2, 5))
    z[1, 3] = broken
    many = np.repeat(z[..., None], 3, axis=2)
    labels = np.array([0, 1, 0, 1, 0])
    for scores in (classification_scores(z, labels), classification_scores(many, labels), regression_scores(z, labels)):
        for values, errors in scores.values():
            assert np.isfinite(values[0])
            assert np.isnan(values[1])
            assert np.isnan(errors[1])


def test_predictions_near_the_end_of_float64_do_not_warn():
    assert value(regression_scores([[1e300, -1e300]], [1.0, 2.0]), "squared_error") == np.inf


def test_one_row_has_scores_but_no_standard_errors():
    scores = classification_scores([[0.0]], [1])
    assert value(scores, "log_loss") == pytest.approx(np.log(2))
    assert np.isnan(error(scores, "log_loss"))
    assert np.isnan(value(scores, "calibration"))


def test_regression_by_hand():
    # errors 1, 0, -1: mean square 2/3, mean size 2/3; the targets' variance is 8/3, so R² = 1 - 1/4
    scores = regression_scores([[2.0, 3.0, 4.0]], [1.0, 3.0, 5.0])
    assert value(scores, "squared_error") == pytest.approx(2 / 3)
    assert value(scores, "absolute_error") == pytest.approx(2 / 3)
    assert value(scores, "r2") == pytest.approx(0.75)


def test_equal_targets_leave_r2_undefined():
    assert np.isnan(value(regression_scores([[1.0, 2.0]], [3.0, 3.0]), "r2"))


@given(shift=st.floats(-1e3, 1e3), scale=st.floats(1e-2, 1e2))
def test_r2_does_not_depend_on_the_unit(shift, scale):
    rng = RNG(2)
    y, prediction = rng.normal(size=20), rng.normal(size=(1, 20))
    moved = regression_scores(shift + scale * prediction, shift + scale * y)
    original = regression_scores(prediction, y)
    assert value(moved, "r2") == pytest.approx(value(original, "r2"), abs=1e-6)
    assert error(moved, "r2") == pytest.approx(error(original, "r2"), rel=1e-6)


def slow_calibration(stated, happened, bins):
    """The definition: the mean of r_i r_j over pairs within each bin, for values that do not tie."""
    order, n = np.argsort(stated), stated.size
    bin_of = np.empty(n, dtype=int)
    bin_of[order] = np.arange(n) * bins // n
    total = 0.0
    for b in range(bins):
        r = (happened - stated)[bin_of == b]
        pairs = [r[i] * r[j] for i in range(r.size) for j in range(r.size) if i != j]
        total += r.size / n * np.mean(pairs)
    return total


def test_calibration_is_the_mean_product_of_residual_pairs():
    rng = RNG(3)
    stated, happened = rng.random((2, 100)), rng.integers(0, 2, 100).astype(float)
    values, _ = calibration_error(stated, happened)
    for step in range(2):
        assert values[step] == pytest.approx(slow_calibration(stated[step], happened, 15))


def test_a_constant_prediction_is_judged_as_one_bin_even_when_rows_are_sorted_by_label():
    # says 0.5 of 30 rows, the first 15 of class 0: calibrated, so about 0; one bin for each label would say 0.25
    scores = classification_scores(np.zeros((1, 30)), np.repeat([0, 1], 15))
    assert value(scores, "calibration") == pytest.approx(-0.25 / 29)


def test_calibration_does_not_depend_on_the_order_of_rows():
    rng = RNG(4)
    stated, happened = rng.integers(1, 10, (1, 60)) / 10, rng.integers(0, 2, 60).astype(float)
    order = rng.permutation(60)
    there, back = calibration_error(stated, happened), calibration_error(stated[:, order], happened[order])
    assert there[0] == pytest.approx(back[0])
    assert there[1] == pytest.approx(back[1])


@pytest.mark.parametrize("soft", [False, True], ids=["labels", "probabilities"])
@pytest.mark.parametrize("tilt", [1.0, 0.5], ids=["calibrated", "overconfident"])
def test_calibration_is_unbiased_and_its_standard_error_is_its_spread_over_samples(tilt, soft):
    # 2,000 samples of 300 rows; the truth is the same estimator on a million rows with known probabilities
    rng = RNG(5)
    samples, rows = 2000, 300
    z = rng.normal(0, 2, (samples, rows))
    q = expit(tilt * z)
    happened = q if soft else (rng.random(q.shape) < q).astype(float)
    values, errors = calibration_error(expit(z), happened)
    many = rng.normal(0, 2, (1, 1_000_000))
    truth = calibration_error(expit(many), expit(tilt * many))[0][0]
    spread, stated = values.std(), np.sqrt((errors**2).mean())
    assert abs(values.mean() - truth) <= 4 * spread / np.sqrt(samples) + 0.02 * truth  # bins of samples move a little
    assert 0.92 * spread <= stated <= 1.25 * spread + 1e-12  # the sd of 2,000 values is known to 2 %


@pytest.mark.parametrize("metric", ["squared_error", "absolute_error", "r2"])
def test_standard_errors_of_a_regression_are_the_spread_over_samples(metric):
    rng = RNG(6)
    spread, stated = [], []
    for _ in range(1500):
        y = rng.normal(size=200)
        scores = regression_scores((0.7 * y + rng.normal(0, 0.4, 200))[None], y)
        spread.append(value(scores, metric))
        stated.append(error(scores, metric))
    # the sd of 1,500 values is known to 1/√3000 = 1.8 %; four of these
    assert np.sqrt(np.mean(np.square(stated))) == pytest.approx(np.std(spread), rel=0.075)


def test_a_hundred_steps_of_five_thousand_rows_take_well_under_a_second():
    rng = RNG(7)
    z, y = rng.normal(size=(100, 5000)).astype(np.float32), rng.integers(0, 2, 5000)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        classification_scores(z, y)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1  # 0.11 s on a quiet core of 2026; the margin is for a busy one
