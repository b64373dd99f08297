"""The checks of what etude.watch records of each layer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.diagnosis.case import case_of
from etude.diagnosis.checks import (
    clipping_always,
    dying_relu,
    exploding_gradients,
    saturation,
    unused_embedding_rows,
    vanishing_gradients,
)
from etude.values.curve import curve
from etude.values.data import Task
from etude.values.finding import Finding, NotRun
from etude.values.recipe import Recipe
from etude.values.run import Run

RECIPE = Recipe(data=Task(task="sincos"), loss="bce", clip_norm=1.0)


@pytest.mark.parametrize(
    "module", [dying_relu, vanishing_gradients, exploding_gradients, saturation, clipping_always, unused_embedding_rows]
)
def test_a_log_without_signals_says_how_to_record_them(case, module):
    seen = module.CHECK.look(case({"train/objective": np.ones(30), "validation/objective": np.ones(30)}))
    assert isinstance(seen, NotRun)
    assert seen.check == module.CHECK.symptom
    assert "etude.watch" in seen.because


def test_a_layer_that_died_is_named_with_its_share_and_when_it_was_alive(case):
    curves = {"layers/a/dead": [0.1, 0.2, 0.2, 0.2], "layers/b/dead": [0.1, 0.5, 0.95, 0.95]}
    found = dying_relu.CHECK.look(case(curves))
    assert isinstance(found, Finding)
    assert found.severity == "error"
    assert [one.name for one in found.evidence] == ["dead units of b"]
    assert found.evidence[0].value == pytest.approx(95)
    assert "far below 0" in found.causes[0].says


def test_units_dead_from_the_start_point_to_the_initial_weights(case):
    found = dying_relu.CHECK.look(case({"layers/a/dead": [0.7, 0.7, 0.7]}))
    assert found.severity == "warning"
    assert "from the start" in found.causes[0].says


def test_a_third_of_the_units_asleep_is_usual(case):
    assert dying_relu.CHECK.look(case({"layers/a/dead": [0.3, 0.35, 0.4]})) is None


def test_gradients_that_shrink_tenfold_a_layer_are_told_with_the_factor(case):
    norms = {f"layers/l{i}/gradient_norm": [10.0 ** -(3 - i)] * 3 for i in range(4)}
    found = vanishing_gradients.CHECK.look(case(norms))
    assert isinstance(found, Finding)
    assert found.evidence[0].value == pytest.approx(1e-3)
    assert found.evidence[1].value == pytest.approx(0.1)


def test_gradients_of_like_size_are_none_and_two_layers_are_too_few(case):
    norms = {f"layers/l{i}/gradient_norm": [1.0, 0.5] for i in range(4)}
    assert vanishing_gradients.CHECK.look(case(norms)) is None
    few = dict(list(norms.items())[:2])
    assert isinstance(vanishing_gradients.CHECK.look(case(few)), NotRun)


def test_a_norm_a_thousand_times_that_before_it_is_an_explosion(case):
    found = exploding_gradients.CHECK.look(case({"grad_norm": [1.0, 1.0, 1.0, 1.0, 1000.0, 1.0]}))
    assert isinstance(found, Finding)
    assert (found.where[0].first, found.where[0].last) == (5, 5)
    assert found.evidence[0].value == pytest.approx(1000)


def test_a_norm_that_falls_a_thousandfold_is_good_news(case):
    norms = np.exp(-np.linspace(0, 7, 60))
    assert norms[0] / np.median(norms) > 30
    assert exploding_gradients.CHECK.look(case({"signals/gradient_norm": norms})) is None


def test_a_norm_that_is_not_finite_is_an_error(case):
    found = exploding_gradients.CHECK.look(case({"signals/gradient_norm": [1.0, 1.0, 1.0, np.inf]}))
    assert found.severity == "error"
    assert "not finite" in found.says


def test_flat_units_are_told_with_their_layer(case):
    found = saturation.CHECK.look(case({"layers/a/saturated": [0.1, 0.2], "layers/b/saturated": [0.2, 0.92]}))
    assert isinstance(found, Finding)
    assert "of b " in found.says
    assert found.severity == "error"
    assert saturation.CHECK.look(case({"layers/a/saturated": [0.1, 0.5]})) is None


def test_confident_answers_beyond_the_accuracy_must_be_wrong(case):
    # 90 % confident and 80 % right: at least 10 % are both confident and wrong
    curves = {"signals/confident": [0.5, 0.9], "train/accuracy": [0.7, 0.8]}
    found = saturation.CHECK.look(case(curves))
    assert isinstance(found, Finding)
    assert found.evidence[-1].value == pytest.approx(10)
    assert saturation.CHECK.look(case({**curves, "train/accuracy": [0.7, 0.89]})) is None


def test_wrong_answers_cost_at_least_what_right_ones_cannot(case):
    # 90 % right, Brier 0.075: right ones have at most (0.075 - 0.025)/0.9 = 1/18, so they cost at most
    # -ln(1 - √(1/18)) = 0.2687 nats; of 0.8 nats that leaves (0.8 - 0.9·0.2687)/0.1 = 5.58 for each wrong one
    scored = {"validation/log_loss": [0.8], "validation/brier": [0.075], "validation/accuracy": [0.9]}
    found = saturation.CHECK.look(case(scored, recipe=RECIPE))
    assert isinstance(found, Finding)
    assert found.evidence[0].value == pytest.approx(5.58, abs=0.01)
    # the same at 0.5 nats: (0.5 - 0.2418)/0.1 = 2.58, which is 7.6 % and not below 3 %
    assert saturation.CHECK.look(case({**scored, "validation/log_loss": [0.5]}, recipe=RECIPE)) is None


@given(
    right=st.lists(st.floats(0.5, 0.999999), min_size=1, max_size=30),
    wrong=st.lists(st.floats(1e-9, 0.499), min_size=1, max_size=30),
)
def test_the_bound_is_never_above_what_wrong_answers_really_cost(right, wrong):
    given_to_truth = np.array([*right, *wrong])
    scores = {
        "log_loss": -np.log(given_to_truth).mean(),
        "brier": ((1 - given_to_truth) ** 2).mean(),
        "accuracy": len(right) / len(given_to_truth),
    }
    curves = {f"validation/{name}": curve(f"validation/{name}", [1], [value]) for name, value in scores.items()}
    run = Run("run", curves, recipe=RECIPE, last_step=1, kept_step=1)
    found = saturation.CHECK.look(case_of(run))
    if isinstance(found, Finding):
        assert found.evidence[0].value <= -np.log(wrong).mean() + 1e-9


def test_the_share_of_clipped_steps_is_the_mean_of_what_was_counted(case):
    found = clipping_always.CHECK.look(case({"signals/clipped": [1.0, 0.9, 0.8, 0.5]}))
    assert isinstance(found, Finding)
    assert found.evidence[0].value == pytest.approx(80)
    assert clipping_always.CHECK.look(case({"signals/clipped": [1.0, 0.0, 0.0]})) is None


def test_norms_above_the_recipes_limit_were_clipped(case):
    found = clipping_always.CHECK.look(case({"signals/gradient_norm": [2.0, 3.0, 4.0, 0.5]}, recipe=RECIPE))
    assert found.evidence[0].value == pytest.approx(75)
    # quantile 0.9 of 0.5, 2, 3, 4 lies at place 2.7: 3.7
    assert found.evidence[1].value == pytest.approx(3.7)


def test_rows_never_used_are_counted_at_the_end(case):
    found = unused_embedding_rows.CHECK.look(case({"layers/words/rows_used": [0.1, 0.3, 0.4]}))
    assert found.evidence[0].value == pytest.approx(60)
    assert found.severity == "warning"
    assert unused_embedding_rows.CHECK.look(case({"layers/words/rows_used": [0.1, 0.95]})) is None
