"""Treating as JSON: what the schema in docs promises, with the numbers that were measured."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from etude.faces.treat_json import record_json
from etude.values.recipe import Recipe
from etude.values.treatment import Expected

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "treat.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def found(record):
    return json.loads(record_json(record, report=Path("page.html")), parse_constant=pytest.fail)


def test_the_output_is_as_the_schema_says(found):
    validator = pytest.importorskip("jsonschema").Draft202012Validator(SCHEMA)
    assert [error.message for error in validator.iter_errors(found)] == []
    del found["treatments"][0]["verdict"]
    assert [error.message for error in validator.iter_errors(found)] == ["'verdict' is a required property"]


def test_so_is_the_output_where_nothing_helped(untreated):
    validator = pytest.importorskip("jsonschema").Draft202012Validator(SCHEMA)
    found = json.loads(record_json(untreated))
    assert [error.message for error in validator.iter_errors(found)] == []
    assert (found["final"], found["report"], found["changes"]) == (None, None, [])
    assert found["ended"] == "none of 1 treatments helped"


def test_each_treatment_has_its_change_its_effect_and_what_that_says_of_the_prediction(found):
    slower, longer, wider, batches = found["treatments"]
    assert longer["changes"] == [{"field": "epochs", "before": "10", "after": "30"}]
    assert (longer["measured"]["mean"], longer["measured"]["low"], longer["measured"]["pairs"]) == (-0.2, -0.22, 5)
    assert [one["verdict"] for one in (slower, longer, wider)] == ["refuted", "confirmed", "undecided"]
    assert (longer["kept"], wider["kept"], wider["dropped"]) == (True, False, 5)
    assert (batches["measured"], batches["failed"]) == (None, "too few rows")
    assert longer["predicted"] is None


def test_what_was_expected_of_a_treatment_is_there(record):
    first = record.found.rounds[0]
    longer = first.tried[1]
    told = replace(longer, prescription=replace(longer.prescription, expected=Expected(0.7, 0.05, 0.1, 0.3)))
    rounds = (replace(first, tried=(told,)), record.found.rounds[1])
    found = json.loads(record_json(replace(record, found=replace(record.found, rounds=rounds))))
    assert found["treatments"][0]["predicted"] == {"helps": 0.7, "low": 0.05, "middle": 0.1, "high": 0.3}
    assert found["treatments"][0]["forecast_right"] is True
    counts = {"made": 1, "expected": 0.7, "helped": 1, "not_helped": 0, "undecided": 0}
    assert found["forecasts"] == {**counts, "groups": [{"low": 0.6, "high": 0.8, **counts}]}
    validator = pytest.importorskip("jsonschema").Draft202012Validator(SCHEMA)
    assert [error.message for error in validator.iter_errors(found)] == []


def test_the_final_comparison_has_each_metric_with_its_interval_on_both_sides(found):
    final = found["final"]
    assert final["before"] == {"brier": 0.3, "brier_low": 0.28, "brier_high": 0.32}
    assert final["after"] == {"brier": 0.1, "brier_low": 0.09, "brier_high": 0.11}
    assert final["removed"] == {"brier": {"share": 0.8, "low": 0.75, "high": 0.85}}
    assert (final["split"], final["replicates"], final["effects"]["brier"]["verdict"]) == ("test", 5, "better")


def test_every_prediction_is_held_against_the_trial_that_bears_on_it(found):
    longer, luck = found["predictions"]
    assert (longer["tried_as"], longer["verdict"], longer["size"]) == ("more epochs (3)", "confirmed", "as predicted")
    assert (luck["tried_as"], luck["verdict"]) == (None, None)


def test_the_recipe_in_it_is_the_treated_one(found, record):
    assert Recipe(**tomllib.loads(found["recipe"])) == record.found.setting
    assert Recipe(**tomllib.loads(found["recipe_before"])) == record.found.before


def test_rounds_say_where_they_come_from_and_the_path_which_led_on(found):
    first, second = found["rounds"]
    assert (first["from"], first["kept"], second["from"], second["by"]) == (
        None,
        "more epochs (3)",
        1,
        "more epochs (3)",
    )
    assert (found["path"], found["trainings"], found["seconds"]) == ([1, 2], 30, 4.2)
