"""SVG text: escaped, well formed, compact."""

import xml.etree.ElementTree as ET

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from etude.figures.svg import band_path, dots, element, line_path, picture, text


@given(st.text(), st.text())
def test_any_words_give_well_formed_xml(title, label):
    ET.fromstring(picture(title, label, text(label, x=1), class_=label))


def test_words_survive_as_they_were():
    drawn = ET.fromstring(picture('a <b> & "c"\'', "d", text("</text>")))
    assert drawn[0].text == 'a <b> & "c"\''
    assert drawn[2].text == "</text>"


def test_an_attribute_that_is_none_is_left_out():
    assert element("path", d="M0 0", stroke_dasharray=None) == '<path d="M0 0"/>'


def test_dots_lie_at_their_percentages_between_two_heights():
    path = ET.fromstring(dots([0.0, 50.0, 99.96], (4.0, 20.0), height=26, size=5.0)).find("{*}path").get("d")
    points = [tuple(map(int, point.removesuffix("h0").split())) for point in path.split("M")[1:]]
    assert points == [(0, 4), (500, 14), (1000, 8)]  # 16 times 0, 0.618 and 0.236 below the first height


def walked(path):
    """The points a relative path visits, by the slow and obvious reading of its numbers."""
    points = []
    for piece in path.split("M")[1:]:
        start, moves = piece.rstrip("z").split("l")
        points.append([int(n) for n in start.replace("-", " -").split()])
        numbers = [int(n) for n in moves.replace("-", " -").split()]
        for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
            points.append([points[-1][0] + dx, points[-1][1] + dy])
    return points


def test_relative_steps_do_not_drift_from_the_rounded_points():
    x, y = np.linspace(0, 300, 400), 100 + 100 * np.sin(np.linspace(0, 9, 400))
    assert walked(line_path(x, y))[-1] == [round(x[-1]), round(y[-1])]
    assert {tuple(p) for p in walked(line_path(x, y))} == set(zip(np.rint(x), np.rint(y), strict=True))


def test_nan_breaks_a_line_in_two():
    path = line_path(np.arange(5.0), np.array([1.0, 2.0, np.nan, 4.0, 5.0]))
    assert path == "M0 1l1 1M3 4l1 1"


def test_a_line_of_nothing_but_nan_is_empty():
    assert line_path(np.arange(3.0), np.full(3, np.nan)) == ""


def test_a_band_goes_along_the_top_and_back_along_the_bottom():
    path = band_path(np.array([0.0, 10.0]), np.array([5.0, 6.0]), np.array([1.0, 2.0]))
    assert walked(path) == [[0, 1], [10, 2], [10, 6], [0, 5]]
    assert path.endswith("z")
