"""How the arms of a study trained, on each of its faces."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from etude.faces.diagnosing import JUDGED, arms_diagnosed
from etude.faces.json import result_json
from etude.faces.report import report_html
from etude.faces.terminal import FEW_TRAINED, show_result


@pytest.fixture
def trained(factorial, overfit, healthy):
    """The first arm is healthy, all others are overfit."""
    labels = list(factorial.runs)
    first = replace(healthy.diagnosis, source=labels[0])
    return (first, *(replace(overfit.diagnosis, source=label) for label in labels[1:]))


def test_each_arm_is_judged_by_its_first_replicates(factorial):
    found = arms_diagnosed(dict(list(factorial.runs.items())[:2]))
    assert [(one.source, one.runs) for one in found] == [(arm, 8) for arm in list(factorial.runs)[:2]]
    many = next(iter(factorial.runs.values())) * 3
    assert arms_diagnosed({"an arm": many})[0].runs == JUDGED < len(many)


def test_the_terminal_tells_the_worst_arms_a_line_each(factorial, trained):
    console = Console(file=io.StringIO(), width=200)
    show_result(console, factorial, trained)
    text = console.file.getvalue()
    assert text.count("▲ overfit") == FEW_TRAINED
    assert f"and {len(trained) - FEW_TRAINED} more in the report" in text


def test_without_diagnoses_nothing_is_told_of_them(factorial):
    console = Console(file=io.StringIO(), width=200)
    show_result(console, factorial)
    assert "trained" not in console.file.getvalue()
    assert 'id="trained"' not in report_html(factorial, command="again")


def test_json_has_the_arms_in_the_order_of_the_study(factorial, trained):
    found = json.loads(result_json(factorial, Path("r.html"), trained))["diagnoses"]
    assert [one["source"] for one in found] == list(factorial.runs)
    assert (found[0]["verdict"], found[1]["verdict"]) == ("good fit", "overfit")


def test_the_report_lists_them_worst_first(factorial, trained):
    html = report_html(factorial, command="again", trained=trained)
    section = html[html.index('<section id="trained">') :].partition("</section>")[0]
    assert section.count('class="cases-verdict"') == len(trained)
    assert section.index("overfit") < section.index("good fit")
    assert '<a href="#trained">' in html
