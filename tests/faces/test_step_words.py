"""A step in words."""

import math
from dataclasses import replace
from typing import get_args

import pytest

from etude.faces.step_words import (
    FORMULAS,
    LAYER_HEADS,
    REGIME_MEANING,
    REGIME_STYLES,
    TENSOR_HEADS,
    check_text,
    course_cells,
    curvature_sentence,
    dead_text,
    factor_cells,
    factor_heads,
    headline,
    layer_cells,
    noise_sentence,
    path_lines,
    pulls_sentence,
    subline,
    tensor_cells,
    update_sentence,
    worked_rows,
)
from etude.values.step_record import Noise, Regime


def told(record, before, after, first, regime):
    return replace(
        record, step=40, worked=replace(record.worked, before=before, after=after, first=first, regime=regime)
    )


@pytest.mark.parametrize(
    ("before", "after", "first", "regime", "says"),
    [
        (
            0.5,
            0.4,
            -0.125,
            "linear regime",
            "lowered the loss by 0.1, 80 % of what first order promised: linear regime.",
        ),
        (0.5, 0.6, -0.125, "overshoot", "raised the loss by 0.1, where first order promised −0.125: overshoot."),
        (0.5, 0.6, 0.05, "uphill", "raised the loss by 0.1; first order expected +0.05: uphill."),
        (0.5, 0.4, 0.05, "uphill", "lowered the loss by 0.1; first order expected +0.05: uphill."),
        (0.5, 0.5, 0.0, "no step", "moved no weight."),
        (0.5, math.nan, -0.125, "overshoot", "took the loss from 0.5 to NaN."),
        (0.5, math.inf, -0.125, "overshoot", "took the loss from 0.5 to infinity."),
        (
            math.nan,
            math.nan,
            math.nan,
            "not finite",
            "began with a loss of NaN, so that nothing can be said of it: not finite.",
        ),
        (0.5, 0.5, -0.125, "kink-limited", "left the loss as it was, 0 % of what first order promised: kink-limited."),
    ],
)
def test_the_headline_is_what_the_step_did_beside_what_was_promised(steps, before, after, first, regime, says):
    assert headline(told(steps[0], before, after, first, regime)) == f"Step 40 {says}"


def test_every_regime_is_explained_and_has_a_colour():
    assert set(REGIME_MEANING) == set(REGIME_STYLES) == set(get_args(Regime))


def test_the_subline_leaves_out_settings_that_are_off(steps):
    record = replace(steps[0], settings={"betas": "0.9, 0.999", "weight_decay": 0.1, "amsgrad": False, "momentum": 0.0})
    assert subline(record) == (
        "AdamW, learning rate 0.05, betas 0.9, 0.999, weight decay 0.1; 24 examples in the batch; numbers in float64."
    )


def test_the_table_of_whether_it_worked_has_every_number_of_it(steps):
    rows = {name: value for name, value, _ in worked_rows(steps[1].worked)}
    assert rows["change"] == "−0.0179"
    assert rows["kinks crossed"] == "8 (4.8 %)"  # of 24 examples and 7 units
    assert len(rows) == 8
    assert worked_rows(replace(steps[1].worked, of=0))[-1][1] == "none"


def test_a_layer_is_a_row_with_a_cell_for_each_head(steps):
    for layer in steps[0].layers:
        assert len(layer_cells(layer)) == len(LAYER_HEADS)
    dead = replace(steps[0].layers[1], dead=1, dead_on_set=None)
    assert dead_text(dead) == "1 of 4"
    assert dead_text(replace(dead, dead_on_set=2)) == "1 of 4, 2 on the set"


def test_a_tensor_is_a_row_and_one_that_did_not_move_says_why(steps):
    for tensor in steps[0].tensors:
        assert len(tensor_cells(tensor)) == len(TENSOR_HEADS)
    frozen = replace(steps[0].tensors[0], untouched="frozen")
    assert tensor_cells(frozen)[3] == "frozen"
    assert len(tensor_cells(frozen)) == len(TENSOR_HEADS)
    assert "nan" not in "".join(tensor_cells(replace(steps[0].tensors[0], ratio=math.nan, rate=math.nan))).lower()


def test_factors_are_one_number_or_the_smallest_the_median_and_the_largest(steps):
    heads = factor_heads(steps[0].tensors)
    cells = dict(zip(heads, factor_cells(steps[0].tensors[0], heads), strict=True))
    assert cells["learning rate"] == "0.05"
    assert cells["1/(√v̂+ε)"].count("…") == 2


def test_the_update_is_told_by_its_largest_parts_and_whether_it_is_a_sign_step(steps):
    assert "2.weight moved farthest" in update_sentence(steps[1])
    assert "bias correction 83 %" in update_sentence(steps[1])
    signs = tuple(replace(one, signs=1.0) for one in steps[1].tensors)
    assert "mostly a sign step: 100 %" in update_sentence(replace(steps[1], tensors=signs))
    none = tuple(replace(one, signs=None) for one in steps[1].tensors)
    assert "sign step" not in update_sentence(replace(steps[1], tensors=none))
    still = tuple(replace(one, step_norm=0.0) for one in steps[1].tensors)
    assert update_sentence(replace(steps[1], tensors=still)) == "Nothing moved."


def test_the_path_is_its_sum_its_check_and_what_it_means_for_the_loss(steps):
    path = replace(steps[1].path, total=2.0, autograd=2.0, target=-0.5, weight=("w", (1, 0)))
    lines = path_lines(path)
    assert "∂ output 0 / ∂ w[1, 0] = +2, the sum over 3 routes; automatic differentiation says +2." in lines[0]
    assert "= −0.5 × +2 = −1." in lines[2]


def test_a_check_that_could_not_be_made_says_why(steps):
    path = replace(steps[0].path, difference=None, error=None, kinks=("unit 2 of layer 1",))
    assert "no check by differences" in check_text(path)
    assert "At a kink, and left out of the check: unit 2 of layer 1." in check_text(path)


def test_who_is_helped_is_told_with_how_many_of_them_were_flipped_where_that_is_known(steps):
    pulls = steps[0].pulls
    flipped = replace(pulls, helped=tuple(replace(one, flipped=True) for one in pulls.helped))
    assert "5 had its label flipped" in pulls_sentence(flipped)
    unknown = replace(
        pulls,
        helped=tuple(replace(one, flipped=None) for one in pulls.helped),
        hurt=tuple(replace(one, flipped=None) for one in pulls.hurt),
    )
    assert "label" not in pulls_sentence(unknown)


def test_noise_that_cannot_be_estimated_says_why_and_gives_no_number():
    told = noise_sentence(Noise(-1.0, 2.0, 4, None, None, "not estimable from this batch: too few"))
    assert told == "The noise scale is not estimable from this batch: too few."
    assert "more signal than noise" in noise_sentence(Noise(1.0, 2.0, 4, 2.0, 2.0, ""))
    assert "more noise than signal" in noise_sentence(Noise(1.0, 8.0, 4, 0.5, 8.0, ""))


@pytest.mark.parametrize(("sharpness", "says"), [(50.0, "below"), (90.0, "near"), (110.0, "beyond")])
def test_sharpness_is_held_against_what_the_optimiser_allows(steps, sharpness, says):
    curvature = replace(steps[0].curvature, sharpness=sharpness, limit=100.0)
    assert f"{says} the edge of stability" in curvature_sentence(curvature)


def test_a_step_without_a_promise_has_no_share_of_it(steps):
    record = replace(steps[0], worked=replace(steps[0].worked, first=0.0))
    assert course_cells(record)[4] == "–"


def test_every_formula_has_its_source():
    assert all(name and formula and source for name, formula, source in FORMULAS)


def test_a_step_that_is_no_number_is_told_as_that_and_not_as_one_that_moved_nothing(steps):
    nan = math.nan
    lost = replace(steps[0].tensors[0], name="a", step_norm=nan, ratio=nan, rate=nan, signs=nan)
    record = replace(steps[0], tensors=(lost, *steps[0].tensors[1:]))
    assert update_sentence(record) == "The step of a is not finite."
    assert tensor_cells(lost)[4:] == ("not finite",) * 4
    worked = replace(record.worked, before=nan, after=nan, kinks=0, of=0)
    assert worked_rows(worked)[-1][1] == "not finite"
