"""Losses by hand, and which data they fit."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from etude.data.splits import Part
from etude.engine import loop
from etude.engine.losses import LOSSES, ROW_LOSSES, balanced_weights, objective_for, objective_of
from etude.values.code import Code
from etude.values.errors import RecipeError
from etude.values.metric import METRICS
from etude.values.recipe import Recipe


def test_squared_error_of_probabilities_by_hand():
    # sigmoid(0) = 1/2 and sigmoid(ln 3) = 3/4; against 1 and 0: (1/4 + 9/16) / 2
    outputs = torch.tensor([[0.0], [torch.log(torch.tensor(3.0))]])
    assert float(objective_of("mse", "binary").function(outputs, torch.tensor([[1.0], [0.0]]))) == pytest.approx(
        13 / 32
    )


def test_squared_error_of_three_probabilities_by_hand():
    # softmax of equal outputs is 1/3 each; against one class: ((2/3)² + 2 (1/3)²) / 3 = 2/9
    found = objective_of("mse", "multiclass").function(torch.zeros(4, 3), torch.tensor([0, 1, 2, 2]))
    assert float(found) == pytest.approx(2 / 9)


def test_a_learners_sigmoid_and_mse_is_the_same_number():
    outputs, targets = torch.randn(20, 1), torch.randint(0, 2, (20, 1)).float()
    theirs = nn.MSELoss()(nn.Sigmoid()(outputs), targets)
    assert torch.equal(objective_of("mse", "binary").function(outputs, targets), theirs)


def test_both_names_of_the_log_loss_share_its_unit_and_squared_probability_does_not():
    assert objective_of("bce", "binary").unit == objective_of("cross_entropy", "binary").unit == "nats"
    assert objective_of("mse", "binary").unit == METRICS["brier"].unit
    assert objective_of("mse", "binary").unit != objective_of("mse", "multiclass").unit


def test_two_outputs_of_cross_entropy_are_the_logit_of_bce():
    logit, label = torch.tensor([[0.3], [-2.0]]), torch.tensor([1, 0])
    two = torch.cat([torch.zeros(2, 1), logit], dim=1)
    one = objective_of("bce", "binary").function(logit, label[:, None].float())
    assert float(objective_of("cross_entropy", "binary").function(two, label)) == pytest.approx(float(one))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_every_loss_is_a_scalar_on_the_data_it_fits_and_refused_elsewhere(loss, kind):
    if kind not in LOSSES[loss]:
        with pytest.raises(RecipeError, match=rf"loss '{loss}' is for .* this data is {kind}.*Losses for {kind} data"):
            objective_of(loss, kind)
        return
    objective = objective_of(loss, kind)
    outputs = torch.randn(6, objective.n_outputs(3))
    targets = torch.randint(0, 3, (6,)) if objective.per_class else torch.rand(6, 1)
    assert objective.function(outputs, targets).shape == ()


@pytest.mark.parametrize(
    ("loss", "kind", "outputs"),
    [
        (nn.BCEWithLogitsLoss(), "binary", 1),
        (nn.CrossEntropyLoss(), "binary", 2),
        (nn.NLLLoss(), "binary", 2),
        (nn.MultiMarginLoss(), "binary", 2),
        (nn.functional.cross_entropy, "binary", 2),
        (nn.MultiMarginLoss(), "multiclass", 2),
        (nn.HuberLoss(), "regression", 1),
    ],
)
def test_a_torch_loss_gets_the_outputs_its_users_expect(loss, kind, outputs):
    objective = objective_of(Code(function=loss), kind)
    assert objective.n_outputs(2) == outputs
    assert objective.unit.startswith("as defined by ")


def test_a_class_of_losses_is_refused_for_its_instance():
    with pytest.raises(RecipeError, match=r"HuberLoss is a class\. Give an instance: loss=HuberLoss\(\)"):
        objective_of(Code(function=nn.HuberLoss), "regression")


def test_a_loss_on_probabilities_is_refused_with_the_one_on_logits():
    with pytest.raises(RecipeError, match=r"BCELoss\(\) takes probabilities.*nn\.BCEWithLogitsLoss"):
        objective_of(Code(function=nn.BCELoss()), "binary")


# labels smoothed, classes weighted

FORMS = [(loss, kind) for loss, kinds in LOSSES.items() for kind in kinds if kind != "regression"]


def drawn(*, per_class: bool, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(3)
    labels = torch.randint(0, classes, (40,), generator=chance)
    outputs = 3 * torch.randn(40, classes if per_class else 1, generator=chance)
    return outputs, labels if per_class else labels[:, None].float()


def test_smoothed_cross_entropy_is_torchs_own():
    outputs, labels = drawn(per_class=True, classes=3)
    found = replace(objective_of("cross_entropy", "multiclass"), smoothing=0.2).of(outputs, labels)
    assert torch.equal(found, nn.CrossEntropyLoss(label_smoothing=0.2, reduction="none")(outputs, labels).mean())


def test_smoothed_bce_is_torchs_own_on_softer_targets():
    # y(1 - 0.2) + 0.1: 0.1 and 0.9
    outputs, labels = drawn(per_class=False, classes=2)
    found = replace(objective_of("bce", "binary"), smoothing=0.2).of(outputs, labels)
    soft = torch.where(labels == 1, 0.9, 0.1)
    assert float(found) == pytest.approx(float(nn.BCEWithLogitsLoss()(outputs, soft)))


def test_weighted_classes_are_torchs_weights_over_the_number_of_rows():
    outputs, labels = drawn(per_class=True, classes=3)
    weights = (0.5, 1.0, 4.0)
    found = replace(objective_of("cross_entropy", "multiclass"), weights=weights).of(outputs, labels)
    theirs = functional.cross_entropy(outputs, labels, weight=torch.tensor(weights), reduction="sum") / 40
    assert float(found) == pytest.approx(float(theirs))
    outputs, labels = drawn(per_class=False, classes=2)
    found = replace(objective_of("bce", "binary"), weights=(1.0, 4.0)).of(outputs, labels)
    theirs = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([4.0]))(outputs, labels)
    assert float(found) == pytest.approx(float(theirs))


@pytest.mark.parametrize(("loss", "kind"), FORMS)
def test_an_objective_that_is_smoothed_and_weighted_is_the_sum_over_rows_on_paper(loss, kind):
    classes, smoothing = (2 if kind == "binary" else 3), 0.3
    weights = (0.5, 2.0, 3.0)[:classes]
    plain = objective_of(loss, kind)
    outputs, targets = drawn(per_class=plain.per_class, classes=classes)
    logits = outputs if plain.per_class else torch.cat([torch.zeros_like(outputs), outputs], dim=1)
    total = 0.0
    for logit, label in zip(logits.double().softmax(dim=1).numpy(), targets.flatten().long().tolist(), strict=True):
        wanted = np.full(classes, smoothing / classes) + (1 - smoothing) * np.eye(classes)[label]
        squares = ((logit - wanted) ** 2).mean()
        total += weights[label] * (squares if loss == "mse" else -(wanted * np.log(logit)).sum())
    found = replace(plain, smoothing=smoothing, weights=weights).of(outputs, targets)
    assert float(found) == pytest.approx(total / 40, rel=1e-5)


@pytest.mark.parametrize(("loss", "kind"), FORMS)
def test_the_mean_of_the_rows_losses_is_the_loss_itself(loss, kind):
    objective = objective_of(loss, kind)
    outputs, targets = drawn(per_class=objective.per_class, classes=2 if kind == "binary" else 3)
    rows = ROW_LOSSES[objective.function](outputs, targets, 0.0)
    assert float(rows.mean()) == pytest.approx(float(objective.function(outputs, targets)))


def labelled(binary, *counts):
    """Those splits with as many training rows of each class."""
    made, targets = copy.copy(binary), np.repeat(np.arange(len(counts)), counts).astype(float)
    object.__setattr__(made, "train", Part(binary.train.inputs[: targets.size], targets))
    object.__setattr__(made, "classes", tuple("abc"[: len(counts)]))
    return made


def test_balanced_weights_count_each_class_alike_and_a_row_once_on_average(binary):
    # 30 + 10 + 5 rows in 3 classes: 45 / (3 · 30), 45 / (3 · 10), 45 / (3 · 5), and 30/2 + 10 · 3/2 + 5 · 3 = 45
    assert balanced_weights(labelled(binary, 30, 10, 5)) == (0.5, 1.5, 3.0)


def test_a_class_without_training_rows_counts_as_having_one(binary):
    # 30 + 10 rows in the 2 classes that there are: 40 / (2 · 30), 40 / (2 · 10), and 40 / 2 of the third
    assert balanced_weights(labelled(binary, 30, 10, 0)) == pytest.approx((2 / 3, 2, 20))


def test_the_unit_says_what_was_done_to_labels_and_classes(binary):
    recipe = Recipe(data={"task": "xor"}, loss="bce", label_smoothing=0.1, class_weights="balanced")
    assert objective_for(recipe, binary).unit == "nats, labels smoothed by 0.1, each class counted alike"


def test_what_is_minimised_changes_and_scores_do_not(binary):
    plain = Recipe(data={"task": "xor"}, loss="bce", epochs=1)
    one, other = (
        loop.train_on(recipe, binary, 0) for recipe in (plain, Recipe(**dict(plain) | {"label_smoothing": 0.5}))
    )
    assert one.curve("validation/log_loss").values[0] == other.curve("validation/log_loss").values[0]
    assert one.curve("validation/objective").values[0] != other.curve("validation/objective").values[0]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"loss": "mse", "label_smoothing": 0.1}, r"label_smoothing=0\.1 is for classes.*numbers to predict"),
        ({"loss": "l1", "class_weights": "balanced"}, r"class_weights='balanced' is for classes.*numbers to predict"),
    ],
)
def test_numbers_have_no_labels_to_smooth_or_weigh(regression, fields, says):
    with pytest.raises(RecipeError, match=says):
        objective_for(Recipe(data={"task": "waves"}, **fields), regression)


def test_ones_own_loss_is_left_to_its_owner(binary):
    with pytest.raises(RecipeError, match="the loss is a function of your own"):
        objective_for(Recipe(data={"task": "xor"}, loss=nn.BCEWithLogitsLoss(), label_smoothing=0.1), binary)
