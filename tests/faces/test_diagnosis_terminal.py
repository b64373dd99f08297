"""Diagnoses in a terminal: what is told of one run, and of many."""

import re
from dataclasses import replace

import pytest

from etude.faces.diagnosing import Examined, Judged
from etude.faces.diagnosis_terminal import IN_FULL, LISTED, diagnosis_text, examined_text
from etude.values.lost import Lost


def unwrapped(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_one_run_is_told_in_full(overfit):
    text = unwrapped(examined_text(Examined((overfit,))))
    for told in (
        "▲ overfit, very sure (93 %)",
        "The network learned its examples by heart.",
        "best 0.3 at epoch 10",
        "rise of the validation loss above its minimum 0.150 nats (0.120 to 0.180)",
        "cause 1: too many epochs. To tell: stop at epoch 10.",
        "try: stop at epoch 10 and weight decay",
        "expect: stop at epoch 10: the validation loss falls by 0.12 to 0.18 nats",
        "✗ small gap",
        "? smooth convergence",
        "1. Stop at epoch 10.",
        "dying relu: it needs layers",
        "logs/a b.csv, line 12: 3 records lost, because they have no number",
        "note: epochs were logged as steps",
    ):
        assert told in text


def test_many_runs_are_a_table_worst_first_and_the_way_to_see_more_is_told(overfit, healthy):
    many = tuple(
        replace(one, diagnosis=replace(one.diagnosis, source=f"run {i}")) for i, one in enumerate([overfit] * 40)
    )
    text = examined_text(Examined((*many, healthy)))
    assert text.startswith("41 runs: 40 overfit, 1 good fit\n")
    assert len(re.findall(r"^▲ overfit +93 %  run", text, re.MULTILINE)) == LISTED
    assert f"… and {41 - LISTED} more: {40 - LISTED} overfit, 1 good fit" in unwrapped(text)
    assert f"In full: the worst {IN_FULL} of 41." in text
    assert "--report FILE.html" in text


def test_what_was_lost_of_a_run_that_is_only_a_row_is_told_all_the_same(overfit, healthy):
    clean = replace(overfit, diagnosis=replace(overfit.diagnosis, lost=()))
    damaged = replace(healthy, diagnosis=replace(healthy.diagnosis, lost=(Lost("z.csv", "byte 7", None, "of a hole"),)))
    text = unwrapped(examined_text(Examined((*[clean] * IN_FULL, damaged))))
    assert "z.csv, byte 7: records lost, because of a hole" in text


def test_logs_that_could_not_be_read_are_listed(both):
    assert "1 log could not be read or judged - logs/b.csv: no number in line 1" in unwrapped(examined_text(both))


def test_what_shows_between_runs_comes_before_the_runs(both):
    text = examined_text(both)
    assert text.index("units not comparable") < text.index("The network learned its examples by heart.")


def test_a_verdict_that_cannot_be_told_has_no_probability(overfit):
    unsure = replace(overfit, diagnosis=replace(overfit.diagnosis, verdict="cannot tell"))
    assert examined_text(Examined((unsure,))).startswith("? cannot tell  ")


def test_of_replicates_it_is_said_whose_curves_are_shown_and_that_the_best_is_that_of_all(overfit):
    alone = unwrapped(diagnosis_text(overfit))
    several = unwrapped(diagnosis_text(Judged(replace(overfit.diagnosis, runs=3), overfit.runs * 3)))
    assert "best 0.3 at epoch 10" in alone
    assert "replicates" not in alone
    assert "best 0.3 at epoch 10" not in several
    name = overfit.runs[0].name
    assert f"curves of the first of 3 replicates, {name}; the median of the replicates' best epochs is 10" in several


def test_colours_are_sent_only_where_they_are_wanted(overfit):
    assert "\x1b[" not in diagnosis_text(overfit)
    assert "\x1b[33;1m▲ overfit" in diagnosis_text(overfit, coloured=True)


def test_control_characters_of_a_log_never_reach_the_terminal(overfit):
    hostile = replace(overfit.diagnosis, source="a\x1b]0;b\x07", says="c\x1b[2Jd", notes=("\u202ee",))
    text = diagnosis_text(Judged(hostile, overfit.runs))
    assert not [c for c in text if c != "\n" and not c.isprintable()]


@pytest.mark.parametrize("wide", [60, 100])
def test_no_line_of_prose_is_wider_than_the_page(overfit, wide):
    long = replace(overfit.diagnosis, says="word " * 60)
    assert max(map(len, diagnosis_text(Judged(long, ()), wide=wide).splitlines())) <= wide
