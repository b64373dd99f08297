"""Losses of two units side by side."""

from etude.diagnosis.checks import units_not_comparable
from etude.values.finding import Finding, NotRun


def test_losses_of_two_units_are_an_error_that_names_what_to_compare_on(arm):
    curves = {"validation/objective": [[0.7, 0.3]], "validation/brier": [0.1]}
    one = arm("cross-entropy", curves=curves, unit="nats")
    other = arm("squares", curves=curves, unit="squared probability")
    seen = units_not_comparable.look([one, other])
    assert isinstance(seen, Finding)
    assert (seen.severity, seen.probability) == ("error", 1.0)
    assert "nats for cross-entropy; squared probability for squares" in seen.says
    assert seen.treatments == ("compare on a score that all runs have: Brier score",)


def test_an_unknown_unit_is_no_finding_but_said(arm):
    one = arm("a", curves={"train/objective": [[0.7, 0.3]]}, unit="nats")
    other = arm("b", curves={"train/objective": [[50.0, 3.0]]}, recipe=None, provenance={"train is": "loss"})
    seen = units_not_comparable.look([one, other])
    assert isinstance(seen, NotRun)
    assert "the unit of b" in seen.because


def test_logs_of_unlike_tasks_in_one_folder_are_a_note_that_says_whose_unit_was_told_how(arm):
    loss = arm("digits", curves={"train/objective": [[2.3026, 0.1]]}, recipe=None, provenance={"train is": "loss"})
    score = arm("songs", curves={"train/score": [[0.2, 0.9]]}, recipe=None, provenance={"train is": "train_acc"})
    seen = units_not_comparable.look([loss, score])
    assert seen.severity == "note"
    assert "songs counts in share correct, as told by the name 'train_acc'" in seen.causes[0].says
    assert "digits counts in nats, as told by the first value, which is near ln 10" in seen.causes[0].says


def test_recipes_for_unlike_data_are_a_note_as_nobody_ranks_them(arm):
    curves = {"validation/objective": [[0.7, 0.3]]}
    one = arm("a", curves=curves, unit="nats")
    other = arm("b", curves=curves, unit="squared probability", settings={"data": {"task": "moons"}})
    assert units_not_comparable.look([one, other]).severity == "note"


def test_units_that_are_guessed_say_how_surely(arm):
    starts = (("a", 0.69), ("b", 0.25))
    arms = [
        arm(name, curves={"train/objective": [[start, 0.1]]}, recipe=None, provenance={"train is": "loss"})
        for name, start in starts
    ]
    seen = units_not_comparable.look(arms)
    assert (seen.severity, seen.probability) == ("note", 0.6)
    assert "near a quarter" in seen.causes[0].says + seen.causes[0].told_by


def test_one_unit_is_no_finding_and_one_arm_no_comparison(arm):
    one = arm(curves={"train/objective": [[0.7, 0.3]]}, unit="nats")
    assert units_not_comparable.look([one, one]) is None
    assert isinstance(units_not_comparable.look([one]), NotRun)
