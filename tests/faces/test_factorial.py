"""What the faces show of a full factorial."""

from dataclasses import replace

import numpy as np
import pytest

from etude.faces.factorial import factorial_of, interactions, is_found, main_effects
from etude.values.recipe import changed

CROSSED = "model.hidden × optimizer.coupled_weight_decay"


def test_effects_of_one_factor_and_of_two_are_told_apart(factorial):
    assert len(main_effects(factorial)) == 2 * (2 + 3 + 2)  # log loss and accuracy, levels beyond the first
    assert len(interactions(factorial)) == 3
    assert {effect.family for effect in interactions(factorial)} == {3}


def test_the_interaction_that_was_built_in_is_found_and_comes_first(factorial):
    first, *others = interactions(factorial)
    assert (first.factor, first.verdict) == (CROSSED, "worse")
    assert first.mean == pytest.approx(0.1, abs=0.005)
    assert not any(is_found(effect) for effect in others)


def test_an_interaction_without_an_estimate_comes_last(factorial):
    effects = interactions(factorial)
    blank = replace(effects[1], mean=float("nan"))
    shuffled = replace(factorial, effects=(blank, effects[2], effects[0]))
    assert interactions(shuffled) == (effects[0], effects[2], blank)


def test_the_profiles_are_of_the_pair_that_interacts(factorial):
    (drawn,) = factorial_of(factorial).profiles
    assert (drawn.along.factor, drawn.by.factor) == ("hidden units", "L2 weight decay")
    assert [line.level for line in drawn.lines] == ["0", "0.001", "0.01"]
    rise = [line.means[-1] - line.means[0] for line in drawn.lines]
    assert rise == pytest.approx([-0.035, -0.035, 0.065], abs=0.005)


def test_each_cell_of_the_map_is_the_mean_of_the_arm_with_its_levels(factorial):
    heat = factorial_of(factorial).heat
    assert (heat.down, heat.across) == (("features", "hidden units"), ("L2 weight decay",))
    for place, levels in ((0, (2, (4,), 0.0)), (7, (3, (32,), 0.001))):
        recipe = changed(factorial.plan.base, dict(zip(factorial.plan.vary, levels, strict=True)))
        (arm,) = (arm for arm in factorial.arms if arm.recipe == recipe)
        mean = np.mean([run.score("log_loss", "test") for run in factorial.runs[arm.label]])
        column = (0.0, 0.001, 0.01).index(levels[2])
        assert float(heat.rows[place].cells[column].text) == pytest.approx(mean, abs=0.005)


def test_named_cells_bear_their_names(factorial):
    heat = factorial_of(factorial).heat
    assert heat.names == (("a", "as it was"), ("b", "<script>alert(1)</script>"))
    assert heat.rows[0].cells[0].mark == "a"
    assert heat.rows[3].cells[2].mark == "b"


def test_a_cell_with_two_names_bears_both(factorial):
    twice = factorial.plan.model_copy(update={"arms": {**factorial.plan.arms, "also so": {}}})
    assert factorial_of(replace(factorial, plan=twice)).heat.names[0] == ("a", "as it was and also so")


def test_the_ranking_tells_arms_by_their_levels(factorial):
    ranking = factorial_of(factorial).ranking
    assert (ranking.arms, ranking.choosing, ranking.scoring) == (36, 4, 4)
    assert {one.arm[: len("features 2, hidden units 32")] for one in ranking.best[:2]} == {
        "features 2, hidden units 32"
    }
    assert all("hidden units 32, L2 weight decay 0.01" in one.arm for one in ranking.worst)
    assert sum(one.arm.endswith("(<script>alert(1)</script>)") for one in ranking.worst) == 1


def test_one_factor_is_no_factorial(factorial):
    alone = factorial.plan.model_copy(update={"vary": {"loss": ("bce", "mse")}})
    assert factorial_of(replace(factorial, plan=alone)) is None
