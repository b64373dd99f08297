"""Weight decay that does not do what its name says."""

import pytest

from etude.diagnosis.checks import decay_on_bias, l2_through_adam
from etude.values.finding import Finding, NotRun
from etude.values.recipe import Recipe

LOSS = {"train/objective": [0.7, 0.5]}


def recipe(**optimizer):
    return Recipe(data={"task": "sincos"}, loss="bce", optimizer={"learning_rate": 0.01, **optimizer})


@pytest.mark.parametrize(("decay", "severity"), [(1e-5, "note"), (1e-2, "warning")])
def test_a_penalty_through_adam_is_told_by_its_strength(case, decay, severity):
    seen = l2_through_adam.look(case(LOSS, recipe=recipe(name="adam", coupled_weight_decay=decay)))
    assert seen.severity == severity
    assert seen.evidence[0].value == decay


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "adam"},
        {"name": "adamw", "decoupled_weight_decay": 0.1},
        {"name": "sgd", "coupled_weight_decay": 0.1},
    ],
)
def test_no_penalty_adamw_and_plain_descent_are_as_intended(case, optimizer):
    assert l2_through_adam.look(case(LOSS, recipe=recipe(**optimizer))) is None


def test_a_log_tells_by_its_parameters_and_is_less_sure(case):
    facts = {"params/optimizer": "Adam", "params/weight_decay": 0.01}
    seen = l2_through_adam.look(case(LOSS, provenance=facts))
    ours = l2_through_adam.look(case(LOSS, recipe=recipe(name="adam", coupled_weight_decay=0.01)))
    assert isinstance(seen, Finding)
    assert seen.probability < ours.probability
    assert l2_through_adam.look(case(LOSS, provenance={**facts, "params/optimizer": "AdamW"})) is None
    assert isinstance(l2_through_adam.look(case(LOSS)), NotRun)


def test_a_bias_is_taken_away_by_one_minus_e_to_the_rate_times_decay_times_steps(case):
    seen = decay_on_bias.look(case(LOSS, recipe=recipe(name="adamw", decoupled_weight_decay=0.1), last_step=1000))
    assert seen.evidence[0].value == pytest.approx(100 * (1 - 0.36788), rel=1e-4)  # 0.01 · 0.1 · 1000 = 1


def test_a_decay_too_weak_to_move_a_bias_is_none_and_a_log_does_not_say(case):
    weak = recipe(name="adamw", decoupled_weight_decay=1e-4)
    assert decay_on_bias.look(case(LOSS, recipe=weak, last_step=1000)) is None
    assert decay_on_bias.look(case(LOSS, recipe=recipe(name="adam"), last_step=1000)) is None
    assert isinstance(decay_on_bias.look(case(LOSS)), NotRun)
