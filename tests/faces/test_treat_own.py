"""A training function of the user's own through `etude.treat`: from the call to the page."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

import etude
from etude.values.errors import EngineError, RecipeError

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


def test_a_treatment_that_gives_nothing_is_named_before_anything_is_trained(tmp_path):
    def forgets(fields):
        fields["lr"] = 0.1

    with pytest.raises(RecipeError, match="the treatment 'forgets' gave None"):
        treated(tmp_path, treatments=[forgets])
    assert not (tmp_path / "etude.db").exists()
    with pytest.raises(EngineError, match="the treatment 'forgets' raised TypeError"):
        etude.treat(etude.Recipe(data={"task": "moons"}, loss="bce"), treatments=[forgets], out=tmp_path)


def test_a_function_that_does_not_use_its_seed_is_told_in_the_terminal_on_the_page_and_as_json(tmp_path, capsys):
    found = etude.treat(
        lambda fields, seed: fields["lr"], fields={"lr": 0.01}, metric="accuracy", max_trainings=40, out=tmp_path
    )
    said = "the training function seems not to use its seed"
    assert said in " ".join(capsys.readouterr().err.split())
    assert said in json.loads(found.json())["notes"][0]
    assert said in repr(found)
    assert said in " ".join(found.report(tmp_path / "page.html").read_text(encoding="utf-8").split())


def test_where_a_run_is_one_number_the_page_has_no_curves_and_no_empty_list_of_reasons(tmp_path):
    def louder(fields):
        return {**fields, "lr": 0.1}

    for how in ({}, {"treatments": [louder], "only": ["louder"]}):
        found = treated(tmp_path, **how)
        assert found.rounds[0].kept
        page = " ".join(found.report(tmp_path / "page.html").read_text(encoding="utf-8").split())
        assert "Learning curves before and after" not in page
        assert ", for ." not in page
        assert "for anything" not in page


def test_a_function_without_fields_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="fields= says what the training function takes"):
        treated(tmp_path, fields=None)


def test_fields_that_no_treatment_changes_are_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(
        RecipeError, match=r"changes any of the fields zork\. étude knows batch_size.* Nothing was trained"
    ):
        etude.treat(train, fields={"zork": 3}, out=tmp_path)
    assert not list(tmp_path.iterdir())


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
        _ = treated(tmp_path, max_trainings=25).recipe


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
