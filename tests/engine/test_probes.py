"""What a copy of a model tells, with the model itself as it was."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.probes import Batch, activity, by_heart, mixing, modes, on_a_copy, sight


def batch(rows=16, criterion=None):
    chance = torch.Generator().manual_seed(3)
    x = torch.randn(rows, 4, generator=chance)
    return Batch(x, x[:, :1] * x[:, 1:2], criterion or nn.MSELoss())


def net(*middle, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), *middle, nn.Linear(32, 1))


def found(model, given, probe):
    measured, note = on_a_copy(model, given, probe)
    assert note == ""
    return measured


@pytest.mark.parametrize("probe", [activity, modes, mixing, sight, by_heart], ids=lambda f: f.__name__)
def test_model_and_chance_are_left_as_they_were(probe):
    model = net(nn.BatchNorm1d(32), nn.Dropout(0.5))
    model.train()
    model(batch().inputs).sum().backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [one.grad.clone() for one in model.parameters()]
    chance = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())
    assert found(model, batch(), probe)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(one.grad, kept) for one, kept in zip(model.parameters(), gradients, strict=True))
    assert torch.equal(torch.get_rng_state(), chance[0])
    assert (np.random.get_state()[1] == chance[1]).all()
    assert random.getstate() == chance[2]
    assert all(module.training for module in model.modules())


def test_dropout_makes_no_difference_between_the_modes():
    assert found(net(nn.Dropout(0.5)), batch(), modes) == {"probes/eval_train_difference": 0.0}


def test_batch_norm_without_any_training_differs_between_the_modes_as_its_averages_do():
    # in evaluation mode a fresh batch norm leaves 3 and 5 as they are, in training mode they become -1 and 1:
    # distance √(4² + 4²) over length √(3² + 5²)
    model = nn.BatchNorm1d(1, eps=1e-12)
    given = Batch(torch.tensor([[3.0], [5.0]]), torch.zeros(2, 1), nn.MSELoss())
    assert found(model, given, modes)["probes/eval_train_difference"] == pytest.approx((32 / 34) ** 0.5)


class DropoutOfItsOwn(nn.Module):
    """Drops by a function, which no one can switch off from outside."""

    def forward(self, x):
        """Half of the inputs, doubled, while it is trained."""
        return nn.functional.dropout(x, 0.5, training=self.training)


def test_chance_of_its_own_is_taken_off_the_difference():
    torch.manual_seed(0)
    given = Batch(torch.ones(4096, 4), torch.zeros(4096, 4), nn.MSELoss())
    # outputs are 0 or 2 in place of 1, a distance of 1 for every number if nothing were taken off
    assert found(DropoutOfItsOwn(), given, modes)["probes/eval_train_difference"] < 0.2


def test_examples_that_know_nothing_of_each_other_do_not_mix():
    assert found(net(nn.BatchNorm1d(32)), batch(), mixing) == {"probes/batch_mixing": 0.0}


class Mixing(nn.Module):
    """Adds a share of the batch's mean to every example."""

    def forward(self, x):
        """Shape (n, 4) to (n, 4)."""
        return x + 0.5 * x.mean(dim=0)


def test_a_mean_over_the_batch_mixes():
    # of 8 examples: by one's own input 1 + 0.5/8, by another's 0.5/8
    given = Batch(torch.randn(32, 4), torch.zeros(32, 4), nn.MSELoss())
    assert found(Mixing(), given, mixing)["probes/batch_mixing"] == pytest.approx((0.5 / 8) / (1 + 0.5 / 8))


def test_examples_of_classes_mix_through_their_embeddings():
    apart = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 2))
    mixed = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), Mixing(), nn.Linear(12, 2))
    given = Batch(torch.randint(9, (16, 3)), torch.zeros(16, dtype=torch.long), nn.CrossEntropyLoss())
    assert found(apart, given, mixing) == {"probes/batch_mixing": 0.0}
    assert found(mixed, given, mixing)["probes/batch_mixing"] == pytest.approx((0.5 / 8) / (1 + 0.5 / 8), rel=1e-5)


def test_a_network_learns_a_few_examples_by_heart():
    measured = found(net(nn.Dropout(0.5)), batch(), by_heart)
    assert measured["probes/one_batch_loss"] < 0.01 < measured["probes/one_batch_start"]


def test_a_network_that_is_cut_off_learns_nothing_by_heart():
    model = net()
    model.requires_grad_(requires_grad=False)
    model[2].bias.requires_grad_(requires_grad=True)
    given = batch()
    # only the constant can move, so what is left is the variance about it
    few = (given.targets - model(given.inputs).detach())[:8]
    left = float(few.var(correction=0))
    assert found(model, given, by_heart)["probes/one_batch_loss"] == pytest.approx(left, rel=0.02)


def test_a_network_that_ignores_its_inputs_is_as_good_without_them():
    blind = nn.Linear(4, 1)
    nn.init.zeros_(blind.weight)
    measured = found(blind, batch(), sight)
    assert measured["probes/blind_loss"] == pytest.approx(measured["probes/seeing_loss"])


def test_a_network_that_uses_its_inputs_is_worse_with_those_of_others():
    # the identity on ±1 has no loss with its own inputs; with another's it is 4 where these differ, 8/15 of the time
    given = Batch(torch.tensor([[1.0], [-1.0]] * 8), torch.tensor([[1.0], [-1.0]] * 8), nn.MSELoss())
    measured = found(nn.Identity(), given, sight)
    assert measured["probes/seeing_loss"] == 0.0
    assert measured["probes/blind_loss"] == pytest.approx(4 * 8 / 15, abs=0.8)


@pytest.mark.parametrize(
    ("criterion", "outputs"),
    [
        (nn.BCEWithLogitsLoss(), [[-9.0], [0.0], [9.0], [1.0]]),
        (nn.CrossEntropyLoss(), [[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]),
    ],
)
def test_confident_probabilities_are_told_where_the_loss_tells_what_outputs_mean(criterion, outputs):
    given = Batch(torch.tensor(outputs), None, criterion)
    assert found(nn.Identity(), given, activity) == {"signals/confident": 0.5}


def test_a_model_may_take_several_inputs():
    class Two(nn.Module):
        """A sum of two."""

        def forward(self, a, b):
            """Of one shape."""
            return a + b

    x = torch.randn(16, 2)
    for inputs in ((x, x), {"a": x, "b": x}):
        assert found(Two(), Batch(inputs, x, nn.MSELoss()), mixing) == {"probes/batch_mixing": 0.0}


def test_what_fails_is_told_and_nothing_is_raised():
    measured, note = on_a_copy(nn.Linear(3, 1), batch(), modes)
    assert measured == {}
    assert note.startswith("the probe 'modes' could not run: RuntimeError: mat1 and mat2")


def test_recurrent_networks_are_probed_too():
    class Reader(nn.Module):
        """Reads four moments and answers once."""

        def __init__(self):
            """One layer of eight."""
            super().__init__()
            self.cell, self.out = nn.GRU(1, 8, num_layers=2, dropout=0.5, batch_first=True), nn.Linear(8, 1)

        def forward(self, x):
            """Shape (n, 4) to (n, 1)."""
            return self.out(self.cell(x[..., None])[0][:, -1])

    torch.manual_seed(0)
    assert found(Reader(), batch(), mixing) == {"probes/batch_mixing": 0.0}
    assert found(Reader(), batch(), modes) == {"probes/eval_train_difference": 0.0}
