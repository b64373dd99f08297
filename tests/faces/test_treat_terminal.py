"""Treating in a terminal: a line a round, then what it came to."""

import io
from dataclasses import replace

from rich.console import Console

from etude.diagnosis.prescribe import TREATMENTS
from etude.faces.treat import TreatedRecipe
from etude.faces.treat_terminal import Display, round_lines, show_treated, treat_display, treatments_table
from etude.faces.treat_words import change_text, open_questions, value_text
from etude.values.study import Progress
from etude.values.treatment import Change


def shown(show) -> str:
    console = Console(file=io.StringIO(), width=140, force_terminal=False)
    show(console)
    return console.file.getvalue()


def test_a_round_is_told_by_its_verdict_and_what_it_kept(record):
    lines = [line.plain for line in round_lines(1, record.found.rounds[0])]
    assert "not converged (80 %)" in lines[0]
    assert "score 0.3" in lines[0]
    assert lines[1].strip() == "4 tried: 1 verified to help, 1 ruled out, 2 undecided"
    assert "kept more epochs (3) (epochs 10 → 30)" in lines[2]
    assert "−0.200 squared probability (−0.220 to −0.180), 5 pairs" in lines[2]


def test_a_round_that_kept_nothing_says_why(record):
    assert "the verdict is good fit" in round_lines(2, record.found.rounds[1])[-1].plain


def test_runs_that_all_diverged_are_told_as_that(record):
    first = record.found.rounds[0]
    broken = replace(
        first.tried[1].effect, mean=float("nan"), notes=("diverged: 5 of 5 control and 0 treated runs; so",)
    )
    tried = (replace(first.tried[1], effect=broken),)
    assert "diverged: 5 of 5 control" in round_lines(1, replace(first, tried=tried))[-1].plain


def test_the_end_is_told_verdict_first_and_with_every_metric(record):
    told = shown(lambda console: show_treated(console, record))
    assert told.strip().startswith("Treated: Brier score 0.300 → 0.100")
    assert "epochs 10 → 30" in told
    assert "0.300 (0.280 to 0.320) → 0.100 (0.090 to 0.110); best possible 0.05" in told
    assert "30 trainings in all" in told
    assert "about 1,200 replicates would tell" in told


def test_where_nothing_helped_that_is_the_verdict(untreated):
    told = shown(lambda console: show_treated(console, untreated))
    assert told.strip().startswith("Nothing was verified to help")
    assert "What was changed" not in told


def test_forecasts_are_counted_and_a_low_one_that_did_not_help_is_not_refuted(forecast):
    told = shown(lambda console: show_treated(console, forecast))
    assert "Of 2 forecasts 0.79 were expected to come true: 1 helped and 1 did not." in told
    assert "about 9 %" in told
    assert "refuted" not in told


def test_only_the_last_round_that_tried_a_treatment_says_whether_it_is_open(record):
    first, second = record.found.rounds
    decided = replace(first.tried[2], bears="refuted")
    found = replace(record.found, rounds=(first, replace(second, tried=(decided,))))
    assert [one.name for one in open_questions(record.found)] == ["wider network (4)", "smaller batches (32)"]
    assert [one.name for one in open_questions(found)] == ["smaller batches (32)"]


def test_a_display_that_is_no_terminal_tells_rounds_and_no_bar(record):
    console = Console(file=io.StringIO(), width=140)
    with treat_display(console, quiet=False) as display:
        display.watch(Progress(1, 10, 0, 2, 5))
        display.told(record.found.rounds[0])
    assert console.file.getvalue().startswith("round 1")


def test_a_live_bar_says_which_round_it_is_of(record):
    console = Console(file=io.StringIO(), width=140, force_terminal=True)
    with treat_display(console, quiet=False) as display:
        display.watch(Progress(10, 20, 2, 4, 5))
        assert display.bar.tasks[0].description == "round 1: 4 arms × 5 replicates"
        display.told(record.found.rounds[0])
        display.watch(Progress(1, 20, 0, 2, 20))
        assert display.bar.tasks[0].description == "round 2: 2 arms × 20 replicates"


def test_a_quiet_display_tells_nothing(record):
    console = Console(file=io.StringIO())
    with treat_display(console, quiet=True) as display:
        display.told(record.found.rounds[0])
    assert console.file.getvalue() == ""
    assert Display(None).rounds == 0


def test_every_treatment_is_listed():
    told = shown(lambda console: console.print(treatments_table()))
    assert [one.name for one in TREATMENTS if one.name.split()[0] not in told] == []


def test_changes_are_told_in_peoples_words():
    assert change_text(Change("loss", "mse", "bce")) == "loss MSE → BCE"
    assert value_text("early_stopping", "earlystopping (patience 5)") == "patience 5"
    assert value_text("optimizer", "adam (learning rate 0.003)") == "adam (learning rate 0.003)"


def test_the_object_tells_the_same_in_a_few_lines(record, untreated):
    told = repr(TreatedRecipe(record)).splitlines()
    assert told[0] == "Treated: Brier score 0.300 → 0.100"
    assert told[2] == "  epochs 10 → 30"
    assert repr(TreatedRecipe(untreated)).startswith("Nothing was verified to help")
