"""A small network with one example in it, by numbers that can be reckoned by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.microscope.network_seen import network_of


def by_hand():
    """2 inputs, a hidden layer that is (x1, -x2) before its ReLU, and the sum of both."""
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
        model[2].weight.fill_(1.0)
        model[2].bias.zero_()
    return model


def test_values_errors_and_gradients_are_those_of_the_example(scene_of):
    x, y = torch.tensor([[9.0, 9.0], [3.0, 2.0]]), torch.tensor([[0.0], [1.0]])
    seen = network_of(scene_of(by_hand(), (x, y), nn.MSELoss()), 1)
    assert seen.names == ("inputs", "0", "2")
    assert [one.tolist() for one in seen.values] == [[3.0, 2.0], [3.0, 0.0], [3.0]]
    assert [one.tolist() for one in seen.errors] == [[4.0, 0.0], [4.0, 4.0], [4.0]]  # 2 (3 - 1)
    assert [one.tolist() for one in seen.weights] == [[[1.0, 0.0], [0.0, -1.0]], [[1.0, 1.0]]]
    assert [one.tolist() for one in seen.gradients] == [[[12.0, 8.0], [0.0, 0.0]], [[12.0, 0.0]]]
    assert seen.example == 1
    assert not seen.values[0].flags.writeable


def test_gradients_of_all_examples_are_that_of_the_batch(scene_of):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Dropout(0.4), nn.LayerNorm(5), nn.Tanh(), nn.Linear(5, 2))
    scene = scene_of(model, (torch.randn(7, 3), torch.tensor([0, 1, 1, 0, 1, 0, 0])), nn.CrossEntropyLoss())
    each = [network_of(scene, i) for i in range(7)]
    for layer, name in enumerate(("0.weight", "4.weight")):
        mean = np.mean([one.gradients[layer] for one in each], axis=0)
        assert mean == pytest.approx(scene.gradient[name].numpy(), abs=1e-6)
    assert each[0].values[1].size == 5


def skipping():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(3, 3)

        def forward(self, x):
            return x + self.inner(x)

    return nn.Sequential(Skip(), nn.Linear(3, 2))


@pytest.mark.parametrize(
    "model",
    [
        lambda: nn.Sequential(nn.Linear(3, 65), nn.ReLU(), nn.Linear(65, 2)),
        skipping,
        lambda: nn.Sequential(nn.Unflatten(1, (1, 3)), nn.Conv1d(1, 2, 2), nn.Flatten(), nn.Linear(4, 2)),
        lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).requires_grad_(requires_grad=False),
    ],
    ids=["too wide", "a skip", "a convolution", "frozen"],
)
def test_what_is_no_small_chain_of_trained_layers_is_not_drawn(model, scene_of):
    built = model()
    if not any(one.requires_grad for one in built.parameters()):
        built[2].bias.requires_grad_()
    scene = scene_of(built, (torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])), nn.CrossEntropyLoss())
    assert network_of(scene, 0) is None


def test_words_are_no_units(scene_of):
    model = nn.Sequential(nn.Embedding(4, 3), nn.Flatten(), nn.Linear(6, 2))
    scene = scene_of(model, (torch.tensor([[0, 1], [2, 3]]), torch.tensor([0, 1])), nn.CrossEntropyLoss())
    assert network_of(scene, 0) is None
