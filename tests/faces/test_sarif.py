"""SARIF for CI: rules, levels, and where the log lies."""

import json
from pathlib import Path

import pytest

from etude.faces.sarif import examined_sarif, write_sarif
from etude.values.errors import ReportError


def results(examined):
    (run,) = json.loads(examined_sarif(examined))["runs"]
    return run["results"], run["tool"]["driver"]["rules"]


def test_every_result_has_a_rule_at_the_place_it_says(both):
    found, rules = results(both)
    assert found
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in found)
    assert len({rule["id"] for rule in rules}) == len(rules)


def test_a_finding_has_its_severity_as_level_and_its_probability_as_rank(both):
    (overfit,) = (one for one in results(both)[0] if one["ruleId"] == "overfit")
    assert (overfit["level"], overfit["rank"]) == ("warning", 93.0)
    assert overfit["properties"]["evidence"] == {
        "rise of the validation loss above its minimum": "0.150 nats (0.120 to 0.180)",
        "what cannot be known": "not finite",
    }


def test_the_log_is_named_relative_to_the_working_folder_with_its_blanks_escaped(both):
    (overfit,) = (one for one in results(both)[0] if one["ruleId"] == "overfit")
    (location,) = overfit["locations"]
    assert location == {"physicalLocation": {"artifactLocation": {"uri": "logs/a%20b.csv"}}}


def test_lost_records_are_told_with_their_line(both):
    lost, failed = (one for one in results(both)[0] if one["ruleId"] == "lost-records")
    assert lost["locations"][0]["physicalLocation"]["region"] == {"startLine": 12}
    assert (lost["level"], failed["level"]) == ("warning", "error")


def test_no_nan_is_written(both):
    json.loads(examined_sarif(both), parse_constant=pytest.fail)


def test_a_place_that_cannot_be_written_is_refused(both, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"cannot be written to .*file/x\.sarif"):
        write_sarif(both, tmp_path / "file" / "x.sarif")
