"""A rectangle with two axes."""

import re

import numpy as np

from etude.figures.axes import axis
from etude.figures.plane import Plane

PLANE = Plane(axis(0.0, 10.0), axis(0.0, 1.0), left=20, top=10, width=100, height=50)


def test_a_point_falls_where_its_coordinates_say_with_up_above_down():
    assert PLANE.point(0.0, 0.0) == (20.0, 60.0)
    assert PLANE.point(5.0, 1.0) == (70.0, 10.0)


def test_a_line_ends_where_it_leaves_the_plane_and_begins_where_it_comes_back():
    # heights 0.5, 1.5 and 0.5 at x = 0, 4 and 8: it is above the plane, whose top is at 10, from x = 2 to 6
    d = re.search('d="([^"]*)"', PLANE.line([0.0, 4.0, 8.0], [0.5, 1.5, 0.5]))[1]
    assert d == "M80 140l80-100M320 40l80 100"  # four times (20, 35), (40, 10), and (80, 10), (100, 35)


def test_a_line_that_passes_through_the_whole_plane_between_two_points_is_drawn_from_edge_to_edge():
    d = re.search('d="([^"]*)"', PLANE.line([0.0, 4.0], [-1.0, 3.0]))[1]
    assert d == "M120 240l40-200"  # from height 0 at x = 1 to height 1 at x = 2


def test_what_is_no_number_breaks_the_line():
    drawn = PLANE.line([0.0, 1.0, 2.0, 3.0, 4.0], [0.5, 0.5, np.nan, 0.5, 0.5])
    assert drawn.partition('d="')[2].partition('"')[0].count("M") == 2
    assert 'd=""' in PLANE.line([0.0, 1.0], [np.inf, np.nan])


def test_the_frame_has_round_numbers_and_names():
    told = "".join(PLANE.frame(("steps", "loss")))
    assert ">steps<" in told
    assert ">loss<" in told
    assert ">0.50<" in told or ">0.5<" in told
