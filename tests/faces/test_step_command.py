"""The command `step` and `etude.microscope`, on a network of a few units."""

import copy
import json

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import etude
from etude.faces.commands import app
from etude.faces.step import Microscoped
from etude.faces.stepping import weight_in
from etude.values.errors import EtudeError, RecipeError

RECIPE = """
loss = "bce"
epochs = 12
[data]
task = "moons"
rows = 60
[model]
hidden = [4]
[optimizer]
name = "adam"
learning_rate = 0.02
"""


@pytest.fixture
def recipe(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(RECIPE, encoding="utf-8")
    return str(file)


def invoked(*words):
    return CliRunner().invoke(app, ["step", *words])


def test_steps_are_looked_at_in_order_and_last_is_the_last_one(recipe):
    done = invoked(recipe, "--step", "last", "3", "--json", "--quiet")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [one["step"] for one in found["steps"]] == [3, 12]
    assert (found["schema"], found["name"]) == (1, "small")
    assert found["steps"][0]["examples"] == 48


def test_the_same_command_sees_the_same_numbers(recipe):
    one, other = (invoked(recipe, "--json", "--quiet").stdout for _ in range(2))
    assert one == other


def test_the_terminal_tells_it_and_the_page_goes_where_it_is_told(recipe, tmp_path):
    page = tmp_path / "pages" / "mine.html"
    done = invoked(recipe, "--step", "1", "--report", str(page))
    assert done.exit_code == 0, done.output
    assert "Step 1 lowered the loss" in done.stdout
    assert f"report: {page}" in done.stderr
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_quiet_says_nothing(recipe):
    done = invoked(recipe, "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_the_path_is_the_one_that_is_asked_for_and_float64_is_what_it_says(recipe):
    words = ("--example", "7", "--output", "0", "--weight", "hidden_1.weight[2,1]", "--float64", "--curvature")
    (found,) = json.loads(invoked(recipe, *words, "--json").stdout)["steps"]
    assert found["path"]["example"] == 7
    assert found["path"]["weight"] == ["hidden_1.weight", [2, 1]]
    assert found["precision"] == "float64"
    assert found["curvature"]["eigenvalues"]


def test_an_arm_of_a_built_in_study_can_be_looked_at(tmp_path):
    done = invoked("journey", "--arm", "notebook 2", "--step", "1", "--json", "--quiet")
    assert json.loads(done.stdout)["name"] == "journey-notebook-2"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.toml"], "no such file"),
        (["journey"], "--arm: 'notebook 1', 'notebook 2'"),
        (["SMALL", "--step", "0"], "counted from 1"),
        (["SMALL", "--step", "first"], "neither a whole number nor 'last'"),
        (["SMALL", "--step", "13"], "the steps 1 to 12"),
        (["SMALL", "--weight", "hidden_1"], "names no single weight"),
        (["SMALL", "--weight", "nothing.weight[0,0]"], "nothing.weight"),
        (["SMALL", "--example", "48"], "48"),
        (["SMALL", "--example", "right"], "only with --vs is it chosen by how right the network is"),
        (["SMALL", "--example", "-1"], "Write its number in the batch, from 0."),
        (["SMALL", "--example", "rigth", "--vs", "loss=mse"], "from 0, or wrong or right"),
    ],
)
def test_what_cannot_be_seen_is_said_with_its_exit_code(words, says, recipe):
    done = invoked(*(recipe if word == "SMALL" else word for word in words), "--quiet")
    assert isinstance(done.exception, EtudeError), done.exception
    assert done.exception.exit_code == 2
    assert says in str(done.exception)


def test_a_stop_is_told_and_has_its_exit_code(recipe, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("etude.faces.step_command.seen", stopped)
    done = invoked(recipe)
    assert done.exit_code == 130
    assert "Nothing was changed" in done.stderr


def test_a_weight_is_a_tensor_and_a_place_in_it():
    assert weight_in(" a.b.weight [ 3 , 1 ] ") == ("a.b.weight", (3, 1))
    with pytest.raises(RecipeError, match=r"names no single weight.*0\.weight\[3,1\]"):
        weight_in("a.weight[x]")


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def test_from_python_it_is_an_object_that_shows_itself_and_leaves_the_model_as_it_was(model, tmp_path):
    batch = torch.randn(16, 3), torch.randn(16, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    before = copy.deepcopy(model.state_dict())
    seen = etude.microscope(model, nn.functional.mse_loss, batch, optimizer, weight="0.weight[1,2]", curvature=True)
    assert isinstance(seen, Microscoped)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert seen.worked.change < 0
    assert seen.path.weight == ("0.weight", (1, 2))
    assert sum(part.along for part in seen.tensors[0].parts) == pytest.approx(1)
    assert (len(seen.layers), seen.noise.examples, len(seen.pulls.all_pulls)) == (3, 16, 16)
    assert seen.curvature is not None
    assert seen.strongest
    assert seen.notes == seen.record.notes
    assert repr(seen).startswith("Step 1 lowered the loss")
    assert "<style>" in seen._repr_html_()
    assert seen.report(tmp_path / "page.html").exists()
    assert json.loads(seen.json())["name"] == "Sequential"


def test_a_path_that_is_asked_for_is_written_out_in_a_large_network_too():
    wide = nn.Sequential(nn.Linear(10, 10_000), nn.Tanh(), nn.Linear(10_000, 1))
    batch = torch.randn(4, 10), torch.randn(4, 1)
    optimizer = torch.optim.SGD(wide.parameters(), lr=1e-4)
    plain, asked = (
        etude.microscope(wide, nn.functional.mse_loss, batch, optimizer, weight=weight)
        for weight in (None, "0.weight[1,2]")
    )
    assert plain.path is None
    assert asked.path.weight == ("0.weight", (1, 2))
    assert plain.tensors[0].weights is None  # totals only
