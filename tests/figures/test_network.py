"""The network drawn."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from etude.figures.network import draw_network, network_data, shown_units, table_rows
from etude.values.recipe import Recipe
from etude.values.run import Run


def run(first, second, name="r", replicate=0):
    arrays = {"weights/0.weight": first, "weights/0.bias": np.zeros(3), "weights/2.weight": second}
    return Run(name, {}, arrays=arrays, replicate=replicate)


SMALL = run(np.array([[1.0, -2.0], [0.5, 0.0], [3.0, 1.0]]), np.array([[1.0, -4.0, 0.0]]))


def test_the_most_typical_run_is_drawn():
    runs = [run(np.full((3, 2), i), np.ones((1, 3)), f"run {i}") for i in (1.0, 2.0, 3.0)]
    assert network_data("arm", runs, [0.9, 0.5, 0.1]).run == "run 2.0"
    assert network_data("arm", runs, [0.9, float("nan"), 0.1]).run in ("run 1.0", "run 3.0")


def test_layers_are_read_in_order():
    assert network_data("arm", [SMALL], [0.5]).sizes == (2, 3, 1)


def test_weights_that_form_no_chain_are_not_drawn():
    assert network_data("arm", [run(np.ones((3, 2)), np.ones((1, 5)))], [0.5]) is None
    assert network_data("arm", [Run("r", {})], [0.5]) is None


def test_matrices_that_fit_but_do_not_follow_each_other_are_no_chain():
    recurrent = {"weights/layers.0.weight_ih_l0": np.ones((3, 2)), "weights/layers.0.weight_hh_l0": np.ones((3, 3))}
    assert network_data("arm", [Run("r", {}, arrays=recurrent)], [0.5]) is None
    recipe = Recipe(data={"task": "sincos"}, loss="bce", model="attention")
    fitting = Run("r", {}, arrays=dict(SMALL.arrays), recipe=recipe)
    assert network_data("arm", [fitting], [0.5]) is None


def test_width_and_dashes_show_size_and_sign():
    drawn = ET.fromstring(draw_network(network_data("arm", [SMALL], [0.5])))
    edges = drawn.findall("{*}path")
    assert len(edges) == 2 * 3 + 3 * 1
    widest = max(edges, key=lambda edge: float(edge.get("stroke-width")))
    assert widest.get("stroke-dasharray") == "5 3"  # the largest weight is -4
    assert float(widest.get("stroke-width")) == pytest.approx(4.5)


def test_a_wide_layer_is_elided_and_says_how_wide_it_is():
    wide = run(np.ones((32, 2)), np.ones((1, 32)))
    drawn = draw_network(network_data("arm", [wide], [0.5]))
    assert "… 32 units" in drawn
    assert ET.fromstring(drawn).findall("{*}circle").__len__() == 2 + shown_units(32) + 1


def test_the_table_lists_the_largest_weights_first():
    assert table_rows(network_data("arm", [SMALL], [0.5]))[0] == ("2", "2", "1", "−4")
