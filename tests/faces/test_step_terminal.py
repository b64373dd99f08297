"""Steps in a terminal."""

import io
from dataclasses import replace

from rich.console import Console

from etude.faces.step_terminal import show_step, show_steps
from etude.faces.stepping import Seen


def shown(show, given, width=100):
    out = io.StringIO()
    show(Console(file=out, width=width, highlight=False), given)
    return out.getvalue().replace("\N{NO-BREAK SPACE}", " ")


def test_the_sentence_comes_first_then_why_then_the_parts(steps):
    told = shown(show_step, steps[1])
    parts = ("Step 2 lowered the loss", "Did it work?", "Forward and backward", "One path", "The update", "Who pulls")
    places = [told.index(part) for part in parts]
    assert places == sorted(places)


def test_nothing_is_cut_off_in_a_terminal_of_eighty_columns(steps):
    told = shown(show_step, steps[1], width=80)
    assert max(map(len, told.splitlines())) <= 80
    layers = told[told.index("Forward") : told.index("One path")]
    assert "…" not in layers


def test_of_many_steps_there_is_a_table_and_the_last_in_full(steps):
    told = shown(show_steps, Seen("two inputs", steps))
    assert "3 steps of two inputs" in told
    assert told.count("Did it work?") == 1
    assert "Step 3 lowered the loss" in told
    assert shown(show_steps, Seen("two inputs", steps[:2])).count("Did it work?") == 2


def test_what_was_not_seen_is_left_out(steps):
    less = replace(steps[0], path=None, pulls=None, noise=None, curvature=None, layers=(), strongest=())
    told = shown(show_step, less)
    assert "One path" not in told
    assert "Who pulls" not in told
    assert "None" not in told


def test_what_others_named_does_nothing_to_the_terminal(steps):
    named = replace(steps[0], notes=("\x1b[31mred",), tensors=(replace(steps[0].tensors[0], name="\x1b]0;x\x07"),))
    assert "\x1b" not in shown(show_step, named)
    assert "note: \ufffd[31mred" in shown(show_step, named)


def test_the_penalty_stands_beside_the_loss(steps):
    record = replace(steps[0], worked_with_penalty=replace(steps[0].worked, before=0.98765))
    told = shown(show_step, record)
    assert "with its penalty" in told
    assert "0.98765" in told
