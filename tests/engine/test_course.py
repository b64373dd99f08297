"""How one training goes, whatever engine takes its steps."""

import dataclasses
import math

import numpy as np
import pytest

from etude.engine.course import Course, learning_rates, notes_on_reading, score_every, steps_per_epoch
from etude.values.optimizer import Sgd
from etude.values.recipe import Recipe


def recipe(**fields) -> Recipe:
    return Recipe(**({"data": {"task": "sincos"}, "loss": "bce", "optimizer": Sgd(learning_rate=0.5)} | fields))


class Constant:
    """A network of three weights that says 0 to everything."""

    n_parameters = 3

    def __init__(self, splits):
        """For rows of these splits."""
        self.splits = splits

    def outputs(self, inputs):
        """Shape (rows, 1)."""
        return np.zeros((len(inputs), 1), dtype=np.float32)

    def outputs_by_split(self):
        """The same, by split."""
        return {name: self.outputs(part.inputs) for name, part in self.splits.parts().items()}

    def weights(self):
        """One vector of them."""
        return [("w", np.ones(3, dtype=np.float32))]


def course(splits, **fields) -> Course:
    return Course(recipe(**fields), splits, "nats")


def noted(going: Course) -> tuple[list[int], list[float], list[float], int]:
    return going.steps.tolist(), going.train.tolist(), going.validation.tolist(), going.step


def test_there_are_about_a_hundred_scorings_unless_the_recipe_says():
    assert [score_every(recipe(epochs=n)) for n in (1, 100, 101, 1500)] == [1, 1, 2, 15]
    assert score_every(recipe(epochs=1500, score_every=7)) == 7


def test_an_epoch_has_a_short_last_step_where_rows_are_left():
    steps = [steps_per_epoch(recipe(batch_size=size), 60) for size in (None, 60, 59, 20, 7, 1)]
    assert steps == [1, 1, 2, 3, 9, 60]


def test_the_rates_are_those_of_the_planned_length():
    # cosine over 4 epochs of 3 steps: (1 + cos(π s / 12)) / 2 at steps 0, 6 and 12, times 0.5
    rates = learning_rates(recipe(schedule={"name": "cosine"}, batch_size=20, epochs=4), 60, [0, 6, 12])
    assert rates == pytest.approx([0.5, 0.25, 0], abs=1e-12)


def test_an_epoch_is_noted_as_the_mean_of_its_steps(binary):
    going = course(binary)
    going.note_epoch([1.0, 2.0, 6.0], 0.5)
    going.note_epoch([1.0, 1.0, 1.0], 0.25)
    assert noted(going) == ([3, 6], [3.0, 1.0], [0.5, 0.25], 6)
    assert going.ended == "completed"


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_the_first_loss_that_is_not_finite_ends_it_at_its_step(binary, broken):
    going = course(binary)
    going.note_epoch([1.0, broken, 2.0], 0.5)
    assert (going.ended, going.step, going.steps.tolist()) == ("diverged", 2, [2])
    assert not math.isfinite(going.train[0])


def test_where_divergence_does_not_stop_it_the_end_says_so_all_the_same(binary):
    going = course(binary, stop_on_divergence=False)
    going.note_epoch([1.0, math.nan, 2.0], 0.5)
    assert (going.ended, going.step) == ("completed", 3)
    going.finish(3, Constant(binary))
    assert going.ended == "diverged"


def test_epochs_noted_together_are_those_noted_one_by_one(binary):
    one, together = course(binary), course(binary)
    for losses, validation in (([1.0, 2.0], 0.3), ([2.0, 3.0], 0.2)):
        one.note_epoch(losses, validation)
    together.note_epochs([2, 4], [1.5, 2.5], [0.3, 0.2])
    for going in (one, together):
        assert noted(going) == ([2, 4], [1.5, 2.5], [0.3, 0.2], 4)


def test_a_run_holds_what_was_noted_and_scored(binary):
    going = course(binary, schedule={"name": "step", "every": 1, "factor": 0.1}, epochs=2)
    network = Constant(binary)
    going.scores.record(0, network)
    going.note_epochs([1, 2], [0.9, 0.8], [0.7, 0.6])
    going.scores.record(2, network)
    going.finish(1, network)
    run = going.run(4, network, {"engine": "by hand"}, started=0.0)
    assert (run.name, run.replicate, run.last_step, run.kept_step, run.notes) == ("replicate 4", 4, 2, 1, ("a note",))
    assert (run.provenance["parameters"], run.provenance["engine"], run.provenance["data"]) == (
        3,
        "by hand",
        "made here",
    )
    assert run.curve("validation/objective").values.tolist() == [0.7, 0.6]
    assert run.curve("learning_rate").values == pytest.approx([0.5, 0.05])
    assert run.curve("test/log_loss").steps.tolist() == [0, 1, 2]
    assert run.curve("test/log_loss").values == pytest.approx(math.log(2))  # of the logit 0
    assert run.arrays["weights/w"].tolist() == [1, 1, 1]
    assert run.arrays["decision/p"].tolist() == np.full((41, 41), 0.5).tolist()


def test_a_constant_rate_is_no_curve(binary):
    going = course(binary)
    going.note_epochs([1], [0.9], [0.7])
    going.finish(1, Constant(binary))
    assert "learning_rate" not in going.run(0, Constant(binary), {}, started=0.0).curves


def test_that_the_columns_of_a_table_are_read_in_turn_is_said(rows):
    splits = rows("binary")
    assert notes_on_reading(recipe(model="attention"), splits) == (
        "columns are read one after the other, as if they were moments",
    )
    assert notes_on_reading(recipe(model="mlp"), splits) == ()
    assert notes_on_reading(recipe(model="recurrent"), dataclasses.replace(splits, form=(2, 1))) == ()
