"""The page of steps: one file, one script that it names by its checksum, and every step readable without it."""

import hashlib
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from playwright.sync_api import sync_playwright

from etude.faces.step_page import fragment, page_html, write_page
from etude.faces.stepping import Seen
from etude.values.errors import ReportError

CHROMIUM = "/usr/bin/chromium"
HOSTILE = "<script>alert(1)</script>"
COMMAND = "etude step recipe.toml --step 1 2 3"


class Page(HTMLParser):
    """Tags with their attributes, and their words."""

    def __init__(self, html: str) -> None:
        """Read the whole page."""
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """Keep it."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        """Keep the words."""
        self.words += data


@pytest.fixture(scope="module")
def html(steps):
    return page_html(Seen("two inputs", steps), command=COMMAND)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def hostile(record):
    """The same with a script for every name that is not ours."""
    path = replace(record.path, weight=(HOSTILE, (0, 0)), kinks=(HOSTILE,))
    return replace(
        record,
        optimizer=HOSTILE,
        settings={HOSTILE: HOSTILE},
        notes=(HOSTILE,),
        path=path,
        layers=tuple(replace(one, name=HOSTILE, kind=HOSTILE) for one in record.layers),
        tensors=tuple(replace(one, name=HOSTILE) for one in record.tensors),
        strongest=tuple(replace(one, tensor=HOSTILE) for one in record.strongest),
        pulls=replace(record.pulls, helped=tuple(replace(one, label=HOSTILE) for one in record.pulls.helped)),
        noise=replace(record.noise, scale=None, because=HOSTILE),
        network=replace(record.network, names=(HOSTILE,) * len(record.network.names)),
        curvature=replace(record.curvature, formula=HOSTILE),
        provenance={HOSTILE: HOSTILE},
    )


def test_it_runs_the_one_script_that_its_policy_names_and_loads_nothing(page, html):
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    policy = next(one["content"] for tag, one in page.tags if tag == "meta" and "http-equiv" in one)
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not [tag for tag, one in page.tags if tag in ("link", "iframe", "img") or "src" in one or "style" in one]
    assert not [one for _, one in page.tags if any(name.startswith("on") for name in one)]


def test_a_single_step_has_no_script_at_all_and_its_headline_on_top(steps):
    html = page_html(Seen("two inputs", steps[:1]), command=COMMAND)
    assert "<script" not in html
    assert "script-src" not in html
    assert "<h1><bdi>Step 1 lowered the loss" in html


def test_every_step_is_on_the_page_and_a_radio_button_without_script_shows_it(page):
    stops = [one for tag, one in page.tags if tag == "input" and one.get("type") == "radio"]
    assert [one["value"] for one in stops] == ["1", "2", "3"]
    assert ["checked" in one for one in stops] == [False, False, True]
    labels = {one["for"] for tag, one in page.tags if tag == "label"}
    assert labels == {one["id"] for one in stops}
    for number in (1, 2, 3):
        assert f"Step {number} lowered the loss by" in page.words


def test_what_others_wrote_is_told_as_words(steps):
    seen = Seen(HOSTILE, tuple(map(hostile, steps)))
    assert HOSTILE not in page_html(seen, command=HOSTILE)
    assert HOSTILE not in fragment(seen.records[0])
    assert "&lt;script&gt;" in fragment(seen.records[0])


def test_every_picture_has_a_name_and_a_description_and_every_link_leads_somewhere(page, html):
    pictures = re.findall(r'<svg[^>]*role="img"[^>]*>(.*?)</svg>', html, re.DOTALL)
    assert len(pictures) == 3 * 7 + 1  # a step of two inputs has seven, and the last a surface too
    assert [one[:40] for one in pictures if not re.match(r"<title>[^<]+</title><desc>[^<]+</desc>", one)] == []
    names = {one["id"] for _, one in page.tags if "id" in one}
    assert [one["href"] for tag, one in page.tags if tag == "a" and one["href"].removeprefix("#") not in names] == []


def test_the_formulas_stand_with_their_sources(page):
    for source in ("arXiv:1412.6980", "arXiv:1711.05101", "arXiv:1812.06162", "10.1162/neco.1994.6.1.147"):
        assert source in page.words


def test_what_was_not_seen_leaves_no_hole(steps):
    less = replace(
        steps[0], path=None, pulls=None, noise=None, curvature=None, line=None, boundary=None, network=None, notes=(),
        layers=(), strongest=(), provenance=None,
    )  # fmt: skip
    words = Page(page_html(Seen("less", (less,)), command=COMMAND)).words
    assert "None" not in words
    assert "Did it work?" in words
    assert "One path" not in words
    assert "Who pulls" not in words


def test_the_penalty_has_its_own_column_and_verdict(steps):
    record = replace(steps[0], worked_with_penalty=replace(steps[0].worked, before=0.9, regime="overshoot"))
    words = Page(page_html(Seen("penalised", (record,)), command=COMMAND)).words
    assert "with its penalty" in words
    assert "With its penalty: overshoot." in words


def test_ten_steps_of_a_small_network_stay_below_340_kilobytes(steps):
    ten = tuple(replace(steps[i % 3], step=i + 1, surface=None) for i in range(10))
    assert len(page_html(Seen("ten", ten), command=COMMAND).encode()) < 340_000


def test_the_page_is_written_whole_and_a_place_that_cannot_be_written_is_refused(steps, tmp_path):
    target = write_page(Seen("a", steps), tmp_path / "deep" / "page.html", command=COMMAND)
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(ReportError, match=r"cannot be written.*Nothing was changed"):
        write_page(Seen("a", steps), target / "page.html", command=COMMAND)


def test_a_notebook_gets_one_step_without_script(steps):
    cell = fragment(steps[1])
    assert "<script" not in cell
    assert "Step 2 lowered the loss" in cell
    assert 'class="parts"' in cell


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_without_complaint_and_its_slider_moves_through_the_steps(steps, tmp_path, width, scheme):
    path = write_page(Seen("two inputs", steps), tmp_path / "page.html", command=COMMAND)
    said = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        shown.on("console", lambda message: said.append(message.text))
        shown.on("pageerror", lambda error: said.append(str(error)))
        shown.goto(path.as_uri())
        assert shown.locator("article:visible h2").all_inner_texts() == ["Step 3"]
        shown.locator("input[type=range]").fill("0")
        assert shown.locator("article:visible h2").all_inner_texts() == ["Step 1"]
        shown.locator("label[for=stop-2]").click()
        assert shown.locator("input[type=range]").input_value() == "1"
        shown.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert shown.evaluate("document.documentElement.scrollWidth") == width
        browser.close()
    assert said == []
