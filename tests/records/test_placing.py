"""Series on one axis: which axis, which value of a step that came twice, and epochs that were called steps."""

import numpy as np
import pytest

from etude.records.logged import series
from etude.records.placing import placed, placed_pair
from etude.values.errors import LogError


def test_steps_are_taken_where_all_have_them_and_else_epochs():
    both = series("loss", [3, 2], steps=[10, 20], epochs=[1, 2])
    only_epochs = series("val_loss", [4, 3], epochs=[1, 2])
    assert placed([both], None).x == "step"
    of_epochs = placed([both, only_epochs], None)
    assert of_epochs.x == "epoch"
    assert [curve.steps.tolist() for curve in of_epochs.curves] == [[1, 2], [1, 2]]
    assert of_epochs.notes == ()


def test_of_a_step_that_came_twice_the_last_value_is_taken_and_said():
    resumed = series("loss", [5, 4, 3, 9, 8], steps=[1, 2, 3, 2, 3])
    axis = placed([resumed], None)
    assert axis.curves[0].steps.tolist() == [1, 2, 3]
    assert axis.curves[0].values.tolist() == [5, 9, 8]
    assert axis.notes == ("'loss': 2 steps were logged twice, and the last value of each was taken",)


def test_values_without_a_place_are_left_out_and_counted():
    axis = placed([series("loss", [5, 4, 3], steps=[1, np.nan, 3])], None)
    assert axis.curves[0].values.tolist() == [5, 3]
    assert "1 values have no step" in axis.notes[0]


def test_values_that_are_not_finite_are_kept():
    axis = placed([series("loss", [5, np.nan, np.inf], steps=[1, 2, 3])], None)
    assert np.array_equal(axis.curves[0].values, [5, np.nan, np.inf], equal_nan=True)


@pytest.mark.parametrize("first", [0, 1])
def test_a_validation_that_counts_epochs_as_steps_is_moved_to_where_they_end(first):
    train = series("train/loss", np.ones(400), steps=np.arange(400))
    validation = series("val/loss", [4, 3, 2, 1], steps=np.arange(first, first + 4))
    axis = placed_pair([train, validation], None)
    assert axis.curves[1].steps.tolist() == [99, 199, 299, 399]
    assert "was logged by epoch, 1 to 4" in axis.notes[0]


def test_a_validation_by_step_stays_where_it_is():
    train = series("train/loss", np.ones(400), steps=np.arange(400))
    validation = series("val/loss", [4, 3, 2, 1], steps=[99, 199, 299, 399])
    axis = placed_pair([train, validation], None)
    assert (axis.curves[1].steps.tolist(), axis.notes) == ([99, 199, 299, 399], ())


def test_epochs_with_fractions_are_counted_in_thousandths():
    axis = placed([series("loss", [2, 1], epochs=[0.5, 1.0])], None)
    assert axis.curves[0].steps.tolist() == [500, 1000]
    assert "thousandths" in axis.notes[0]


def test_rows_with_no_place_in_common_are_spread_over_the_longest():
    train, validation = series("loss", np.ones(6), steps=np.arange(6)), series("val_loss", [2, 1], epochs=[1, 2])
    axis = placed_pair([train, validation], None)
    assert (axis.x, axis.curves[1].steps.tolist()) == ("row", [3, 6])
    assert "spread evenly" in axis.notes[0]


def test_the_user_chooses_the_axis():
    both = series("loss", [3, 2], steps=[10, 20], epochs=[1, 2])
    assert placed([both], "epoch").curves[0].steps.tolist() == [1, 2]
    with pytest.raises(LogError, match="no axis 'days'"):
        placed([both], "days")
