"""Heads in numbers: shares, distances and breadths that can be worked out by hand, and the words they lead to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.figures.heads import head_columns, head_rows, head_text, heads_data, sentences

EVEN = np.full((4, 4), 0.25)
CAUSAL = np.tri(4) / np.arange(1, 5)[:, None]
BEFORE = np.vstack([[1, 0, 0, 0], np.eye(4)[:3]])
"""Each looks at the one before; the first, which has none, at itself."""


def data(*heads, labels="abcd", each=1, unit="character"):
    return heads_data([(labels, np.array([heads]))], unit=unit, each=each)


def test_a_head_that_looks_at_all_alike_has_the_numbers_of_all_alike():
    for weights in (EVEN, CAUSAL):
        found = data(weights)
        (head,) = found.heads
        assert head.shares == pytest.approx(found.alike.shares)
        assert (head.distance, head.breadth) == pytest.approx((found.alike.distance, found.alike.breadth))


def test_distance_and_breadth_are_those_of_paper():
    # of four: |i - j| summed over all pairs is 20, of 16 pairs; all four at a time
    assert (data(EVEN).heads[0].distance, data(EVEN).heads[0].breadth) == pytest.approx((20 / 16, 4))
    # looking back at 1, 2, 3 and 4 cells alike: 0, 1/2, 1 and 3/2 away, and the geometric mean of 1, 2, 3 and 4
    assert (data(CAUSAL).heads[0].distance, data(CAUSAL).heads[0].breadth) == pytest.approx((0.75, 24 ** (1 / 4)))
    assert (data(BEFORE).heads[0].distance, data(BEFORE).heads[0].breadth) == pytest.approx((0.75, 1))


def test_shares_go_to_the_places_that_are_named():
    shares = data(BEFORE).heads[0].shares
    assert shares == {"itself": 0.25, "one before": 0.75, "two before": 0, "the first": 0.5}
    spaced = data(EVEN, labels="a␣b␣").heads[0].shares
    assert (spaced["spaces"], spaced["one after"], spaced["the last"]) == pytest.approx((0.5, 3 / 16, 0.25))


def test_where_none_looks_ahead_no_place_ahead_is_named():
    assert data(CAUSAL).causal
    assert not {"one after", "two after", "the last"} & set(data(CAUSAL).heads[0].shares)
    assert not data(EVEN).causal


def test_a_cell_of_several_positions_makes_distances_longer():
    assert data(EVEN, each=5).heads[0].distance == pytest.approx(5 * 20 / 16)
    assert head_columns(data(EVEN, each=5, unit="time step"))[-1] == "groups of 5 time steps at a time"


@given(sharp=st.floats(0, 20), seed=st.integers(0, 99))
def test_breadth_lies_between_one_and_all(sharp, seed):
    weights = np.exp(sharp * np.random.default_rng(seed).normal(size=(6, 6)))
    (head,) = data(weights / weights.sum(axis=1, keepdims=True), labels="abcdef").heads
    assert 1 - 1e-9 <= head.breadth <= 6 + 1e-9


def test_the_head_with_most_beyond_its_due_is_told_with_its_number():
    picked, far, broad = sentences(data(CAUSAL, BEFORE))
    # looking at all alike, the ones before get 1/2, 1/3 and 1/4 of three rows of four: 13/48
    assert picked == (
        "The strongest pattern is that of layer 1, head 2: 75 % of its attention goes to the character just before, "
        "where 27 % would if it looked at all alike."
    )
    assert far == "On average every head looks about 0.8 characters back; looking at all alike would be 0.8."
    assert "The choosiest, layer 1, head 2, spreads its attention over about 1.0 characters at a time" in broad


def test_heads_that_look_at_all_alike_are_told_to_pick_nothing_out():
    picked, _, broad = sentences(data(EVEN, EVEN))
    assert picked.startswith("No head picks out one place.")
    assert broad == "Every head spreads its attention over about 4.0 characters at a time; all alike would be 4.0."


def test_one_step_of_each_example_that_has_no_name_is_found():
    third, second = np.tile(np.eye(4)[2], (4, 1)), np.tile(np.eye(4)[1], (4, 1))
    found = heads_data([("1234", third[None, None]), ("1234", second[None, None])], unit="time step", each=1)
    assert found.heads[0].fixed == 1
    assert (
        "100 % of its attention goes to one time step of each example, whichever asks, where 25 %"
        in sentences(found)[0]
    )


def test_the_table_has_every_head_and_last_one_that_looks_at_all_alike():
    found = data(CAUSAL, BEFORE)
    assert head_columns(found) == (
        *("head", "itself", "one before", "two before", "the first"),
        *("one character", "characters back", "characters at a time"),
    )
    assert head_rows(found)[1] == ("layer 1, head 2", "25 %", "75 %", "0 %", "50 %", "50 %", "0.8", "1.0")
    assert head_rows(found)[-1][0] == "all alike"
    assert head_text(found, found.heads[1]).startswith("75 % of its attention goes to the character just before;")
