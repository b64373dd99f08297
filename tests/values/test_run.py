"""A run answers for its scores, whole or slimmed."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.values.curve import curve
from etude.values.errors import CurveError
from etude.values.run import Run, slimmed


def run_of(*, kept_step: int, ended: str = "completed") -> Run:
    """Two curves at steps 0, 10, 20 and 30, and one at 10 and 20 alone."""
    steps = [0, 10, 20, 30]
    made = [
        curve("test/brier", steps, [0.25, 0.2, 0.1, math.nan], unit="squared probability", standard_errors=[0.01] * 4),
        curve("test/log_loss", steps, [0.7, 0.6, 0.5, math.inf], unit="nats"),
        curve("train/objective", [10, 20], [0.3, 0.2], unit="nats"),
    ]
    curves = {c.name: c for c in made}
    return Run("r", curves, ended, 30, kept_step, arrays={"weights/0.weight": np.ones(3)}, notes=("a note",))


def test_a_score_is_that_of_the_kept_step_or_of_the_last_one_scored_before_it():
    assert run_of(kept_step=20).score("brier", "test") == 0.1
    assert run_of(kept_step=15).score("brier", "test") == 0.2
    assert math.isnan(run_of(kept_step=20, ended="diverged").score("brier", "test"))


def test_a_curve_that_is_not_there_is_answered_with_those_that_are():
    for run in (run_of(kept_step=20), slimmed(run_of(kept_step=20))):
        with pytest.raises(CurveError, match=r"run 'r' has no curve 'test/brie'.*Did you mean 'test/brier'"):
            run.score("brie", "test")


@given(kept_step=st.integers(0, 40), ended=st.sampled_from(["completed", "stopped early", "diverged", "unknown"]))
def test_every_score_of_a_slimmed_run_is_that_of_the_whole_one(kept_step, ended):
    whole = run_of(kept_step=kept_step, ended=ended)
    slim = slimmed(whole)
    for name in whole.curves:
        split, metric = name.split("/")
        if name in slim.curves:
            assert np.array_equal(slim.score(metric, split), whole.score(metric, split), equal_nan=True)
        else:
            with pytest.raises(CurveError, match="Ask for a later step"):
                whole.score(metric, split)


def test_a_slimmed_run_keeps_what_is_known_of_it_and_one_point_a_curve():
    slim = slimmed(run_of(kept_step=20))
    assert (slim.name, slim.ended, slim.last_step, slim.kept_step, slim.notes) == (
        "r",
        "completed",
        30,
        20,
        ("a note",),
    )
    assert dict(slim.arrays) == {}
    assert list(slim.curves) == ["test/brier", "test/log_loss", "train/objective"]
    assert len(slim.curves) == 3
    brier = slim.curve("test/brier")
    assert (brier.name, brier.steps.tolist(), brier.values.tolist(), brier.unit) == (
        "test/brier", [20], [0.1], "squared probability",
    )  # fmt: skip


def test_a_curve_that_begins_after_the_kept_step_is_left_out_unless_the_run_diverged():
    assert list(slimmed(run_of(kept_step=0)).curves) == ["test/brier", "test/log_loss"]
    diverged = slimmed(run_of(kept_step=0, ended="diverged"))
    assert math.isnan(diverged.score("objective", "train"))


def test_slimming_twice_changes_nothing_more():
    once = slimmed(run_of(kept_step=20))
    twice = slimmed(once)
    assert {name: c.values.tolist() for name, c in twice.curves.items()} == {
        name: c.values.tolist() for name, c in once.curves.items()
    }


def test_a_run_without_curves_is_slimmed_too():
    assert dict(slimmed(Run("r", {})).curves) == {}


def test_slimmed_runs_share_what_their_curves_are_called():
    one, other = (slimmed(run_of(kept_step=step)).curves for step in (10, 20))
    assert one.labels is other.labels
    assert sys.getsizeof(one) + sys.getsizeof(one.points) < 250
