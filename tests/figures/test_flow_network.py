"""A small network with one example in it."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from etude.figures.flow_network import describe, draw_flow_network, flow_network_data, table_rows
from etude.values.step_record import NetworkSeen

SEEN = NetworkSeen(
    example=4,
    values=(np.array([2.0, -1.0]), np.array([3.0, 0.0]), np.array([1.5])),
    errors=(np.array([0.1, 0.2]), np.array([-0.3, 0.4]), np.array([0.5])),
    weights=(np.array([[1.0, -1.0], [0.5, 2.0]]), np.array([[0.5, 9.0]])),
    gradients=(np.array([[-0.6, 0.3], [0.0, 0.0]]), np.array([[1.5, 0.0]])),
    names=("inputs", "<b>", "out"),
)


def test_forward_a_line_carries_the_weight_times_what_the_unit_before_says():
    data = flow_network_data(SEEN, "forward")
    assert data.edges[0] == pytest.approx(np.array([[2.0, 1.0], [1.0, -2.0]]))
    assert data.edges[1] == pytest.approx(np.array([[1.5, 0.0]]))  # the silent unit passes nothing on


def test_backward_a_line_is_the_gradient_of_its_weight_and_a_unit_its_error_signal():
    data = flow_network_data(SEEN, "backward")
    assert data.edges == SEEN.gradients
    assert data.units == SEEN.errors


def test_what_carries_nothing_is_not_drawn_and_negative_lines_are_dashed():
    drawn = ET.fromstring(draw_flow_network(flow_network_data(SEEN, "backward")))
    lines = [one for one in drawn.iter("{http://www.w3.org/2000/svg}path") if one.get("class") != "ground"]
    assert sum(one.get("d").count("L") for one in lines) == 3  # of 6 weights three have a gradient
    assert [one.get("stroke-dasharray") for one in lines if one.get("class") == "negative"] == ["5 3"]


def test_the_sentence_says_what_comes_out_and_which_units_are_silent():
    assert describe(flow_network_data(SEEN, "forward")) == (
        "Layers of 2, 2 and 1 units. Output: 1.5. Silent units by layer: 1 and 0."
    )
    assert "0.5 at out" in describe(flow_network_data(SEEN, "backward"))


def test_the_table_has_a_row_a_unit_with_both_ways():
    rows = table_rows(flow_network_data(SEEN, "forward"), flow_network_data(SEEN, "backward"))
    assert rows[0] == ("inputs", "0", "2", "+0.1")
    assert len(rows) == 5


def test_names_are_escaped_and_numbers_that_are_none_break_nothing():
    assert "<b>" not in draw_flow_network(flow_network_data(SEEN, "forward"))
    broken = NetworkSeen(
        0, (np.array([np.nan]), np.array([1.0])), (np.array([np.inf]), np.array([1.0])), (np.array([[1.0]]),),
        (np.array([[np.nan]]),), ("in", "out"),
    )  # fmt: skip
    for way in ("forward", "backward"):
        drawn = draw_flow_network(flow_network_data(broken, way))
        assert 'r="nan"' not in drawn
        assert 'stroke-width="nan"' not in drawn


def test_a_wide_layer_is_elided():
    wide = NetworkSeen(
        0, (np.ones(2), np.ones(32), np.ones(1)), (np.ones(2), np.ones(32), np.ones(1)),
        (np.ones((32, 2)), np.ones((1, 32))), (np.ones((32, 2)), np.ones((1, 32))), ("in", "hidden", "out"),
    )  # fmt: skip
    assert "… 32 units" in draw_flow_network(flow_network_data(wide, "forward"))
