"""Losses by hand, and which data they fit."""

import pytest
import torch
from torch import nn

from etude.engine.losses import LOSSES, objective_of
from etude.values.code import Code
from etude.values.errors import RecipeError
from etude.values.metric import METRICS


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
