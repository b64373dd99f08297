"""The command `treat` and `etude.treat`, on studies that take seconds."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import etude
from etude.faces.commands import app
from etude.faces.treat import TreatedRecipe
from etude.faces.treating import Choice, Wanted, chosen, recipe_in
from etude.studies.journey import NOTEBOOK_2
from etude.values.errors import EtudeError, InterruptedStudy, RecipeError, ReportError
from etude.values.recipe import Recipe
from etude.values.treatment import Round

SLOW = """
loss = "bce"
epochs = 20
[data]
task = "moons"
rows = 60
[model]
hidden = [8]
[optimizer]
name = "adam"
learning_rate = 0.001
"""
FEW = ["--max-replicates", "5", "--only", "larger learning rate", "more epochs", "--max-trainings", "60"]


def etude_treat(*arguments):
    command = [sys.executable, "-m", "etude", "treat", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture
def recipe(tmp_path):
    file = tmp_path / "slow.toml"
    file.write_text(SLOW, encoding="utf-8")
    return file


def test_a_recipe_is_treated_and_the_same_command_trains_nothing_twice(recipe, tmp_path):
    out = tmp_path / "out"
    first = etude_treat(str(recipe), "--out", str(out), "--json", *FEW)
    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    assert (out / "slow-treated.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert {one["treatment"] for one in found["treatments"]} <= {
        "larger learning rate",
        "more epochs",
        "several together",
    }
    assert "round 1" in first.stderr
    again = json.loads(etude_treat(str(recipe), "--out", str(out), "--json", "--quiet", *FEW).stdout)
    same = ("treatments", "final", "recipe", "trainings", "ended")
    assert [again[name] for name in same] == [found[name] for name in same]


def test_quiet_says_nothing_and_the_report_goes_where_it_is_told(recipe, tmp_path):
    page = tmp_path / "pages" / "mine.html"
    words = [str(recipe), "--out", str(tmp_path / "out"), "--report", str(page), "--quiet", *FEW]
    done = CliRunner().invoke(app, ["treat", *words])
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert page.exists()


def test_a_report_never_replaces_the_recipe_the_data_or_any_file_that_is_no_page(recipe):
    before = recipe.read_bytes()
    for command in ("treat", "step"):
        done = CliRunner().invoke(app, [command, str(recipe), "--report", str(recipe), "--quiet"])
        assert isinstance(done.exception, ReportError)
        assert "is there already and is no HTML page" in str(done.exception)
        assert recipe.read_bytes() == before


def test_the_treated_recipe_goes_into_a_file_that_may_be_treated_again_and_replaced(recipe, tmp_path):
    target = tmp_path / "new" / "treated.toml"
    words = ["treat", str(recipe), "--out", str(tmp_path / "out"), "--toml", str(target), "--quiet", *FEW]
    for _ in range(2):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0
    first, *rest = target.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# A recipe treated by étude: Treated: log loss")
    assert any("# was" in line for line in rest)
    _, found = recipe_in(str(target))
    assert found != recipe_in(str(recipe))[1]


def test_the_treated_recipe_never_replaces_the_one_that_is_treated(recipe):
    before = recipe.read_bytes()
    done = CliRunner().invoke(app, ["treat", str(recipe), "--toml", str(recipe), "--quiet"])
    assert isinstance(done.exception, ReportError)
    assert "is no recipe that étude has treated" in str(done.exception)
    assert recipe.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "say which recipe to treat"),
        (["nowhere.toml"], 2, "no such file"),
        (["journey"], 2, "--arm: 'notebook 1', 'notebook 2'"),
        (["journey", "--arm", "notebook 9"], 2, "Did you mean 'notebook"),
        (["SLOW", "--only", "dropuot"], 2, "Did you mean 'dropout'"),
        (["SLOW", "--only", "dropout", "--without", "dropout"], 2, "nothing to try"),
        (["SLOW", "--max-trainings", "8"], 2, "is too small for one comparison"),
        (["SLOW", "--metric", "r2"], 2, "scores the other kind of problem"),
        (["SLOW", "--level", "2"], 2, "level 2 is not between"),
        (["MISSING"], 3, "nowhere.csv"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(arguments, code, says, recipe, tmp_path):
    missing = tmp_path / "missing.toml"
    missing.write_text('loss = "bce"\n[data]\ntable = "nowhere.csv"\ntarget = "y"\n', encoding="utf-8")
    files = {"SLOW": str(recipe), "MISSING": str(missing)}
    words = [files.get(word, word) for word in arguments]
    done = CliRunner().invoke(app, ["treat", *words, "--quiet", "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, EtudeError)
    assert done.exception.exit_code == code
    assert says in str(done.exception)


def test_all_treatments_are_listed_without_a_recipe():
    done = CliRunner().invoke(app, ["treat", "--treatments"])
    assert done.exit_code == 0
    assert "early stopping" in done.stdout
    assert "--with" in done.stdout


def test_what_costs_more_than_settings_is_tried_only_where_it_is_named():
    names = [one.name for one in chosen(Choice())]
    assert "more data" not in names
    assert [one.name for one in chosen(Choice(also=("more data",)))] != names
    assert [one.name for one in chosen(Choice(only=("more data",)))] == ["more data"]


def test_an_arm_of_a_built_in_study_is_a_recipe_too():
    name, found = recipe_in("journey", arm="notebook 2", seed=3)
    assert (name, found.loss, found.seed) == ("journey-notebook-2", NOTEBOOK_2["loss"], 3)


def test_from_python_it_is_an_object_that_shows_itself(recipe, tmp_path):
    treated = etude.treat(
        recipe, out=tmp_path / "out", only=["larger learning rate"], max_replicates=5, max_trainings=60, quiet=True
    )
    assert isinstance(treated, TreatedRecipe)
    assert isinstance(treated.recipe, Recipe)
    assert all(isinstance(one, Round) for one in treated.rounds)
    assert repr(treated).count("\n") < 12
    assert "<style>" in treated._repr_html_()
    assert treated.report(tmp_path / "page.html").exists()
    assert json.loads(treated.json())["recipe"] == treated.toml
    assert "torch.optim" in treated.code


def test_names_given_as_one_word_are_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"lists of names.*only=\["):
        etude.treat(Recipe(data={"task": "moons"}, loss="bce"), only="dropout", out=tmp_path)


def test_a_stop_while_nothing_trains_is_told_as_resumable(monkeypatch, tmp_path):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("etude.faces.treating._treated", stopped)
    with pytest.raises(InterruptedStudy, match="the same command goes on from there"):
        etude.treat(Recipe(data={"task": "moons"}, loss="bce"), out=tmp_path, quiet=True)


def test_a_level_that_no_interval_has_is_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"level 1 is not between"):
        Wanted("recipe", tmp_path, level=1.0)
