"""The multilayer perceptron: linear layers with an activation, and dropout, after each hidden one."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from etude.engine.dropout import CountedDropout
from etude.numerics.seeds import hashed_uniform, key
from etude.values.model import Activation, Mlp

ACTIVATIONS: Mapping[Activation, Callable[[], nn.Module]] = MappingProxyType(
    {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU}
)

BIAS = 2**63
"""The counter that a bias takes in the place of its input; no layer has so many inputs."""


def multilayer_perceptron(spec: Mlp, sizes: tuple[int, int], *, seed: int, replicate: int) -> nn.Sequential:
    """The network of `spec` from inputs to raw outputs: shape (rows, sizes[0]) to (rows, sizes[1]).

    Layers are called hidden_1, activation_1, dropout_1, hidden_2, …, output.
    """
    n_inputs, n_outputs = sizes
    weights, masks = key(seed, replicate, "init"), key(seed, replicate, "dropout")
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    width = n_inputs
    for i, units in enumerate(spec.hidden):
        layers[f"hidden_{i + 1}"] = linear(width, units, key=weights, layer=i)
        layers[f"activation_{i + 1}"] = ACTIVATIONS[spec.activation]()
        if spec.dropout > 0:
            layers[f"dropout_{i + 1}"] = CountedDropout(spec.dropout, key=masks, layer=i)
        width = units
    layers["output"] = linear(width, n_outputs, key=weights, layer=len(spec.hidden))
    return nn.Sequential(layers)


def linear(n_inputs: int, n_outputs: int, *, key: np.uint64, layer: int) -> nn.Linear:
    """A linear layer whose weights and biases are uniform in ±1/√n_inputs, as torch's own are.

    The weight from input j to unit u is drawn by ``hashed_uniform(key, layer, u, j)``, its bias by
    ``hashed_uniform(key, layer, u, BIAS)``, so a wider layer, or one with more inputs, begins with the very numbers
    of a narrower one (before the scaling by 1/√n_inputs). Source of the range: LeCun et al. (1998), as in nn.Linear.
    """
    made = nn.Linear(n_inputs, n_outputs, dtype=torch.float32)
    bound = 1 / np.sqrt(n_inputs)
    units, inputs = np.arange(n_outputs, dtype=np.uint64), np.arange(n_inputs, dtype=np.uint64)
    with torch.no_grad():
        made.weight.copy_(torch.from_numpy(bound * (2 * hashed_uniform(key, layer, units[:, None], inputs) - 1)))
        made.bias.copy_(torch.from_numpy(bound * (2 * hashed_uniform(key, layer, units, BIAS) - 1)))
    return made
