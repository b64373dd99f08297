"""Two arms under the glass: the same example under each, and what is known of both losses comes out."""

import math

import numpy as np
import pytest

import etude
from etude.engine.microscope.glimpse import chosen_example, glimpse_of, margins, scene_of_step
from etude.studies.under_glass import Glass, under_glass
from etude.values.errors import ComparisonError, ConfoundedError, EngineError, NotEnoughDataError, RecipeError
from etude.values.recipe import changed

BASE = etude.Recipe(
    data=etude.task("sincos", rows=120, features=2, flip=0.05),
    model=etude.mlp(hidden=(6,)),
    loss="bce",
    optimizer=etude.adam(learning_rate=0.01),
    epochs=60,
)
MSE = changed(BASE, {"loss": "mse"})


def contrast(seen, name):
    return next(one for one in seen.contrasts if one.name == name)


@pytest.fixture(scope="module")
def wrong():
    return under_glass(BASE, MSE, Glass(step=1, replicates=5))


def test_at_the_first_step_both_arms_say_the_same(wrong):
    right = contrast(wrong, "how right the network is")
    assert right.control == right.treated
    assert all(margin < 0 for margin in right.control)
    assert (wrong.field, wrong.control, wrong.treated, wrong.replicates) == ("loss", "bce", "mse", 5)
    assert wrong.which == "most confidently wrong"


def test_the_error_signals_are_those_of_the_two_formulas(wrong):
    # by the logit z of the true class: BCE has 1 - p, MSE of the probability 2 (1 - p) p (1 - p), for p = sigmoid(z)
    z = np.array(contrast(wrong, "how right the network is").control)
    p = 1 / (1 + np.exp(-z))
    signal = contrast(wrong, "its error signal at the output")
    assert signal.control == pytest.approx(1 - p, rel=1e-4)
    assert signal.treated == pytest.approx(2 * p * (1 - p) ** 2, rel=1e-4)


def test_ratios_are_geometric_means_with_students_interval_of_the_logarithms(wrong):
    signal = contrast(wrong, "its error signal at the output")
    logs = np.log(signal.treated) - np.log(signal.control)
    assert signal.mean == pytest.approx(np.exp(logs.mean()))
    reach = 2.776445 * logs.std(ddof=1) / np.sqrt(5)  # t of 4 degrees of freedom at 97.5 %
    assert (signal.low, signal.high) == pytest.approx((np.exp(logs.mean() - reach), np.exp(logs.mean() + reach)))
    assert (signal.how, signal.n_pairs, signal.own_unit) == ("ratio", 5, True)


def test_the_gradient_of_a_confidently_wrong_example_vanishes_under_mse(wrong):
    beside = contrast(wrong, "its error signal beside the batch's")
    assert beside.high < 1
    assert not beside.own_unit
    assert contrast(wrong, "its gradient beside the batch's").high < 1


def test_what_is_said_of_the_example_is_what_its_network_says():
    scene = scene_of_step(BASE, 0, 7)
    example = chosen_example(scene, "most confidently right")
    assert margins(scene)[example] == margins(scene).max()
    seen = glimpse_of(scene, example)
    assert seen.before == pytest.approx(float(scene.loss(scene.before)))
    assert seen.after == pytest.approx(float(scene.loss(scene.after)))
    assert seen.signal == pytest.approx(1 / (1 + math.exp(seen.margin)), rel=1e-4)
    assert 0 < seen.first < seen.gradient
    all_signals = 1 / (1 + np.exp(margins(scene)))
    assert seen.usual_signal == pytest.approx(np.sqrt((all_signals**2).mean()), rel=1e-4)
    each = [glimpse_of(scene, i).gradient for i in range(0, 96, 8)]
    assert seen.usual_gradient == pytest.approx(np.sqrt(np.mean(np.square(each))), rel=0.5)


def test_margins_of_classes_are_the_true_logit_less_the_best_other():
    several = etude.Recipe(data=etude.bundled("iris"), model=etude.mlp(hidden=(4,)), loss="cross_entropy", epochs=3)
    scene = scene_of_step(several, 0, 2)
    logits = scene.outputs(scene.before).detach().numpy()
    true = logits[np.arange(len(logits)), scene.targets.numpy()]
    logits[np.arange(len(logits)), scene.targets.numpy()] = -np.inf
    assert margins(scene) == pytest.approx(true - logits.max(axis=1))


def test_margins_of_numbers_are_minus_the_error():
    waves = etude.Recipe(data=etude.task("waves", rows=60), model=etude.mlp(hidden=(4,)), loss="mse", epochs=3)
    scene = scene_of_step(waves, 0, 2)
    errors = scene.outputs(scene.before).detach().numpy() - scene.targets.numpy()
    assert margins(scene) == pytest.approx(-np.abs(errors[:, 0]))


def test_the_same_question_gets_the_same_answer():
    one, other = (under_glass(BASE, MSE, Glass(step=2, which=3, replicates=2)) for _ in range(2))
    assert one == other
    assert one.examples == (3, 3)
    assert one.which == "example 3"


def test_arms_that_left_all_bounds_have_no_numbers_and_no_crash():
    wild = changed(BASE, {"optimizer.learning_rate": 1e9, "stop_on_divergence": False})
    seen = under_glass(wild, changed(wild, {"loss": "mse"}), Glass(step=10, replicates=2))
    assert all(not np.isfinite(one.mean) for one in seen.contrasts if one.name.startswith("its gradient"))


def test_two_rates_are_compared_in_one_unit():
    seen = under_glass(BASE, changed(BASE, {"learning_rate": 0.1}), Glass(step=1, replicates=2))
    assert seen.field == "optimizer.learning_rate"
    assert not any(one.own_unit for one in seen.contrasts)
    assert contrast(seen, "its gradient").mean == 1.0


@pytest.mark.parametrize(
    ("treated", "glass", "error", "says"),
    [
        (BASE, Glass(), RecipeError, "the same, so there is nothing to compare"),
        (changed(MSE, {"epochs": 61}), Glass(), ConfoundedError, r"differ in 2 fields, loss, epochs"),
        (MSE, Glass(replicates=1), NotEnoughDataError, r"got replicates=1"),
        (MSE, Glass(step=61), EngineError, r"step 61 is asked for.*step 60"),
        (MSE, Glass(which=96), EngineError, r"example 96 is asked for, and the batch has 96"),
        (changed(BASE, {"batch_size": 16}), Glass(), ComparisonError, r"the two arms see different examples"),
    ],
)
def test_what_cannot_be_compared_is_refused(treated, glass, error, says):
    with pytest.raises(error, match=says):
        under_glass(BASE, treated, glass)
