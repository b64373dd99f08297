"""The gradient on its way through the layers."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from etude.figures.gradient_flow import MOST_ROWS, describe, draw_flow, gradient_flow
from etude.values.step_record import LayerSeen


def layer(error, gradient=None, name="0"):
    return LayerSeen(name, "Linear", (4, 2), 0.0, 1.0, 0.0, None, 2, None, None, error, None, gradient, None)


def places(data):
    drawn = ET.fromstring(draw_flow(data))
    return [float(mark.get("cx")) for mark in drawn.iter("{http://www.w3.org/2000/svg}circle")]


def test_equal_ratios_stand_equally_far_apart():
    left, middle, right = places(gradient_flow([layer(1e-6), layer(1e-4), layer(1e-2)]))
    assert middle - left == pytest.approx(right - middle, abs=0.11)


def test_layers_of_other_steps_are_on_the_axis_too():
    alone, among = gradient_flow([layer(1.0)]), gradient_flow([layer(1.0)], [layer(1e-5)])
    assert among.axis.low < 1e-5 < alone.axis.low


def test_a_gradient_of_zero_is_a_hollow_mark_at_the_edge_and_says_so():
    data = gradient_flow([layer(0.0), layer(1e-3), layer(1.0)])
    assert places(data)[0] < places(data)[1]
    assert 'class="error none"' in draw_flow(data)


def test_where_no_gradient_arrives_at_all_that_is_what_it_says():
    drawn = draw_flow(gradient_flow([layer(0.0), layer(0.0)]))
    assert "no gradient arrives" in drawn
    assert "no error signal arrives" in drawn


def test_what_is_no_number_is_told_in_words():
    assert "not finite" in draw_flow(gradient_flow([layer(float("nan")), layer(1.0)]))


def test_the_sentence_says_how_much_of_the_error_signal_is_left_at_the_first_layer():
    assert "0.01 times as much" in describe(gradient_flow([layer(0.005), layer(0.5)]))


def test_of_a_deep_network_the_first_layers_are_drawn():
    data = gradient_flow([layer(1.0, name=str(i)) for i in range(MOST_ROWS + 5)])
    assert (len(data.rows), data.left) == (MOST_ROWS, 5)
    assert gradient_flow([]) is None


def test_names_are_escaped(steps):
    hostile = [replace(one, name="<b>") for one in steps[0].layers]
    assert "<b>" not in draw_flow(gradient_flow(hostile))
