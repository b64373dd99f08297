"""The page of diagnoses: one file, without script, everything escaped, and small."""

import re
from dataclasses import replace

import numpy as np
import pytest

from etude.faces.diagnosing import Examined, Judged, examined
from etude.faces.diagnosis_page import OPEN, fragment, page_html, write_page
from etude.values.curve import curve
from etude.values.errors import ReportError
from etude.values.run import Run

HOSTILE = "<script>alert(1)</script>"


@pytest.mark.parametrize("values", [np.tile([0.7, 1e300, -1.7e308], 20), 0.7 * 10.0 ** (5 * np.arange(60))])
def test_losses_near_the_largest_number_there_is_are_drawn_as_infinite(values, parsed):
    curves = {name: curve(name, np.arange(60), values) for name in ("train/objective", "validation/objective")}
    html = page_html(examined({"huge": [Run("huge", curves, last_step=59, kept_step=59)]}))
    assert parsed(html).open == []
    assert "diverged" in html


def test_the_page_loads_nothing_and_runs_nothing(both, parsed):
    page = parsed(page_html(both))
    assert page.open == []
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "img")]
    assert not [attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    assert not [attributes for _, attributes in page.tags if "style" in attributes]
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_what_a_log_says_is_text_and_nothing_else(both):
    html = page_html(both)
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_every_link_leads_somewhere_on_the_page(both, parsed):
    page = parsed(page_html(both))
    names = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {a["href"].removeprefix("#") for tag, a in page.tags if tag in ("a", "use")} <= names


def test_the_worst_run_is_the_first_of_the_table_and_of_the_cards(both):
    html = page_html(both)
    assert re.findall(r'class="case-word">(.*?)<', html) == ["Overfit", "Good fit"]
    assert re.findall(r'<a href="#run-(\d)">', html) == ["1", "2"]


def test_a_row_names_each_symptom_once_and_has_a_bar(overfit, healthy):
    twice = replace(overfit.diagnosis, findings=overfit.diagnosis.findings[:1] * 5)
    html = page_html(Examined((*(replace(overfit, diagnosis=twice) for _ in range(30)), healthy)))
    table = html[html.index('<table class="cases">') : html.index("</table>")]
    assert table.count('<td class="cases-says">overfit</td>') == 30
    assert table.count('class="bar"') == 31


def test_a_single_run_has_no_table_and_its_verdict_is_the_heading(overfit):
    html = page_html(Examined((overfit,)))
    assert 'class="cases"' not in html
    assert '<h1><span class="case-word">Overfit</span>' in html


def test_numbers_intervals_causes_and_predictions_are_on_the_page(overfit):
    html = page_html(Examined((overfit,)))
    for told in ("0.150 nats (0.120 to 0.180)", "too many epochs", "half the width", "falls by 0.12 to 0.18 nats"):
        assert told in html


def test_what_was_lost_and_what_could_not_be_read_or_checked_is_on_the_page(both):
    html = page_html(both)
    for told in ("3 records lost, because <bdi>they have no number", "no number in line 1", "it needs layers"):
        assert told in html


def test_reasons_that_all_runs_share_are_told_once(healthy):
    html = page_html(Examined((healthy, healthy, healthy)))
    assert html.count("no data") == 1


def test_two_hundred_runs_of_a_thousand_steps_are_less_than_a_megabyte(overfit):
    luck = np.random.default_rng(0)
    noise = {
        name: curve(name, range(1000), luck.normal(1, 0.1, 1000))
        for name in ("train/objective", "validation/objective")
    }
    finding = replace(overfit.diagnosis.findings[0], says="The validation loss rose above its minimum. " * 4)
    diagnosis = replace(overfit.diagnosis, findings=(finding,) * 3, says="The network learned by heart. " * 6)
    many = [Judged(replace(diagnosis, source=f"runs/{i}"), (Run(f"runs/{i}", noise),)) for i in range(200)]
    html = page_html(Examined(tuple(many)))
    assert len(html.encode()) < 1_000_000
    assert html.count('class="case"') == 200
    assert f"{200 - OPEN} more runs" in html


def test_a_cell_of_a_notebook_brings_its_style_and_only_the_worst(overfit, healthy):
    html = fragment(Examined((overfit,) * 7 + (healthy,)))
    assert html.count('class="case"') == 5
    assert "The worst 5 of 8" in html
    assert "<html" not in html


def test_the_page_is_written_whole_into_folders_that_are_made(both, tmp_path):
    path = write_page(both, tmp_path / "deep" / "page.html")
    assert path.read_text(encoding="utf-8") == page_html(both)
    assert [file.name for file in path.parent.iterdir()] == ["page.html"]


def test_a_place_that_cannot_be_written_is_refused(both, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="the page cannot be written to"):
        write_page(both, tmp_path / "file" / "page.html")
