"""The page of a treatment: one file, without script, everything escaped, small, and the verdict first."""

import re
from dataclasses import replace

import pytest

from etude.faces.treat_page import _changes, _reached, fragment, page_html, write_page
from etude.faces.treat_words import cautions
from etude.values.errors import ReportError
from etude.values.recipe import changed
from etude.values.treatment import TOGETHER, Prescription, Round, Tried

HOSTILE = "<script>alert(1)</script>"
COMMAND = "etude treat recipe.toml"


@pytest.fixture
def page(record, parsed):
    return parsed(page_html(record, command=COMMAND))


def test_the_page_loads_nothing_and_runs_nothing(page):
    assert page.open == []
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "img")]
    assert not [attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    policy = next(one["content"] for tag, one in page.tags if tag == "meta" and "http-equiv" in one)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not [one for _, one in page.tags if "style" in one]


def test_what_others_wrote_is_told_as_words(record):
    assert HOSTILE not in page_html(record, command=HOSTILE)
    assert "&lt;script&gt;" in page_html(record, command=HOSTILE)


def test_every_link_leads_somewhere_on_the_page_and_every_picture_has_a_name(record, page):
    names = {one["id"] for _, one in page.tags if "id" in one}
    links = [one["href"] for tag, one in page.tags if tag == "a"]
    assert [link for link in links if link.removeprefix("#") not in names] == []
    pictures = re.findall(r'<svg[^>]*role="img"[^>]*>(.{0,20})', page_html(record, command=COMMAND))
    assert len(pictures) > 5
    assert [start for start in pictures if not start.startswith("<title>")] == []


def test_the_verdict_comes_first_with_how_much_of_the_distance_is_gone(page):
    words = " ".join(page.words.split())
    assert "Treated: Brier score 0.300 → 0.100" in words
    assert "80 % (75 to 85 %) of the distance from the best possible is gone, on 5 fresh seeds" in words
    assert words.index("Treated:") < words.index("What was changed") < words.index("How it was decided")


def test_it_tells_what_was_changed_ruled_out_and_not_known(page):
    words = " ".join(page.words.split())
    assert "epochs10→30more epochs (3)" in words
    ruled_out = words[words.index("What was ruled out") : words.index("What is not known")]
    assert "smaller learning rate (10)" in ruled_out
    assert "learning rate 0.001 → 0.0001" in ruled_out
    unknown = words[words.index("What is not known") : words.index("What it cost")]
    assert "1,200 replicates" in unknown
    assert "could not be trained: too few rows" in unknown
    assert "dropout" in words  # might have been tried, and never was


def test_forecasts_are_counted_and_a_low_one_that_did_not_help_was_right(forecast, parsed):
    page = parsed(page_html(forecast, command=COMMAND))
    words = " ".join(page.words.split())
    assert page.open == []
    assert "Of 2 forecasts 0.79 were expected to come true: 1 helped and 1 did not." in words
    shown = words[words.index("How often what was forecast") : words.index("What the diagnoses predicted")]
    assert "did harmas was likelier" in shown  # the mark, and below it the small print
    assert "refuted" not in shown


def test_the_recipe_and_the_code_are_on_it(page):
    assert "epochs = 30  # was 10" in page.words
    assert "torch.optim.Adam" in page.words
    assert COMMAND in page.words


def test_a_metric_that_got_worse_is_said_before_anything_else(record, parsed):
    brier = record.found.final.outcomes["brier"]
    worse = replace(brier, effect=replace(brier.effect, verdict="worse", metric="log_loss"))
    final = replace(record.found.final, outcomes={"brier": brier, "log_loss": worse})
    words = parsed(page_html(replace(record, found=replace(record.found, final=final)), command=COMMAND)).words
    assert "Log loss got worse" in words
    assert words.index("Log loss got worse") < words.index("What was changed")


def test_a_treated_recipe_that_one_answer_for_every_row_would_beat_is_of_no_use(record, parsed):
    limit = replace(record.limits["brier"], best_constant=0.08)
    words = parsed(page_html(replace(record, limits={"brier": limit}), command=COMMAND)).words
    assert "the same answer for every row would have a Brier score of 0.08" in words
    assert "of no use" not in parsed(page_html(record, command=COMMAND)).words


def test_where_nothing_helped_it_says_so_and_shows_what_was_tried(untreated, parsed):
    page = parsed(page_html(untreated, command=COMMAND))
    words = " ".join(page.words.split())
    assert page.open == []
    assert "Nothing was verified to help" in words
    assert "None of 1 treatments helped. 1 treatment tried, 30 trainings." in words
    assert "What was changed" not in words
    assert "Here nothing was kept." in words


def test_a_healthy_recipe_has_nothing_to_treat(record, parsed):
    second = replace(record.found.rounds[1], parent=None, by="")
    found = replace(record.found, rounds=(second,), path=(0,), final=None, setting=record.found.before)
    words = parsed(page_html(replace(record, found=found), command=COMMAND)).words
    assert "Nothing to treat: it is a good fit already" in words


def test_sixteen_rounds_of_ten_treatments_stay_below_300_kilobytes(record):
    first = record.found.rounds[0]
    many = tuple(
        replace(
            one,
            effect=replace(one.effect, differences=(one.effect.mean,) * 20, n_pairs=20),
            prescription=replace(one.prescription, name=f"{one.prescription.name} {i}"),
        )
        for one in first.tried[:2]
        for i in range(5)
    )
    rounds = tuple(
        replace(first, parent=i - 1 if i else None, tried=many, kept=many[5].prescription.name) for i in range(16)
    )
    found = replace(record.found, rounds=rounds, path=tuple(range(16)))
    page = page_html(replace(record, found=found), command=COMMAND)
    assert len(page.encode()) < 300_000


def test_the_page_is_written_whole_and_a_place_that_cannot_be_written_is_refused(record, tmp_path):
    target = write_page(record, tmp_path / "deep" / "page.html", command=COMMAND)
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(ReportError, match=r"cannot be written.*without training"):
        write_page(record, target / "page.html", command=COMMAND)


def test_a_notebook_gets_the_verdict_what_was_changed_and_the_chart(record, parsed):
    cell = parsed(fragment(record))
    assert cell.open == []
    assert "Treated: Brier score" in cell.words
    assert "epochs" in cell.words
    assert HOSTILE not in fragment(record)


@pytest.mark.parametrize(
    ("by", "told"), [("a", "a"), ("a + b + c", "a + b + c"), ("a + b + c + a", "4 together, in round 2")]
)
def test_many_treatments_together_are_named_by_their_round_and_not_beside_each_setting(record, by, told):
    after = replace(record.found.rounds[0], by=by, parent=1)
    assert _reached(after) == told


def test_what_scouts_kept_is_named_alone_since_it_may_take_back_what_came_before(record):
    found = record.found
    first, second = found.rounds
    after = second.control
    narrow, wide = changed(after, {"hidden": [2]}), changed(found.before, {"hidden": [64]})
    of_scouts = Tried(Prescription("a + b", TOGETHER, wide, (), 0.1), None, "confirmed")
    rounds = (
        replace(
            first,
            kept="dropout",
            tried=(Tried(Prescription("dropout", "dropout", narrow, (), 0.1), None, "confirmed"),),
        ),
        Round(narrow, 0, "dropout", first.diagnosis, second.runs, second.scores, (of_scouts,), kept="a + b"),
        Round(wide, 1, "a + b", second.diagnosis, second.runs, second.scores),
    )
    (row,) = _changes(replace(found, setting=wide, rounds=rounds, path=(0, 1, 2)))
    assert (row.before, row.after, row.by) == ("4", "64", "a + b")


def test_the_page_keeps_in_mind_what_was_done_to_the_rows_and_how_the_fresh_seeds_lie(record):
    found = record.found
    gaps = replace(found.rounds[0].diagnosis, notes=("19 gaps in 'size', filled with the training median.",))
    outcome = found.final.outcomes["brier"]
    tail = replace(
        outcome, effect=replace(outcome.effect, notes=("heavy tail: a few replicates lie far from the rest",))
    )
    final = replace(found.final, outcomes={"brier": tail})
    rounds = (replace(found.rounds[0], diagnosis=gaps), *found.rounds[1:])
    told = cautions(replace(record, found=replace(found, rounds=rounds, final=final)))
    assert "The fresh seeds: heavy tail: a few replicates lie far from the rest" in told
    assert "19 gaps in 'size', filled with the training median" in told
