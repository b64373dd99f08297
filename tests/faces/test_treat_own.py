"""A training function of the user's own through `etude.treat`: from the call to the page."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import etude
from etude.values.errors import RecipeError

EXAMPLE = Path(__file__).parents[2] / "examples" / "treat_lightning.py"


def train(fields, seed):
    """An accuracy that grows with the learning rate up to 0.1."""
    own = np.random.default_rng((seed, round(1e6 * fields["lr"])))
    shared = np.random.default_rng(seed).normal(0, 0.02)
    return 0.9 - 0.05 * abs(np.log10(fields["lr"]) + 1) + own.normal(0, 0.005) + shared


def treated(tmp_path, **how):
    how = {"fields": {"lr": 1e-3}, "metric": "accuracy", "name": "mine", "out": tmp_path, "quiet": True, **how}
    return etude.treat(train, **how)


def test_the_fields_that_are_known_by_name_are_treated(tmp_path):
    found = treated(tmp_path)
    assert found.fields == {"lr": pytest.approx(0.1)}
    assert [one.field for one in found.changes] == ["lr"]
    assert found.final.outcomes["accuracy"].effect.mean == pytest.approx(0.1, abs=0.01)
    page = found.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "accuracy" in page
    assert "larger learning rate" in page


def test_a_treatment_of_the_users_own_is_tried_whatever_the_diagnosis(tmp_path):
    def louder(fields):
        """Shout at it."""
        return {**fields, "lr": 0.1}

    found = treated(tmp_path, treatments=[louder], only=["louder"])
    assert found.fields == {"lr": 0.1}
    assert {one.prescription.name for one in found.treatments} == {"louder"}


def test_treatments_of_one_name_are_refused(tmp_path):
    with pytest.raises(RecipeError, match="two treatments are called '<lambda>'"):
        treated(tmp_path, treatments=[lambda fields: None, lambda fields: {}])


def test_a_function_without_fields_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="fields= says what the training function takes"):
        treated(tmp_path, fields=None)


def test_a_recipe_has_no_direction_to_be_told(tmp_path):
    recipe = etude.Recipe(data={"task": "moons"}, loss="bce")
    with pytest.raises(RecipeError, match="are of a training function"):
        etude.treat(recipe, higher_is_better=True, out=tmp_path)


def test_a_recipe_takes_a_treatment_of_the_users_own(tmp_path):
    from etude.values.recipe import changed

    def ten_times_the_steps(recipe):
        """Train longer, by a factor of my own."""
        return changed(recipe, {"epochs": 10 * recipe.epochs})

    recipe = etude.Recipe(
        data={"task": "moons", "rows": 200}, loss="bce", epochs=4, optimizer=etude.adam(learning_rate=0.02)
    )
    found = etude.treat(
        recipe, treatments=[ten_times_the_steps], only=["warm-up"], max_trainings=60, out=tmp_path, quiet=True
    )
    assert found.recipe.epochs >= 40


def test_what_was_treated_is_asked_for_by_its_own_name(tmp_path):
    with pytest.raises(RecipeError, match=r"ask for `\.fields`"):
        _ = treated(tmp_path, max_trainings=20).recipe


@pytest.mark.slow
def test_the_example_with_lightning_is_treated(tmp_path):
    example = runpy.run_path(str(EXAMPLE))
    found = etude.treat(
        example["train"],
        fields={"learning_rate": 1e-4, "hidden": 32, "epochs": 2},
        only=["larger learning rate"],
        max_trainings=40,
        max_replicates=5,
        out=tmp_path,
        quiet=True,
    )
    assert found.rounds[0].runs[0].curves["validation/objective"].values.size == 2
    assert {one.prescription.treatment for one in found.treatments} <= {"larger learning rate"}
