"""An update taken apart, as a table with bars in it."""

import re
from dataclasses import replace

import pytest

from etude.figures.update_parts import (
    MOST_TENSORS,
    coordinate_parts,
    draw_parts,
    table_heads,
    table_rows,
    tensor_parts,
)
from etude.values.step_record import Coordinate, Part, TensorStep


def tensor(name, norm, **shares):
    parts = tuple(Part(part.replace("_", " "), abs(share) * norm, share) for part, share in shares.items())
    return TensorStep(name, (2, 2), parts, (), 1.0, 1.0, norm, norm, norm, None, 0.0)


def test_shares_of_each_tensor_sum_to_the_whole_step_and_the_longest_step_comes_first(steps):
    data = tensor_parts(steps[1].tensors)
    norms = {one.name: one.step_norm for one in steps[1].tensors}
    assert [row.label for row in data.rows] == sorted(norms, key=lambda name: -norms[name])
    assert [row.total for row in data.rows] == pytest.approx([1.0] * 6)


def test_what_each_part_adds_to_a_weight_sums_to_its_step(steps):
    data = coordinate_parts(steps[1].strongest)
    assert [sum(row.cells) for row in data.rows] == pytest.approx([one.step for one in steps[1].strongest])
    assert [row.total for row in data.rows] == pytest.approx([one.step for one in steps[1].strongest])


def test_a_part_that_only_some_tensors_have_is_a_dash_for_the_others():
    data = tensor_parts([tensor("a", 2.0, data_gradient=0.7, decoupled_decay=0.3), tensor("b", 1.0, data_gradient=1.0)])
    assert data.columns == ("data gradient", "decoupled decay")
    assert data.rows[1].cells == (1.0, None)
    assert table_rows(data)[1] == ("b", "100 %", "–", "100 %")
    assert table_heads(data) == ("tensor", "data gradient", "decoupled decay", "the step")


def test_bars_are_as_long_as_their_cells_beside_the_longest_and_point_where_they_go():
    drawn = draw_parts(tensor_parts([tensor("a", 1.0, data_gradient=2.0, clipping=-1.0)]))
    assert re.findall(r'<i class="(\w+)">', drawn) == ["p20", "n10", "p10"]  # of 2, minus 1 and their sum


def test_tensors_that_did_not_move_have_no_row():
    frozen = replace(tensor("a", 0.0), untouched="frozen")
    assert tensor_parts([frozen]) is None
    assert coordinate_parts([]) is None


def test_names_are_escaped():
    one = Coordinate("<b>", (0,), 1.0, 1.0, 0.5, {"<i>": 0.5}, {})
    assert "<b>" not in draw_parts(coordinate_parts([one]))
    assert "<i>" not in draw_parts(coordinate_parts([one])).replace('<i class="', "")


def test_of_too_many_tensors_those_with_the_longest_steps_are_drawn_and_the_others_counted():
    many = [tensor(str(i), float(i + 1), data_gradient=1.0) for i in range(MOST_TENSORS + 3)]
    data = tensor_parts(many)
    assert (len(data.rows), data.left) == (MOST_TENSORS, 3)
    assert data.rows[0].label == str(MOST_TENSORS + 2)
