"""Two arms under the glass, in words."""

import json
import math
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from etude.faces.commands import app
from etude.faces.step_arms import (
    ARM_HEADS,
    arm_cells,
    arms_headline,
    arms_picture,
    arms_reason,
    arms_subline,
    arms_title,
    contrast_text,
    treated_in,
)
from etude.faces.step_json import seen_json
from etude.faces.step_page import page_html
from etude.faces.stepping import Seen
from etude.studies.under_glass import Contrast, UnderGlass
from etude.values.errors import EtudeError, RecipeError
from etude.values.recipe import Recipe

BASE = Recipe(data={"task": "moons", "rows": 60}, loss="bce", model={"hidden": [4]}, epochs=10)


def ratio(name="its gradient", *, own_unit=False, mean=0.5):
    return Contrast(name, "unit", (1.0, 2.0), (0.5, 1.0), "ratio", mean, 0.4, 0.6, 0.95, 2, own_unit)


@pytest.fixture
def compared():
    change = Contrast(
        "change", "of the loss", (-0.1, -0.3), (-0.2, -0.2), "difference", -0.02, -0.05, 0.01, 0.95, 2, own_unit=False
    )
    contrasts = (ratio("its own", own_unit=True), ratio(), change)
    return UnderGlass("loss", "bce", "mse", 40, "most confidently wrong", (3, 7), contrasts)


def test_the_sentence_is_of_the_first_quantity_that_both_arms_measure_in_one_unit(compared):
    assert arms_headline(compared) == (
        "Step 40, the most confidently wrong example: under MSE its gradient is 0.5 times what it is under BCE "
        "(0.4 to 0.6, 2 pairs)."
    )
    assert arms_title(compared) == "MSE against BCE, at step 40"
    assert "loss is all that differs" in arms_subline(compared)


def test_without_such_a_quantity_the_sentence_claims_nothing(compared):
    lost = replace(compared, which="example 3", contrasts=(ratio(own_unit=True), ratio(mean=math.nan)))
    assert arms_headline(lost) == "Step 40, example 3: MSE against BCE."


def test_why_it_is_so_is_told_of_the_two_losses_of_which_it_is_known(compared):
    assert "2 (p − y) p (1 − p)" in arms_reason(compared)
    assert arms_reason(replace(compared, field="batch_size")) == ""


def test_sides_are_medians_and_differences_have_their_sign(compared):
    assert arm_cells(compared.contrasts[1]) == ("its gradient (unit)", "1.5", "0.75", "× 0.5 (0.4 to 0.6)", "2")
    assert contrast_text(compared.contrasts[2]) == "−0.020 (−0.050 to +0.010)"
    assert "each in its own unit" in arm_cells(compared.contrasts[0])[0]
    assert contrast_text(replace(compared.contrasts[2], mean=math.nan)) == "no estimate"
    assert all(len(arm_cells(one)) == len(ARM_HEADS) for one in compared.contrasts)


def test_ratios_are_drawn_and_differences_are_not(compared):
    assert [row.name for row in arms_picture(compared).rows] == ["its own", "its gradient"]


@pytest.mark.parametrize(
    ("told", "field", "value"),
    [
        ("loss=mse", "loss", "mse"),
        ("loss = 'mse'", "loss", "mse"),
        ("learning_rate=0.5", "learning_rate", 0.5),
        ("hidden=[3, 3]", "hidden", (3, 3)),
    ],
)
def test_the_second_arm_is_written_as_field_and_value(told, field, value):
    treated = treated_in(told, BASE)
    found = {"loss": treated.loss, "learning_rate": treated.optimizer.learning_rate, "hidden": treated.model.hidden}
    assert found[field] == value


@pytest.mark.parametrize(
    ("told", "says"), [("loss", "such as --vs loss=mse"), ("losss=mse", "Did you mean"), ("=3", "field")]
)
def test_a_second_arm_that_cannot_be_meant_is_refused(told, says):
    with pytest.raises(RecipeError, match=says):
        treated_in(told, BASE)


def test_page_and_json_have_the_comparison(compared, steps):
    seen = Seen("both", steps[:1], compared)
    page = page_html(seen, command="etude step r.toml --vs loss=mse")
    assert "<h1><bdi>MSE against BCE, at step 40</bdi></h1>" in page
    assert 'class="pairs"' in page
    assert json.loads(seen_json(seen))["compared"]["contrasts"][1]["mean"] == 0.5


RECIPE = """
loss = "bce"
epochs = 3
[data]
task = "moons"
rows = 40
[model]
hidden = [3]
"""


def test_the_command_compares_over_replicates_and_at_one_step(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(RECIPE, encoding="utf-8")
    words = ["step", str(file), "--vs", "loss=mse", "--replicates", "3", "--step", "2"]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["compared"]
    assert (found["control"], found["treated"], found["step"], len(found["examples"])) == ("bce", "mse", 2, 3)
    shown = CliRunner().invoke(app, [*words, "--example", "4"])
    assert "Step 2, example 4: under MSE" in shown.stdout
    right = CliRunner().invoke(app, [*words, "--example", "right"])
    assert "Step 2, the most confidently right example: under MSE" in " ".join(right.stdout.split())
    assert "is heard under neither" in " ".join(right.stdout.split())
    wrong = CliRunner().invoke(app, [*words, "--example", "wrong"])
    assert wrong.stdout == CliRunner().invoke(app, words).stdout
    refused = CliRunner().invoke(app, [*words[:-1], "1", "2"])
    assert isinstance(refused.exception, EtudeError)
    assert "--vs compares two arms at one step, and 2 are asked for" in str(refused.exception)
