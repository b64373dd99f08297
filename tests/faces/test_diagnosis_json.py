"""Diagnoses as JSON: what the schema in docs promises, and nothing that is no JSON."""

import json
from pathlib import Path

import pytest

from etude.faces.diagnosing import Examined
from etude.faces.diagnosis_json import examined_json

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "diagnose.schema.json").read_text(encoding="utf-8"))


def test_the_output_is_as_the_schema_says(both):
    validator = pytest.importorskip("jsonschema").Draft202012Validator(SCHEMA)
    found = json.loads(examined_json(both))
    assert [error.message for error in validator.iter_errors(found)] == []
    del found["diagnoses"][0]["findings"][0]["severity"]
    assert [error.message for error in validator.iter_errors(found)] == ["'severity' is a required property"]


def test_the_numbers_are_those_of_the_diagnosis_and_no_nan_is_among_them(both):
    found = json.loads(examined_json(both), parse_constant=pytest.fail)
    one = found["diagnoses"][0]
    assert (found["schema"], one["verdict"], one["probability"], one["best_step"]) == (1, "overfit", 0.93, 10)
    rise, unknown = one["findings"][0]["evidence"]
    assert (rise["value"], rise["unit"], rise["low"], rise["high"]) == (0.15, "nats", 0.12, 0.18)
    assert (unknown["value"], unknown["low"]) == (None, None)
    assert one["findings"][0]["prediction"]["direction"] == "falls"
    assert one["lost"] == [{"file": "logs/a b.csv", "where": "line 12", "records": 3, "because": "they have no number"}]


def test_what_failed_and_what_shows_between_runs_is_there(both):
    found = json.loads(examined_json(both))
    assert found["failed"] == [{"error": "LogError", "says": "logs/b.csv: no number in line 1"}]
    assert [one["symptom"] for one in found["comparison"]["findings"]] == ["units not comparable"]
    assert found["comparison"]["not_run"] == [{"check": "double descent", "because": "it needs several widths"}]


def test_nothing_judged_is_an_empty_list():
    assert json.loads(examined_json(Examined(())))["diagnoses"] == []
