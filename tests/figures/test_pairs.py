"""Two arms under the glass, pair by pair."""

import math

import pytest

from etude.figures.pairs import describe, draw_pairs, middle, pairs_data, pairs_row, ratio_text


def row(ratios=(0.25, 0.5), mean=(0.35, 0.2, 0.6), name="its gradient"):
    return pairs_row(name, "unit", ((1.0,) * len(ratios), ratios), mean)


def data(*rows):
    return pairs_data(rows, control="BCE", treated="MSE", level=0.95)


def test_a_ratio_is_treated_over_control_and_a_pair_whose_control_is_nothing_has_none():
    made = pairs_row("", "", ((2.0, 0.0, math.inf), (1.0, 3.0, 1.0)), (1.0, 1.0, 1.0))
    assert made.ratios == (0.5,)


def test_the_axis_holds_all_of_it_and_half_to_twice_at_least():
    assert data(row()).axis.low < 0.2
    assert data(row()).axis.high > 2.0


def test_the_sentence_has_each_mean_with_its_interval():
    assert describe(data(row())) == (
        "2 pairs; geometric means with 95 % intervals, by Student's t: its gradient × 0.35 (0.2 to 0.6)."
    )


def test_a_quantity_without_an_estimate_says_so():
    lost = row((0.5,), (math.nan,) * 3)
    assert ratio_text(lost) == "no estimate"
    assert "no estimate" in draw_pairs(data(lost))
    assert "nan" not in draw_pairs(data(lost))
    assert data(row((), (math.nan,) * 3)) is None


def test_an_interval_without_an_end_reaches_the_edge():
    drawn = draw_pairs(data(row(mean=(0.35, 0.0, math.inf))))
    assert "inf" not in drawn
    assert 'class="pair-reach"' in drawn


def test_it_is_as_wide_as_there_is_room_and_long_names_get_a_line_each():
    drawn = draw_pairs(data(row()))
    assert 'width="100%"' in drawn
    assert "viewBox" not in drawn
    assert drawn.count('y="12"') == 2
    long = pairs_data([row()], control="a", treated="learning rate 0.00012345", level=0.95)
    assert draw_pairs(long).count('y="12"') == 1


def test_names_are_escaped():
    assert "<b>" not in draw_pairs(data(row(name="<b>")))


@pytest.mark.parametrize(("values", "found"), [((1.0, 2.0), 1.5), ((math.inf, 4.0), 4.0)])
def test_the_middle_is_of_what_is_finite(values, found):
    assert middle(values) == found
    assert math.isnan(middle((math.nan,)))
