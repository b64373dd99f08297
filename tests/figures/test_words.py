"""Effects as words."""

import math
from dataclasses import replace

import pytest

from etude.figures.words import (
    effect_detail,
    effect_label,
    effect_phrase,
    effect_sentence,
    effect_title,
    field_words,
    heading,
    level_words,
    outcome,
    shown_places,
    sides,
)


@pytest.fixture
def effect(effect):
    return replace(
        effect,
        mean=0.05,
        low=0.02,
        high=0.08,
        verdict="worse",
        factor="optimizer.coupled_weight_decay",
        control="0.0",
        treated="0.01",
        differences=(0.05,) * 16,
    )


@pytest.fixture
def gap(effect):
    return replace(effect, factor="split", control="train", treated="test", split="test − train")


@pytest.fixture
def beyond(effect):
    return replace(effect, factor="data.rows beyond model.hidden", control="5 → 10", treated="1000 → 1500")


@pytest.fixture
def together(effect):
    return replace(effect, factor="model.hidden × loss", control="4 × bce", treated="32 × mse")


def test_a_change_is_told_in_field_words_with_plain_numbers(effect):
    assert effect_label(effect) == "L2 weight decay: 0.01 against 0"
    assert effect_label(replace(effect, factor="model.hidden", control="none", treated="64-64")) == (
        "hidden units: 64-64 against none"
    )
    assert effect_phrase(effect) == "L2 weight decay 0.01 against 0"


def test_several_fields_at_once_are_named_after_the_arms(effect):
    both = replace(effect, factor="data.rows + loss", control="notebook 1", treated="notebook 2")
    assert effect_label(both) == "notebook 2 against notebook 1: rows and loss differ"


def test_a_gap_is_told_as_a_gap(gap):
    assert effect_label(gap) == "test minus train, the same runs"
    assert effect_detail(replace(gap, says="the gap of notebook 2")) == "test minus train, the same runs"
    assert effect_detail(gap) == ""
    assert outcome(gap) == "worse on test than on train"
    assert sides(gap) == ("better on test", "worse on test")
    assert sides(replace(gap, metric="accuracy", lower_is_better=False)) == ("worse on test", "better on test")


def test_two_changes_are_told_as_one_beyond_the_other(beyond):
    assert effect_label(beyond) == "rows: 1,500 against 1,000, beyond hidden units: 10 against 5"
    assert outcome(beyond) == "worse than the other change"
    assert sides(beyond) == ("favours rows", "favours hidden units")
    assert heading(beyond) == "One change’s effect on log loss (nats) minus the other’s · lower is better"


def test_one_change_in_two_places_is_told_by_order(effect):
    same = replace(effect, factor="loss beyond loss", control="bce → mse", treated="bce → mse")
    assert effect_label(same) == "loss: MSE against BCE, beyond loss: MSE against BCE"
    assert sides(same) == ("favours the first", "favours the second")


def test_two_changes_made_together_are_told_with_both_their_ends(together):
    assert effect_label(together).replace("\N{NO-BREAK SPACE}", " ") == "hidden units 4 → 32 × loss BCE → MSE"
    assert outcome(together) == "worse together than added up"
    assert outcome(replace(together, verdict="undecided")) == "undecided"
    assert sides(together) == ("better together", "worse together")
    assert sides(replace(together, lower_is_better=False)) == ("worse together", "better together")
    assert heading(together) == (
        "Both changes together, less the sum of what each does alone: log loss (nats) · lower is better"
    )


def test_the_sign_of_two_changes_inside_a_level_does_no_harm(together):
    odd = replace(together, treated="3 × 3 × mse")
    assert effect_label(odd) == "hidden units and loss: 3 × 3 × mse against 4 × bce"


def test_the_sign_of_a_change_inside_a_name_does_no_harm(beyond):
    odd = replace(beyond, treated="a → b → c")
    assert effect_label(odd) == "a → b → c, beyond 5 → 10"


def test_a_persons_words_come_first_and_are_not_repeated(effect):
    worded = replace(effect, says="L2 where nothing overfits")
    assert effect_title(worded) == "L2 where nothing overfits"
    assert effect_detail(worded) == "L2 weight decay: 0.01 against 0 · scored on test"
    assert effect_detail(effect) == "scored on test"


def test_a_title_that_says_the_levels_already_needs_no_label_under_it(effect):
    loss = replace(effect, factor="loss", control="bce", treated="mse", says="MSE against BCE, four times as long")
    assert effect_detail(loss) == "scored on test"


def test_a_sentence_begins_with_a_capital_and_says_on_what(gap):
    told = effect_sentence(replace(gap, says="the gap of notebook 2"))
    assert told == "The gap of notebook 2: log loss +0.050 nats (+0.020 to +0.080), worse on test than on train."


def test_an_endless_interval_is_told_as_no_bound_yet(effect):
    endless = replace(effect, low=-math.inf, high=math.inf, verdict="undecided")
    assert shown_places(endless) == 3  # of the mean, 0.05
    assert effect_sentence(endless).endswith("log loss +0.050 nats (no bound yet), undecided.")


@pytest.mark.parametrize(
    ("factor", "level", "says"),
    [
        ("loss", "cross_entropy", "cross-entropy"),
        ("loss", "HuberLoss()", "HuberLoss()"),
        ("optimizer.learning_rate", "1000000.0", "1,000,000"),
        ("optimizer.learning_rate", "1e-05", "1e-05"),
        ("clip_norm", "none", "none"),
        ("anything", "nan", "nan"),
    ],
)
def test_levels_are_told_as_people_write_them(factor, level, says):
    assert level_words(factor, level) == says


def test_images_are_mirrored_and_labels_flipped():
    assert [field_words(path) for path in ("augment.flip", "data.flip", "augment")] == [
        "mirrored",
        "flipped labels",
        "augmentation",
    ]
