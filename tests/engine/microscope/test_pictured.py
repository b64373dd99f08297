"""Pictures that a recipe's records can have: the plane of two features, and the plane of several steps."""

import numpy as np
import pytest

import etude
from etude.data.load import decision_truth, load
from etude.engine.microscope.glimpse import scene_of_step
from etude.engine.microscope.of_recipe import stepped
from etude.engine.microscope.pictured import with_boundaries, with_surface

STEPS = (1, 5, 9)


def records_and_scenes(recipe):
    records = dict(zip(STEPS, stepped(recipe, 0, STEPS), strict=True))
    return records, {step: scene_of_step(recipe, 0, step) for step in STEPS}


def recipe_of(data, loss):
    return etude.Recipe(data=data, model=etude.mlp(hidden=(4,)), loss=loss, epochs=10)


def test_each_step_of_a_task_with_two_features_has_its_boundary_beside_the_best_one():
    recipe = recipe_of(etude.task("sincos", rows=80, features=2, flip=0.1), "bce")
    records, scenes = records_and_scenes(recipe)
    seen = with_boundaries(records, scenes, recipe, load(recipe.data, seed=0, replicate=0))
    first, last = seen[1].boundary, seen[9].boundary
    assert (first.across == last.across).all()
    assert (first.answers != last.answers).any()
    corner = np.array([[first.across[-1], first.up[0]]])
    assert first.bayes[0, -1] == pytest.approx(decision_truth(recipe.data, corner)[0])
    assert len(first.lines) == 4


def test_a_regression_is_told_in_the_targets_own_unit():
    recipe = recipe_of(etude.task("waves", rows=80), "mse")
    records, scenes = records_and_scenes(recipe)
    splits = load(recipe.data, seed=0, replicate=0)
    seen = with_boundaries(records, scenes, recipe, splits)[9].boundary
    assert seen.bayes is None
    middle = scenes[9].outputs(scenes[9].before, scenes[9].inputs * 0)[0, 0].item()
    nearest = seen.answers[np.abs(seen.up).argmin(), np.abs(seen.across).argmin()]
    reach = np.ptp(seen.answers)
    assert nearest == pytest.approx(middle * splits.target_scale + splits.target_center, abs=0.1 * reach)


def test_three_features_have_no_plane():
    recipe = recipe_of(etude.task("sincos", rows=80, features=3), "bce")
    records, scenes = records_and_scenes(recipe)
    assert with_boundaries(records, scenes, recipe, load(recipe.data, seed=0, replicate=0)) == records


def test_the_last_step_has_the_surface_with_the_way_to_it():
    recipe = recipe_of(etude.task("sincos", rows=80, features=2), "bce")
    records, scenes = records_and_scenes(recipe)
    seen = with_surface(records, scenes, seed=0)
    assert seen[1].surface is None
    surface = seen[9].surface
    assert surface.steps == (0, 4, 8, 9)
    assert surface.trajectory[2] == pytest.approx([0, 0], abs=1e-9)
    assert "principal directions" in surface.directions
