"""What is taken for what."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from etude.figures.confusion import MOST_CONFUSIONS, confusion_data, confusion_text, draw_confusion, table_rows

ABC = ("a", "b", "c")
COUNTS = np.array([[8, 2, 0], [1, 9, 0], [0, 5, 15]])


def texts(svg):
    return [found.text for found in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def paths(svg, look):
    return "".join(
        found.get("d")
        for found in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}path")
        if found.get("class") == look
    )


def evenly_wrong(classes):
    return np.ones((classes, classes), dtype=np.int64), tuple(map(str, range(classes)))


def test_replicates_are_added_up_and_each_row_is_a_share_of_its_class():
    data = confusion_data([COUNTS, COUNTS], ABC)
    assert data.counts.tolist() == (2 * COUNTS).tolist()
    assert data.accuracy == pytest.approx([0.8, 0.9, 0.75])
    assert data.shares[2].tolist() == pytest.approx([0, 0.25, 0.75])
    assert data.right == pytest.approx(32 / 40)
    assert (data.answers, data.runs) == (80, 2)


@given(arrays(np.int64, (4, 4), elements=st.integers(0, 1000)))
def test_the_shares_of_every_class_that_has_rows_sum_to_one(counts):
    sums = confusion_data([counts], "abcd").shares.sum(axis=1)
    assert sums[counts.sum(axis=1) > 0] == pytest.approx(1)
    assert np.isnan(sums[counts.sum(axis=1) == 0]).all()


def test_confusions_are_told_by_how_often_they_happened_as_a_share_of_the_true_class():
    said = [confusion_text(found) for found in confusion_data([COUNTS], ABC).confusions]
    assert said == [
        "c taken for b: 25.0 % of class c",
        "a taken for b: 20.0 % of class a",
        "b taken for a: 10.0 % of class b",
    ]


def test_a_matrix_without_mistakes_says_so():
    data = confusion_data([np.diag([5, 5])], ("0", "1"))
    assert data.confusions == ()
    assert "No row was taken for another class." in draw_confusion(data)


def test_every_cell_that_happened_has_its_share_in_per_cent_and_the_others_are_empty():
    svg = draw_confusion(confusion_data([COUNTS, COUNTS], ABC))
    assert [said for said in texts(svg) if said[0].isdigit()] == ["80", "20", "10", "90", "25", "75"]
    assert paths(svg, "right").count("M") == 3
    assert paths(svg, "wrong").count("M") == 3


def test_a_rare_confusion_keeps_a_decimal():
    svg = draw_confusion(confusion_data([np.array([[997, 3], [0, 1000]])], ("0", "1")))
    assert "0.3" in texts(svg)


def test_what_is_right_is_told_apart_by_a_frame_as_well_as_by_colour():
    assert paths(draw_confusion(confusion_data([COUNTS], ABC)), "diagonal").count("M") == 3


def test_the_shares_of_many_classes_are_the_areas_of_squares():
    counts, classes = np.diag([100] * 20), tuple(map(str, range(20)))
    counts[0, :2] = 75, 25
    svg = draw_confusion(confusion_data([counts], classes))
    assert "M0.5 0.5h11" not in paths(svg, "right")
    assert "M12.5 12.5h11" in paths(svg, "right")  # a whole cell of 12, less its gap
    assert paths(svg, "wrong").split("h")[1].startswith("6v")  # a quarter of the area: half of 11, rounded
    assert not any("." in said for said in texts(svg))


def test_more_than_thirty_classes_are_not_drawn_but_their_most_frequent_confusions_are_listed():
    data = confusion_data([evenly_wrong(31)[0]], evenly_wrong(31)[1])
    assert draw_confusion(data) == ""
    assert len(data.confusions) == MOST_CONFUSIONS
    assert draw_confusion(confusion_data([evenly_wrong(30)[0]], evenly_wrong(30)[1]))


@pytest.mark.parametrize("classes", [2, 3, 10, 12, 13, 30])
def test_all_of_the_picture_lies_inside_its_box_and_is_escaped(classes):
    names = tuple(f"<class {i} & more>" for i in range(classes))
    drawn = ET.fromstring(draw_confusion(confusion_data([evenly_wrong(classes)[0]], names)))
    width, height = map(float, drawn.get("viewBox").split()[2:])
    left, top = map(float, drawn.find(".//{*}g[@transform]").get("transform")[10:-1].split())
    side = float(drawn.find(".//{*}path[@class='ground']").get("d").split("h")[1].split("v")[0])
    assert left + side <= width
    assert top + side <= height
    assert [child.tag.rpartition("}")[2] for child in drawn][:2] == ["title", "desc"]


def test_a_class_without_rows_has_no_accuracy():
    data = confusion_data([np.array([[4, 0], [0, 0]])], ("0", "1"))
    assert table_rows(data)[1] == ("1", "0", "0", "–")
    ET.fromstring(draw_confusion(data))
