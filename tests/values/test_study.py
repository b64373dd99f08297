"""A plan refuses what cannot be meant before anything runs."""

import pytest

from etude.values.claim import Claim, Contrast
from etude.values.errors import RecipeError
from etude.values.recipe import Recipe
from etude.values.study import Plan

BASE = Recipe(data={"task": "sincos"}, loss="bce")


@pytest.mark.parametrize("replicates", [0, 1, -3])
def test_fewer_than_two_replicates_are_refused_with_the_way_out(replicates):
    with pytest.raises(RecipeError, match=r"at least 2 .5 for a verdict"):
        Plan(base=BASE, replicates=replicates)


def test_a_factor_needs_two_different_levels_of_a_known_field():
    with pytest.raises(RecipeError, match=r"no field 'los'. Did you mean 'loss'"):
        Plan(base=BASE, vary={"los": ("bce", "mse")})
    with pytest.raises(RecipeError, match=r"give at least two, each once"):
        Plan(base=BASE, vary={"loss": ("bce",)})
    with pytest.raises(RecipeError, match=r"give at least two, each once"):
        Plan(base=BASE, vary={"loss": ("bce", "bce")})
    with pytest.raises(RecipeError, match=r"epochs.*greater than or equal to 1"):
        Plan(base=BASE, vary={"epochs": (1, 0)})


def test_the_seed_is_no_factor():
    with pytest.raises(RecipeError, match=r"replicates already vary all chance"):
        Plan(base=BASE, vary={"seed": (1, 2)})


def test_metrics_are_checked():
    with pytest.raises(RecipeError, match=r"no metric 'brir'. Did you mean 'brier'"):
        Plan(base=BASE, metric="brir")
    with pytest.raises(RecipeError, match=r"smallest_effect.brier must be above 0"):
        Plan(base=BASE, smallest_effect={"brier": 0})
    with pytest.raises(RecipeError, match=r"no metric 'los'"):
        Contrast(treated={"loss": "mse"}, metric="los")


def test_a_claim_may_give_its_contrast_in_place():
    claim = Claim(text="MSE is better", treated={"loss": "mse"}, metric="brier")
    assert claim.stated == (Contrast(treated={"loss": "mse"}, metric="brier"),)


def test_a_contrast_needs_two_sides():
    with pytest.raises(RecipeError, match=r"needs two sides"):
        Contrast(treated={"loss": "mse"}, control={"loss": "mse"})
    assert Contrast(split="validation", control_split="train").treated == {}
