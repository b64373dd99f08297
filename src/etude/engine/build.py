"""From recipe to model and optimiser, by table."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from etude.engine.architectures.attention import attention_network
from etude.engine.architectures.convnet import convolutional_network
from etude.engine.architectures.mlp import perceptron_of_rows
from etude.engine.architectures.pretrained import PretrainedNetwork, rate_scales, transfer_network
from etude.engine.architectures.recurrent import recurrent_network
from etude.engine.dropout import with_counted_dropout
from etude.engine.machine import seed_torch
from etude.numerics.seeds import key
from etude.values.code import Code
from etude.values.errors import EngineError
from etude.values.model import Attention, Convnet, Mlp, Pretrained, Recurrent
from etude.values.optimizer import Adam, AdamW, Optimizer, Rmsprop, Sgd
from etude.values.recipe import Recipe
from etude.values.sizes import Sizes

ARCHITECTURES: Mapping[type, Callable[..., nn.Module]] = MappingProxyType(
    {
        Mlp: perceptron_of_rows,
        Convnet: convolutional_network,
        Recurrent: recurrent_network,
        Attention: attention_network,
        Pretrained: transfer_network,
    }
)
"""Model spec → builder, called as builder(spec, sizes, seed=…, replicate=…)."""


def _sgd(spec: Sgd) -> Mapping[str, Any]:
    return {
        "momentum": spec.momentum,
        "nesterov": spec.nesterov,
        "weight_decay": spec.coupled_weight_decay,
        "fused": True,
    }


def _rmsprop(spec: Rmsprop) -> Mapping[str, Any]:
    return {
        "alpha": spec.smoothing,
        "eps": spec.epsilon,
        "momentum": spec.momentum,
        "weight_decay": spec.coupled_weight_decay,
    }


def _adam(spec: Adam) -> Mapping[str, Any]:
    return {"betas": spec.betas, "eps": spec.epsilon, "weight_decay": spec.coupled_weight_decay, "fused": True}


def _adamw(spec: AdamW) -> Mapping[str, Any]:
    return {"betas": spec.betas, "eps": spec.epsilon, "weight_decay": spec.decoupled_weight_decay, "fused": True}


OPTIMIZERS: Mapping[type, tuple[type[torch.optim.Optimizer], Callable[..., Mapping[str, Any]]]] = MappingProxyType(
    {
        Sgd: (torch.optim.SGD, _sgd),
        Rmsprop: (torch.optim.RMSprop, _rmsprop),
        Adam: (torch.optim.Adam, _adam),
        AdamW: (torch.optim.AdamW, _adamw),
    }
)
"""Optimiser spec → torch's class and its arguments. Fused: one kernel a step, equal up to rounding, and faster."""


def build_optimizer(spec: Optimizer, model: nn.Module) -> torch.optim.Optimizer:
    """The optimiser of a model's trainable parameters."""
    kind, arguments = OPTIMIZERS[type(spec)]
    trainable = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if not trainable:
        raise EngineError(
            "the model has no parameters that require a gradient, so there is nothing to train. "
            "Give it layers, or unfreeze some. Nothing was trained."
        )
    shares = rate_scales(model) if isinstance(model, PretrainedNetwork) else {}
    of_share: dict[float, list[nn.Parameter]] = {}
    for name, parameter in trainable.items():
        of_share.setdefault(shares.get(name, 1.0), []).append(parameter)
    groups = [{"params": own, "lr": spec.learning_rate * share, SHARE: share} for share, own in of_share.items()]
    return kind(groups, lr=spec.learning_rate, **arguments(spec))  # type: ignore[call-arg]


SHARE = "share"
"""Where a group of an optimiser's parameters says what share of the recipe's learning rate is its own."""


def build_model(recipe: Recipe, sizes: Sizes, *, replicate: int, device: torch.device) -> nn.Module:
    """A freshly initialised network of these sizes, on the device.

    Ours take their weights from (seed, replicate) alone. A user's function is called as f(n_inputs, n_outputs) where
    it has two arguments without a default and as f() where it has none, with torch's chance seeded from the same.
    Dropout in an nn.Sequential is counted (`dropout.py`).
    """
    seed_torch(recipe.seed, replicate, building=True)
    if isinstance(recipe.model, Code):
        model = with_counted_dropout(_own(recipe.model, sizes), key=key(recipe.seed, replicate, "dropout"))
        _check_outputs(recipe.model, model.to(device), sizes)
        return model
    return ARCHITECTURES[type(recipe.model)](recipe.model, sizes, seed=recipe.seed, replicate=replicate).to(device)


def _own(code: Code, sizes: Sizes) -> nn.Module:
    if isinstance(code.function, nn.Module):
        raise EngineError(
            f"model {code.name.partition('(')[0]} is a network that exists already, so every replicate would go on "
            "training the same weights. Give a function that builds a new one: model=lambda: MyNetwork(). "
            "Nothing was trained."
        )
    wanted = _required(code)
    if wanted not in (0, 2):
        raise EngineError(
            f"model {code.name} needs {wanted} argument(s); it is called as {code.name}(n_inputs, n_outputs), or with "
            "none. Give the others defaults, or wrap it in a lambda. Nothing was trained."
        )
    model = code.function(sizes.n_inputs, sizes.outputs) if wanted else code.function()
    if not isinstance(model, nn.Module):
        raise EngineError(
            f"model {code.name} returned a {type(model).__name__}, not a torch.nn.Module. Return the network itself. "
            "Nothing was trained."
        )
    return model


def _required(code: Code) -> int:
    parameters = inspect.signature(code.function).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return sum(p.default is p.empty for p in named)


def _check_outputs(code: Code, model: nn.Module, sizes: Sizes) -> None:
    rows = 2  # as few as show that rows come first
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    with torch.no_grad():
        outputs = model.eval()(torch.zeros(rows, sizes.n_inputs, device=device))
    shape = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
    wanted = (rows, *sizes.inputs, sizes.outputs) if sizes.each_position else (rows, sizes.outputs)
    if shape != wanted:
        each = "a position of one" if sizes.each_position else "an example"
        raise EngineError(
            f"model {code.name} turns inputs of shape {(rows, sizes.n_inputs)} into {shape}; this data and loss need "
            f"{wanted}: {sizes.outputs} raw output(s) {each}, with no final sigmoid or softmax. Nothing was trained."
        )
