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


def test_units_that_are_guessed_are_a_warning(arm):
    starts = (("a", 0.69), ("b", 0.25))
    arms = [
        arm(name, curves={"train/objective": [[start, 0.1]]}, recipe=None, provenance={"train is": "loss"})
        for name, start in starts
    ]
    seen = units_not_comparable.look(arms)
    assert (seen.severity, seen.probability) == ("warning", 0.6)
    assert "near a quarter" in seen.causes[0].says + seen.causes[0].told_by


def test_one_unit_is_no_finding_and_one_arm_no_comparison(arm):
    one = arm(curves={"train/objective": [[0.7, 0.3]]}, unit="nats")
    assert units_not_comparable.look([one, one]) is None
    assert isinstance(units_not_comparable.look([one]), NotRun)
