"""Several networks on the same rows: they differ, they are those that the engines train, and one alone is itself."""

from dataclasses import replace

import numpy as np
import pytest

from etude.engine import loop
from etude.engine.ensemble import ensemble, outputs_of, scored_together
from etude.engine.native.library import core
from etude.engine.native.replicate import rows_of, train_on
from etude.engine.native.training import Stop
from etude.values.recipe import Recipe

ENGINES = ["native", "loop"]
RECIPES = {
    "binary": Recipe(data={"task": "moons", "rows": 40}, loss="bce", model={"hidden": [6]}, epochs=8, batch_size=10),
    "multiclass": Recipe(data={"bundled": "iris"}, loss="cross_entropy", model={"hidden": [6]}, epochs=8),
    "regression": Recipe(
        data={"task": "waves", "rows": 40}, loss="mse", model={"hidden": [6], "dropout": 0.2}, epochs=8
    ),
}


@pytest.fixture(params=RECIPES)
def recipe(request):
    return RECIPES[request.param]


@pytest.fixture
def rows(recipe):
    return rows_of(recipe.data, recipe.seed, 3)


@pytest.mark.parametrize("engine", ENGINES)
def test_members_differ_on_the_same_rows_and_each_comes_again_bit_by_bit(recipe, rows, engine):
    one, other, again = (
        outputs_of(recipe, rows, member, engine=engine, device="cpu")["test"] for member in (100, 101, 100)
    )
    assert len(one) == len(other) == len(rows.test.targets)
    assert not np.allclose(one, other)
    assert np.array_equal(one, again)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_average_of_one_scores_as_it_does_alone_and_as_the_engine_says(recipe, rows, engine):
    found = ensemble(recipe, rows, range(100, 101), engine=engine, device="cpu")
    run = loop.train_on(recipe, rows, 100) if engine == "loop" else train_on(core(), recipe, rows, 100, stop=Stop())
    assert found.split == "test"
    for name, score in found.single.items():
        assert score == run.score(name, "test")
        assert found.averaged[name] == pytest.approx(score, abs=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_with_early_stopping_the_kept_weights_are_averaged(engine):
    recipe = Recipe(
        data={"task": "sincos", "rows": 40},
        loss="bce",
        model={"hidden": [32]},
        epochs=60,
        optimizer={"name": "adam", "learning_rate": 0.1},
        early_stopping={"patience": 10},
    )
    rows = rows_of(recipe.data, recipe.seed, 0)
    run = loop.train_on(recipe, rows, 7) if engine == "loop" else train_on(core(), recipe, rows, 7, stop=Stop())
    assert run.kept_step < run.last_step
    found = ensemble(recipe, rows, range(7, 8), engine=engine, device="cpu")
    assert found.single["log_loss"] == run.score("log_loss", "test")


def test_the_average_is_no_worse_than_its_members_on_average(recipe, rows):
    found = ensemble(recipe, rows, range(5), engine="native", device="cpu")
    convex = [name for name in ("log_loss", "brier", "squared_error", "absolute_error") if name in found.single]
    assert len(convex) == 2
    assert all(found.averaged[name] <= found.single[name] for name in convex)


def test_without_a_test_part_the_validation_part_is_scored_and_named(binary):
    found = ensemble(RECIPES["binary"], replace(binary, test=None), range(2), engine="native", device="cpu")
    assert found.split == "validation"


def test_a_member_that_diverged_has_no_score_and_neither_has_the_average(binary):
    said = np.zeros((2, len(binary.test.targets)))
    said[1, 0] = np.nan
    found = scored_together(said, binary, "test")
    assert np.isnan(found.single["brier"])
    assert np.isnan(found.averaged["brier"])
