"""What was measured, in bounded memory."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from etude.engine.track import Track, extremes


def tracked(values, *, most=16):
    track = Track(most)
    for step, value in enumerate(values, 1):
        track.add(step, value)
    return track


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=400))
def test_extremes_stay_at_their_steps_and_memory_is_bounded(values):
    curve = tracked(values).curve("loss")
    assert curve.values.size <= 16 + 2
    assert curve.values.max() == max(values)
    assert curve.values.min() == min(values)
    assert (np.diff(curve.steps) > 0).all()
    assert all(values[step - 1] == value for step, value in zip(curve.steps, curve.values, strict=True))


def test_all_is_kept_while_it_fits():
    assert tracked(range(15)).curve("loss").values.tolist() == list(range(15))


def test_what_is_no_number_stays():
    values = [1.0] * 100
    values[41] = math.nan
    curve = tracked(values).curve("loss")
    assert curve.steps[np.isnan(curve.values)].tolist() == [42]


def test_a_value_at_the_last_step_takes_its_place():
    track = tracked([1.0, 2.0, 3.0])
    track.add(3, 9.0)
    assert track.curve("loss").values.tolist() == [1.0, 2.0, 9.0]


def test_of_equal_values_the_first_and_the_last_stay():
    assert extremes([(1, 5.0), (2, 5.0), (3, 5.0)]) == ((1, 5.0), (3, 5.0))
