"""How far averaging would get, in one sentence that says what it is not; nothing of it for own functions."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from etude.faces.treat_json import record_json
from etude.faces.treat_page import page_html
from etude.faces.treat_terminal import show_treated
from etude.faces.treat_words import averaging_text
from etude.values.treatment import Averaged, Level

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "treat.schema.json").read_text(encoding="utf-8"))
SAYS = (
    "About as far as more trainings of this recipe could get, which is no recipe and no part of the result: "
    "averaging the predictions of 5 networks takes the Brier score 0.100 → 0.080, a difference of −0.020 squared "
    "probability (−0.025 to −0.015), 40 % (35 to 45 %) of the distance from the best possible, on the test part, "
    "5 pairs."
)


@pytest.fixture
def averaged(record):
    final = record.found.final
    effect = replace(
        final.outcomes["brier"].effect,
        mean=-0.02,
        low=-0.025,
        high=-0.015,
        factor="averaging",
        differences=(-0.02,) * 5,
    )
    one = Averaged(5, Level(0.1, 0.09, 0.11), Level(0.08, 0.07, 0.09), effect, Level(0.4, 0.35, 0.45))
    return replace(record, found=replace(record.found, final=replace(final, averaged=one)))


def shown(record) -> str:
    console = Console(file=io.StringIO(), width=400, force_terminal=False)
    show_treated(console, record)
    return console.file.getvalue()


def test_the_page_the_terminal_and_the_words_say_the_same_sentence(averaged, parsed):
    assert averaging_text(averaged) == SAYS
    assert SAYS in shown(averaged)
    page = parsed(page_html(averaged, command="etude treat recipe.toml"))
    assert SAYS in page.words
    assert page.open == []
    assert "networks that were averaged" in page.words


def test_the_result_that_is_quoted_stays_the_treatments(averaged):
    assert shown(averaged).strip().startswith("Treated: Brier score 0.300 → 0.100")


def test_as_json_it_has_both_sides_their_difference_and_the_share(averaged):
    found = json.loads(record_json(averaged))
    one = found["final"]["averaged"]
    assert (one["members"], one["replicates"], one["effect"]["mean"]) == (5, 5, -0.02)
    assert one["single"] == {"mean": 0.1, "low": 0.09, "high": 0.11}
    assert one["averaged"] == {"mean": 0.08, "low": 0.07, "high": 0.09}
    assert one["removed"] == {"share": 0.4, "low": 0.35, "high": 0.45}
    validator = pytest.importorskip("jsonschema").Draft202012Validator(SCHEMA)
    assert [error.message for error in validator.iter_errors(found)] == []


def test_without_a_best_possible_there_is_no_share(averaged):
    one = replace(averaged.found.final.averaged, removed=None)
    final = replace(averaged.found.final, averaged=one)
    told = averaging_text(replace(averaged, found=replace(averaged.found, final=final)))
    assert "of the distance" not in told
    assert "(−0.025 to −0.015), on the test part" in told


def test_where_the_budget_did_not_reach_that_is_said(record):
    assert "averaging would get was not looked at" in shown(record)
    assert json.loads(record_json(record))["final"]["averaged"] is None


def test_networks_that_all_diverged_give_no_number(averaged):
    one = averaged.found.final.averaged
    effect = replace(one.effect, mean=float("nan"), notes=("diverged: 5 of 5 control and 5 treated runs; so",))
    final = replace(averaged.found.final, averaged=replace(one, effect=effect))
    told = averaging_text(replace(averaged, found=replace(averaged.found, final=final)))
    assert told == "How far averaging would get is not known: diverged: 5 of 5 control and 5 treated runs."


def test_of_a_function_of_ones_own_or_where_nothing_helped_nothing_is_said(record, untreated):
    own = replace(record, found=replace(record.found, before={"rate": 1}, setting={"rate": 2}))
    assert averaging_text(own) == averaging_text(untreated) == ""
