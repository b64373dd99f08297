"""The forest's numbers, and its drawing."""

import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from etude.figures.forest import (
    claim_forests,
    differences_text,
    draw_forest_axis,
    draw_forest_row,
    effect_estimate,
    forest_data,
    verdicts_of,
)
from etude.values.run import PICTURED

NOTHING = float("nan")


@pytest.fixture
def effect(effect):
    return replace(
        effect,
        mean=1.0,
        low=0.0,
        high=2.0,
        n_pairs=3,
        verdict="worse",
        factor="optimizer.coupled_weight_decay",
        control="0",
        treated="0.01",
        differences=(-1.0, 1.0, 3.0),
        p=0.05,
        p_sign_flip=0.25,
        smallest_effect=0.5,
    )


def test_positions_are_per_cent_of_an_axis_that_holds_everything(effect):
    # everything lies between -1 and 3; with 4 % of the width on both sides the axis runs from -1.16 to 3.16
    (data,) = forest_data([effect])
    (row,) = data.rows
    assert row.mean == pytest.approx(50)
    assert data.zero == pytest.approx(100 * 1.16 / 4.32)
    assert row.dots == pytest.approx((100 * 0.16 / 4.32, 50, 100 * 4.16 / 4.32))
    assert row.margin == pytest.approx((100 * 0.66 / 4.32, 100 * 1.66 / 4.32))
    assert [label for _, label in data.ticks] == ["−1", "0", "1", "2", "3"]


def test_every_metric_gets_a_forest_of_its_own(effect):
    other = replace(effect, metric="accuracy", unit="share correct", lower_is_better=False)
    one, two = forest_data([effect, other, effect])
    assert [len(one.rows), len(two.rows)] == [2, 1]
    assert (two.label, two.sides) == ("accuracy", ("worse", "better"))


def test_a_row_bears_the_claimants_words_and_what_was_claimed(effect):
    (data,) = claim_forests([replace(effect, says="L2 at last")], claimed=["better"])
    assert (data.rows[0].label, data.rows[0].claimed) == ("L2 at last", "better")


def test_a_gap_has_a_forest_of_its_own_with_words_that_fit(effect):
    gap = replace(effect, factor="split", control="train", treated="test", split="test − train")
    one, two = claim_forests([effect, gap])
    assert one.sides == ("better", "worse")
    assert two.sides == ("better on test", "worse on test")
    assert two.heading == "Gap in log loss (nats): test minus train, of the same runs"
    assert "← better on test" in draw_forest_axis(two)


def test_effects_of_a_claim_too_unlike_in_size_are_drawn_apart(effect):
    # reaches are 3, 33 and 39: the second shares the first's axis, the third would flatten it
    near, far = (replace(effect, differences=(-k, k, 3 * k), mean=float(k), smallest_effect=None) for k in (11, 13))
    small = replace(effect, smallest_effect=None)
    assert [len(data.rows) for data in claim_forests([small, near])] == [2]
    assert [len(data.rows) for data in claim_forests([small, far])] == [1, 1]
    assert [len(data.rows) for data in forest_data([small, far])] == [2]  # one family is one picture


def test_the_standard_deviation_lets_a_reader_check_the_interval(effect):
    # differences -1, 1, 3 have mean 1 and standard deviation 2
    (data,) = forest_data([effect])
    assert data.rows[0].deviation == 2.0


def test_the_estimate_says_unit_level_interval_and_pairs(effect):
    assert effect_estimate(effect, 1) == "+1.0 nats (95 % interval 0.0 to +2.0; 3 pairs)"
    assert effect_estimate(replace(effect, mean=NOTHING, n_pairs=0), 1) == "no estimate: 0 of 3 pairs finished"


def test_an_interval_without_ends_reaches_over_both_edges_and_is_called_no_bound_yet(effect):
    endless = replace(effect, low=-math.inf, high=math.inf)
    (data,) = forest_data([endless])
    drawn = draw_forest_row(data, data.rows[0])
    line = ET.fromstring(drawn).find("{*}line[@class='interval worse']")
    assert (line.get("x1"), line.get("x2")) == ("0%", "100%")
    assert (drawn.count("‹"), drawn.count("›")) == (1, 1)
    assert "95 % interval no bound yet" in drawn


def test_an_interval_open_on_one_side_has_one_arrow(effect):
    (data,) = forest_data([replace(effect, high=math.inf)])
    drawn = draw_forest_row(data, data.rows[0])
    assert (drawn.count("‹"), drawn.count("›")) == (0, 1)
    assert "from 0.0, no upper bound yet" in drawn


def test_a_mean_without_an_interval_is_a_mark_alone(effect):
    (data,) = forest_data([replace(effect, low=NOTHING, high=NOTHING)])
    drawn = draw_forest_row(data, data.rows[0])
    assert "interval worse" not in drawn
    assert "mark worse" in drawn


def test_one_enormous_interval_does_not_flatten_the_others(effect):
    wide = replace(effect, low=-1e6, high=1e6)
    (data,) = forest_data([effect, wide])
    assert data.rows[0].dots[-1] - data.rows[0].dots[0] > 50
    assert draw_forest_row(data, data.rows[1]).count("‹") == 1


def test_every_paired_difference_is_a_dot(effect):
    (data,) = forest_data([effect])
    drawn = ET.fromstring(draw_forest_row(data, data.rows[0]))
    (dots,) = drawn.findall(".//{*}path[@class='dots']")
    assert [point.partition(" ")[0] for point in dots.get("d").split("M")[1:]] == ["37", "500", "963"]
    assert drawn.findtext("{*}title") == "L2 weight decay: 0.01 against 0: worse"
    assert differences_text(data.rows[0], 1) == "−1.0, 1.0, 3.0"


def test_of_very_many_differences_the_first_are_drawn_and_all_are_counted(effect):
    many = replace(effect, differences=tuple(float(i % 7) for i in range(1000)))
    (data,) = forest_data([many])
    assert (data.pairs, len(data.rows[0].dots)) == (1000, PICTURED)
    assert differences_text(data.rows[0], 1).endswith(", and 800 more")
    assert data.rows[0].deviation == pytest.approx(2.0, abs=0.01)  # of a die with the faces 0 to 6


def test_the_verdicts_of_a_forest_are_counted_the_most_frequent_first(effect):
    (data,) = forest_data([effect, replace(effect, verdict="equivalent"), replace(effect, verdict="equivalent")])
    assert verdicts_of(data) == (("equivalent", 2), ("worse", 1))


def test_the_axis_says_which_side_is_better(effect):
    (lower,) = forest_data([effect])
    (higher,) = forest_data([replace(effect, lower_is_better=False)])
    assert "← better" in draw_forest_axis(lower)
    assert "better →" in draw_forest_axis(higher)


def test_an_effect_without_an_estimate_says_so(effect):
    blank = replace(effect, mean=NOTHING, low=NOTHING, high=NOTHING, differences=(NOTHING,), smallest_effect=None)
    (data,) = forest_data([blank])
    assert "no estimate" in draw_forest_row(data, data.rows[0])
    ET.fromstring(draw_forest_axis(data))


def test_no_effects_make_no_forest():
    assert forest_data([]) == ()
