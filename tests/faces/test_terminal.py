"""What a person sees in a terminal: every verdict, every note, each once, and nothing that moves the cursor."""

import io
from dataclasses import replace
from typing import get_args
from unicodedata import category

import pytest
from rich.console import Console

from etude.faces.terminal import CLAIM_STYLES, EFFECT_STYLES, progress_display, show_result
from etude.studies.design import arms_of
from etude.values.claim import Claim, ClaimVerdict, Judgement
from etude.values.curve import curve
from etude.values.effect import Verdict
from etude.values.recipe import Recipe
from etude.values.run import Run
from etude.values.study import Plan, Progress, StudyResult

HOSTILE = "red \x1b[31m title \x1b]0;owned\x07 back\rover \x9b2J\x08 \u202e end"
"""Colours, a window title, a carriage return, an eight-bit sequence, a backspace and a change of direction."""


def judged(text, verdict, because="Because of this.", **more):
    return Judgement(Claim(text=text, treated={"loss": "mse"}), verdict, because, **more)


def study_result(arms=None, **more):
    plan = Plan(base=Recipe(data={"task": "sincos"}, loss="bce"), arms=arms or {"bce": {}, "mse": {"loss": "mse"}})
    scores = {name: curve(name, [0, 10], [0.7, 0.5]) for name in ("train/log_loss", "test/log_loss")}
    run = Run("replicate 0", scores, ended="completed", last_step=10, kept_step=10)
    made = arms_of(plan)
    runs = {arm.label: (run, run) for arm in made}
    return StudyResult(plan, made, runs=runs, limits={label: {} for label in runs}, **more)


def shown(result, **console):
    page = io.StringIO()
    show_result(Console(file=page, width=200, highlight=False, **console), result)
    return page.getvalue()


def test_each_verdict_on_a_claim_stands_beside_it_with_its_own_mark():
    verdicts = get_args(ClaimVerdict)
    told = shown(study_result(judgements=tuple(judged(f"Claim {i}.", v) for i, v in enumerate(verdicts))))
    lines = told.splitlines()
    for i, verdict in enumerate(verdicts):
        (line,) = (line for line in lines if f"“Claim {i}.”" in line)
        assert line.startswith(f"{CLAIM_STYLES[verdict][0]} {verdict} ")
    assert len({mark for mark, _ in CLAIM_STYLES.values()}) == len(verdicts)


def test_each_verdict_on_an_effect_stands_beside_it_with_its_own_mark(effect):
    verdicts = get_args(Verdict)
    effects = tuple(replace(effect, verdict=verdict, says=f"effect {verdict}") for verdict in verdicts)
    lines = shown(study_result(effects=effects)).splitlines()
    for verdict in verdicts:
        (line,) = (line for line in lines if f"Effect {verdict}:" in line)
        assert line.startswith(f"{EFFECT_STYLES[verdict][0]} {verdict} ")


def test_everything_is_said_once(effect):
    noted = replace(effect, notes=("heavy tail: one pair is far from the others",))
    instead = replace(effect, says="the valid comparison")
    result = study_result(
        effects=(noted,),
        judgements=(judged("It helped.", "confounded", "Two factors differ.", instead=(instead,)),),
        notes=("2 of 10 runs of 'wide' diverged.", "Arms added: x."),
    )
    once = (
        *("Claims on trial", "“It helped.”", "Two factors differ.", "The valid comparison:"),
        *("Effects on the test set", "Loss MSE against BCE:", "16 pairs", "Heavy tail:"),
        *("note: 2 of 10 runs of 'wide' diverged.", "note: Arms added: x."),
    )
    told = shown(result)
    assert {part: told.count(part) for part in once} == dict.fromkeys(once, 1)


def test_a_factorial_is_told_in_a_page(factorial):
    told = shown(factorial)
    assert told.index("Effects on the test set") < told.index("What two factors do together: log loss; one family of 3")
    assert told.index("What two factors") < told.index("Shares of the variance") < told.index("The best of 36 combin")
    assert "worse together than added up" in told
    assert told.count("\n") < 50


def test_of_many_interactions_those_that_were_found_are_told_and_the_others_counted(effect, factorial):
    one = replace(effect, factor="data.features × model.hidden", control="2 × 4", treated="4 × 32")
    together = tuple(replace(one, verdict=v) for v in ("better", "equivalent", "equivalent", "undecided"))
    told = shown(replace(factorial, effects=(*factorial.effects[:1], *together)))
    assert told.count("better together than added up") == 1
    assert "= equivalent  2 pairs of factors add up, or nearly" in told
    assert "? undecided  1 pair of factors may add up, or not" in told


@pytest.mark.parametrize("terminal", [False, True])
def test_no_text_of_a_study_reaches_the_terminal_as_a_command(effect, terminal):
    result = study_result(
        effects=(replace(effect, says=HOSTILE, notes=(HOSTILE,)),),
        judgements=(judged(HOSTILE, "refuted", HOSTILE, instead=(replace(effect, says=HOSTILE),)),),
        notes=(HOSTILE,),
    )
    told = shown(result, force_terminal=terminal, color_system=None)
    assert commands_in(told) == []
    assert told.count("owned") == 6


def test_no_name_of_an_arm_reaches_the_terminal_as_a_command():
    told = shown(study_result(arms={HOSTILE: {}, "tame": {"loss": "mse"}}))
    assert "median" in told
    assert commands_in(told) == []


def commands_in(told):
    """Characters that a terminal obeys rather than shows: controls (Cc) and those that change direction (Cf)."""
    return [character for character in told if category(character) in ("Cc", "Cf") and character != "\n"]


def test_square_brackets_are_words_not_styles():
    told = shown(study_result(judgements=(judged("[bold]loud[/bold] [/]", "refuted"),), notes=("[red]x",)))
    assert "“[bold]loud[/bold] [/]”" in told
    assert "note: [red]x" in told


def test_progress_says_how_much_there_is_and_how_much_was_kept():
    page = io.StringIO()
    with progress_display(Console(file=page, width=120), quiet=False) as watch:
        watch(Progress(done=6, planned=6, kept=2, arms=3, replicates=2))
    assert "3 arms × 2 replicates (2 kept)" in page.getvalue()
    assert "6/6" in page.getvalue()


def test_quiet_is_silent():
    page = io.StringIO()
    with progress_display(Console(file=page), quiet=True) as watch:
        watch(Progress(done=6, planned=6, kept=2, arms=3, replicates=2))
    assert page.getvalue() == ""
