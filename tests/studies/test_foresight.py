"""Foresight: what was learned of some settings orders others, and nothing else does."""

import math

import numpy as np
import pytest

from etude.studies.foresight import Foresight
from etude.values.recipe import Recipe, changed


def learned(scores, replicates=4):
    foresight = Foresight()
    for setting, score in scores:
        foresight.learn(setting, score, replicates)
    return foresight


def order(foresight, asked, *, seed):
    """Where all cost the same."""
    return foresight.order(asked, [1.0] * len(asked), seed=seed)


def rates(values):
    return [{"rate": value, "name": "adam"} for value in values]


def test_what_lies_beside_the_best_comes_first():
    seen = rates(np.linspace(0, 1, 41))
    foresight = learned([(one, (one["rate"] - 0.7) ** 2) for one in seen])
    asked = rates([0.05, 0.72, 0.4, 0.68, 0.99])
    assert set(order(foresight, asked, seed=0)[:2]) == {1, 3}


def test_of_what_promises_the_same_the_cheaper_comes_first_and_much_promise_is_worth_much_cost():
    foresight = learned([(one, (one["rate"] - 0.7) ** 2) for one in rates(np.linspace(0, 1, 41))])
    asked = rates([0.701, 0.702, 0.2])
    assert foresight.order(asked, [3.0, 1.0, 1.0], seed=0) == [1, 0, 2]
    assert foresight.order(asked, [1.0, 3.0, 1.0], seed=0) == [0, 1, 2]
    assert foresight.order(asked, [50.0, 100.0, 1.0], seed=0) == [0, 1, 2]


def test_words_count_like_numbers():
    seen = [{"name": name, "noise": float(i)} for i, name in enumerate(["adam", "sgd"] * 10)]
    foresight = learned([(one, 1.0 if one["name"] == "sgd" else 0.5) for one in seen])
    asked = [{"name": "sgd", "noise": 3.5}, {"name": "adam", "noise": 3.5}]
    assert order(foresight, asked, seed=0) == [1, 0]


def test_an_order_is_the_same_again_and_leaves_all_as_they_were_where_nothing_was_learned():
    asked = rates([0.1, 0.5, 0.9])
    assert order(Foresight(), asked, seed=0) == [0, 1, 2]
    assert order(learned([(rates([0.2])[0], 1.0)]), [], seed=0) == []
    seen = [(one, float(np.random.default_rng(i).normal())) for i, one in enumerate(rates(np.linspace(0, 1, 20)))]
    assert order(learned(seen), asked, seed=3) == order(learned(seen), asked, seed=3)


def test_a_setting_that_failed_is_as_bad_as_the_worst_and_no_more():
    seen = [(one, math.inf if one["rate"] > 0.5 else one["rate"]) for one in rates(np.linspace(0, 1, 21))]
    assert order(learned(seen), rates([0.9, 0.01, 0.8]), seed=0)[0] == 1


def test_what_failed_by_many_replicates_is_not_what_others_are_measured_by():
    foresight = learned([(one, (one["rate"] - 0.7) ** 2) for one in rates(np.linspace(0, 1, 41))], replicates=1)
    foresight.learn({"rate": 3.0, "name": "adam"}, math.inf, 40)
    assert order(foresight, rates([0.05, 0.4, 0.72]), seed=0)[0] == 2


def test_what_was_learned_last_of_a_setting_counts():
    one, other = rates([0.2, 0.8])
    foresight = learned([(one, 0.1), (other, 0.2), *[(one, 0.9), (other, 0.2)]])
    for i in range(6):  # a forest of leaves of two asks for company
        foresight.learn({"rate": 0.8 + i / 1000, "name": "adam"}, 0.2, 4)
        foresight.learn({"rate": 0.2 - i / 1000, "name": "adam"}, 0.9, 4)
    assert order(foresight, [one, other], seed=0) == [1, 0]


@pytest.mark.parametrize(
    "change",
    [
        {"model.hidden": (32,)},
        {"model.hidden": (8, 8, 8)},
        {"optimizer.learning_rate": 0.1},
        {"schedule": {"name": "cosine"}},
    ],
)
def test_any_field_of_a_recipe_can_tell(change):
    base = Recipe(data={"task": "sincos"}, model={"name": "mlp", "hidden": (8,)}, loss="bce", epochs=10)
    plain = [changed(base, {"epochs": epochs}) for epochs in range(10, 30)]
    better = [changed(one, change) for one in plain]
    foresight = learned([*((one, 0.3) for one in plain[:15]), *((one, 0.1) for one in better[:15])])
    assert order(foresight, [plain[17], better[17]], seed=0) == [1, 0]


def test_settings_that_have_unlike_fields_are_ordered_together():
    foresight = learned(
        [*(({"rate": 0.1 * i}, 0.5) for i in range(10)), *(({"decay": 0.1 * i}, 0.1) for i in range(10))]
    )
    assert order(foresight, [{"rate": 0.55}, {"decay": 0.55}], seed=0) == [1, 0]
