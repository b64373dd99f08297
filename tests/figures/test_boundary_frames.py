"""What a network of two inputs answers over the plane."""

from dataclasses import replace

import numpy as np
import pytest

from etude.figures.boundary_frames import describe, draw_frame, frame_data, table_rows
from etude.values.step_record import Boundary, UnitLine

SIDE = np.linspace(-1.0, 1.0, 21)
ACROSS = np.tile(0.5 + SIDE / 2, (21, 1))
"""P(class 1) that crosses one half at x = 0."""


def boundary(**more):
    given = {"answers": ACROSS, "bayes": None, "lines": (), "points": np.zeros((0, 2)), "labels": np.zeros(0)}
    return Boundary(SIDE, SIDE, **{**given, **more})


def line(a, b, c, *, alive=True):
    return UnitLine(7, a, b, c, alive)


def test_the_boundary_is_where_the_answer_crosses_one_half():
    (found,) = frame_data(boundary(), step=1).boundaries
    assert found[:, 0] == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("given", "ends"),
    [
        (line(1.0, 0.0, -0.5), (0.5, -1.0, 0.5, 1.0)),  # x is one half
        (line(0.0, 2.0, 1.0), (-1.0, -0.5, 1.0, -0.5)),  # y is minus one half
        (line(1.0, -1.0, 0.0), (-1.0, -1.0, 1.0, 1.0)),  # the diagonal, through both corners
    ],
)
def test_the_line_of_a_unit_goes_from_edge_to_edge(given, ends):
    ((_, found),) = frame_data(boundary(lines=(given,)), step=1).lines
    assert found == pytest.approx(ends)


def test_a_unit_whose_line_is_outside_the_frame_or_nowhere_is_not_drawn_but_listed():
    data = frame_data(boundary(lines=(line(1.0, 0.0, -3.0), line(0.0, 0.0, 1.0))), step=1)
    assert data.lines == ()
    assert len(table_rows(data)) == 2


def test_dead_units_are_named_as_such():
    data = frame_data(boundary(lines=(line(1.0, 0.0, 0.0, alive=False), line(1.0, 0.0, 0.2))), step=1)
    assert ">7 dead<" in draw_frame(data)
    assert "Dead on the batch: unit 7 of the first layer, of 2 units." in describe(data)
    assert [row[2] for row in table_rows(data)] == ["dead", "alive"]


def test_agreement_is_the_share_of_the_plane_with_the_same_class():
    # of 21 columns, Bayes says class 1 from x = ½ on; the two disagree on 0.1, 0.2, 0.3 and 0.4
    bayes = np.tile(np.where(SIDE > 0.45, 0.9, 0.1), (21, 1))
    assert frame_data(boundary(bayes=bayes), step=1).agreement == pytest.approx(17 / 21)


def test_a_regression_has_no_boundary_and_the_colours_span_its_predictions():
    data = frame_data(boundary(answers=ACROSS * 10 - 2), step=1)
    assert data.boundaries == ()
    assert data.scale == pytest.approx((-2.0, 8.0))
    assert "from −2 to 8" in describe(data)


def test_answers_that_are_no_numbers_have_no_picture(steps):
    assert frame_data(boundary(answers=np.full((21, 21), np.nan)), step=1) is None
    assert frame_data(replace(steps[0].boundary, bayes=None), step=1).bayes == ()


def test_examples_outside_the_frame_are_left_out():
    data = frame_data(boundary(points=np.array([[0.0, 0.0], [5.0, 0.0]]), labels=np.array([1.0, 1.0])), step=1)
    assert draw_frame(data).count("h0") == 1
