"""Models and optimisers from recipes, against torch's own."""

import pytest
import torch
from torch import nn

from etude.engine.build import OPTIMIZERS, build_model, build_optimizer
from etude.values.errors import EngineError
from etude.values.model import Mlp
from etude.values.optimizer import Adam, AdamW, Rmsprop, Sgd
from etude.values.recipe import Recipe
from etude.values.sizes import Sizes

CPU = torch.device("cpu")
SIZES = Sizes((3,), 1)


def recipe(model=None) -> Recipe:
    return Recipe(data={"task": "sincos"}, loss="bce", model=model or Mlp(hidden=(4,)))


def built(model, *, replicate: int = 0) -> nn.Module:
    return build_model(recipe(model), SIZES, replicate=replicate, device=CPU)


CASES = [
    (Sgd(learning_rate=0.1), torch.optim.SGD, {"lr": 0.1}),
    (
        Sgd(learning_rate=0.1, momentum=0.9, nesterov=True, coupled_weight_decay=0.01),
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    ),
    (
        Rmsprop(smoothing=0.9, epsilon=1e-6, momentum=0.5, coupled_weight_decay=0.01),
        torch.optim.RMSprop,
        {"lr": 1e-2, "alpha": 0.9, "eps": 1e-6, "momentum": 0.5, "weight_decay": 0.01},
    ),
    (
        Adam(betas=(0.8, 0.9), epsilon=1e-6, coupled_weight_decay=0.1),
        torch.optim.Adam,
        {"lr": 1e-3, "betas": (0.8, 0.9), "eps": 1e-6, "weight_decay": 0.1},
    ),
    (AdamW(decoupled_weight_decay=0.1), torch.optim.AdamW, {"lr": 1e-3, "weight_decay": 0.1}),
]


@pytest.mark.parametrize(("spec", "kind", "arguments"), CASES, ids=lambda case: getattr(case, "name", ""))
def test_each_optimiser_steps_as_torchs_plain_one(spec, kind, arguments):
    ours, theirs = built(Mlp(hidden=(4,))), built(Mlp(hidden=(4,)))
    optimizers = build_optimizer(spec, ours), kind(theirs.parameters(), **arguments, foreach=False)
    inputs = torch.linspace(-2, 2, 30).reshape(10, 3)
    for _ in range(20):
        for model, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            model(inputs).square().mean().backward()
            optimizer.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def test_every_optimiser_has_a_row():
    assert set(OPTIMIZERS) == {Sgd, Rmsprop, Adam, AdamW}


class _Squeezed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, inputs):
        return self.layer(inputs)[:, 0]


def test_a_function_may_ask_for_the_sizes_or_not():
    assert built(lambda n_inputs, n_outputs: nn.Linear(n_inputs, n_outputs)).in_features == 3
    assert built(lambda: nn.Linear(3, 1)).in_features == 3
    assert built(lambda hidden=7: nn.Sequential(nn.Linear(3, hidden), nn.Linear(hidden, 1)))[0].out_features == 7
    assert built(nn.Linear).in_features == 3


def test_a_users_model_draws_its_weights_from_the_replicate_alone():
    def network():
        return nn.Linear(3, 1)

    first = built(network).weight
    torch.rand(100)
    assert torch.equal(built(network).weight, first)
    assert not torch.equal(built(network, replicate=1).weight, first)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (nn.Linear(3, 1), r"a network that exists already.*model=lambda"),
        (lambda a, b, c: nn.Linear(3, 1), r"needs 3 argument.*n_inputs, n_outputs"),
        (lambda: "a network", r"returned a str, not a torch\.nn\.Module"),
        (lambda: nn.Linear(3, 2), r"\(2, 3\) into \(2, 2\).*need \(2, 1\)"),
        (_Squeezed, r"\(2, 3\) into \(2,\).*need \(2, 1\)"),
    ],
)
def test_a_model_that_cannot_be_trained_is_refused(model, says):
    with pytest.raises(EngineError, match=says):
        built(model)


def test_a_model_without_parameters_is_refused():
    with pytest.raises(EngineError, match=r"no parameters that require a gradient.*unfreeze"):
        build_optimizer(Adam(), nn.ReLU())
