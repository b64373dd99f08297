"""A plan becomes arms: each recipe once, each with a name people can read."""

import numpy as np
import pytest

from etude.studies.design import FEW_ARMS, arms_of, difference_text, level_text, told_arms, with_valid_comparisons
from etude.values.claim import Claim, Contrast
from etude.values.code import Code
from etude.values.data import Arrays
from etude.values.errors import RecipeError
from etude.values.optimizer import Adam, Sgd
from etude.values.recipe import Recipe, changed
from etude.values.study import Plan


def test_a_factorial_has_every_combination_with_the_control_first(base):
    arms = arms_of(Plan(base=base, vary={"loss": ("bce", "mse"), "hidden": ((4,), (8,), (16,))}))
    assert [arm.label for arm in arms] == [
        f"loss {loss}, hidden units {h}" for loss in ("BCE", "MSE") for h in (4, 8, 16)
    ]
    assert arms[0].recipe == base
    assert arms[-1].levels == {"loss": "mse", "model.hidden": (16,)}


def test_a_plan_without_factors_is_one_arm(base):
    assert [arm.label for arm in arms_of(Plan(base=base))] == ["base"]


def test_an_arm_that_two_claims_need_is_run_once_under_its_name(base):
    claims = (
        Claim(text="one", control="wide", treated={"hidden": [8], "loss": "mse"}),
        Claim(text="two", control="wide", treated={"loss": "mse"}, as_a_whole=True),
    )
    plan = Plan(base=base, arms={"wide": {"hidden": [8]}}, claims=claims)
    assert [arm.label for arm in arms_of(plan)] == ["wide", "hidden units 8, loss MSE", "loss MSE"]


def test_a_study_of_few_arms_tells_of_all(base):
    plan = Plan(base=base, vary={"loss": ("bce", "mse"), "hidden": ((4,), (8,))}, arms={"long": {"epochs": 20}})
    assert told_arms(plan, arms_of(plan)) == arms_of(plan)


def test_of_many_arms_those_are_told_of_that_somebody_named_or_a_claim_compares(base):
    many = {"hidden": tuple((n,) for n in range(4, 40)), "loss": ("bce", "mse")}
    claim = Claim(text="x", control={"hidden": [5]}, treated={"hidden": [6]})
    plan = Plan(base=base, vary=many, arms={"long": {"epochs": 20}}, claims=(claim,))
    assert [arm.label for arm in told_arms(plan, arms_of(plan))] == [
        "long",
        "hidden units 5, loss BCE",
        "hidden units 6, loss BCE",
    ]


def test_of_many_arms_that_nobody_named_the_first_and_its_neighbours_are_told_of(base):
    plan = Plan(base=base, vary={"hidden": tuple((n,) for n in range(4, 14)), "loss": ("bce", "mse"), "flip": (0, 0.1)})
    told = told_arms(plan, arms_of(plan))
    assert len(told) == 1 + 9 + 1 + 1
    assert told[0] == arms_of(plan)[0]


def test_nobody_is_told_of_more_arms_than_can_be_read(base):
    plan = Plan(base=base, arms={f"{n} units": {"hidden": [n]} for n in range(1, 40)})
    assert len(told_arms(plan, arms_of(plan))) == FEW_ARMS


def test_an_unknown_arm_is_refused_with_the_nearest_known_one(base):
    plan = Plan(base=base, arms={"wide": {"hidden": [8]}}, claims=(Claim(text="x", treated="wid"),))
    with pytest.raises(RecipeError, match=r"no arm is named 'wid'. Did you mean 'wide'"):
        arms_of(plan)


def test_a_confounded_claim_is_offered_one_factor_at_a_time_from_its_control(base):
    claim = Claim(text="x", control={"hidden": [8]}, treated={"hidden": [16], "loss": "mse"}, metric="brier")
    offered = with_valid_comparisons(Plan(base=base, claims=(claim,))).claims[0].instead
    assert [(dict(one.control), dict(one.treated)) for one in offered] == [
        ({"model.hidden": (8,)}, {"model.hidden": (16,)}),
        ({"model.hidden": (8,)}, {"model.hidden": (8,), "loss": "mse"}),
    ]
    assert {one.metric for one in offered} == {"brier"}


def test_a_claim_on_unlike_objectives_is_offered_a_common_metric(base):
    claim = Claim(text="x", treated={"loss": "mse"}, metric="objective")
    (offer,) = with_valid_comparisons(Plan(base=base, claims=(claim,))).claims[0].instead
    assert offer.metric is None
    assert dict(offer.treated) == {"loss": "mse"}


def test_a_valid_claim_and_one_with_its_own_comparisons_are_left_alone(base):
    valid = Claim(text="x", treated={"loss": "mse"})
    own = Claim(text="y", treated={"loss": "mse", "hidden": [8]}, instead=(Contrast(treated={"hidden": [8]}),))
    plan = Plan(base=base, claims=(valid, own))
    assert with_valid_comparisons(plan) == plan


def test_what_differs_is_told_in_words(base):
    other = changed(base, {"loss": "mse", "rows": 1500})
    assert difference_text(base, other) == "rows (1,500 against 1,000), loss (MSE against BCE)"


def test_levels_read_as_people_write_them():
    assert level_text(Adam()) == "adam"
    assert level_text(Sgd(learning_rate=0.5, momentum=0.9)) == "sgd (learning rate 0.5, momentum 0.9)"
    assert level_text(Code(function=len)) == "len"


def test_arrays_that_vary_are_told_by_what_is_in_them(base):
    first, second = (Arrays(inputs=np.eye(20) + i, targets=np.arange(20) % 2) for i in range(2))
    labels = [arm.label for arm in arms_of(Plan(base=base, vary={"data": (first, second)}, replicates=5))]
    assert labels == [f"data arrays {one.checksum[:8]}" for one in (first, second)]
    assert level_text((first.inputs, first.targets)) == f"arrays {first.checksum[:8]}"


def test_a_whole_that_varies_tells_its_parts_once():
    networks = ({"name": "convnet"}, {"name": "convnet", "norm": "batch"})
    base = Recipe(data={"images": "mnist"}, model={"name": "convnet"}, loss="cross_entropy")
    labels = [arm.label for arm in arms_of(Plan(base=base, vary={"model": networks}, replicates=5))]
    assert labels == ["network convnet", "network convnet (normalisation batch)"]
