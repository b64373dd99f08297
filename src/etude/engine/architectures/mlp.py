"""The multilayer perceptron: linear layers with an activation, and dropout, after each hidden one."""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from etude.engine.dropout import CountedDropout
from etude.numerics.seeds import hashed_uniform, key
from etude.values.errors import EngineError
from etude.values.model import Activation, Mlp
from etude.values.sizes import Sizes

ACTIVATIONS: Mapping[Activation, Callable[[], nn.Module]] = MappingProxyType(
    {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU}
)

BIAS = 2**63
"""The counter that a bias takes in the place of its input; no layer has so many inputs."""


def perceptron_of_rows(spec: Mlp, sizes: Sizes, *, seed: int, replicate: int) -> nn.Sequential:
    """The network of `spec` for rows of numbers, images among them, pixel by pixel; an EngineError for a text."""
    if sizes.characters:
        raise EngineError(
            "the model mlp takes numbers, and a text is made of characters, whose numbers mean nothing by size. "
            "Use model = 'recurrent' or 'attention'. Nothing was trained."
        )
    return multilayer_perceptron(spec, (sizes.n_inputs, sizes.outputs), seed=seed, replicate=replicate)


def multilayer_perceptron(spec: Mlp, sizes: tuple[int, int], *, seed: int, replicate: int) -> nn.Sequential:
    """The network of `spec` from inputs to raw outputs: shape (rows, sizes[0]) to (rows, sizes[1]).

    Layers are called hidden_1, activation_1, dropout_1, hidden_2, …, output.
    """
    masks = key(seed, replicate, "dropout")
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    *hidden, output = itertools.pairwise((sizes[0], *spec.hidden, sizes[1]))
    for i, (n_inputs, units) in enumerate(hidden):
        layers[f"hidden_{i + 1}"] = _linear(n_inputs, units)
        layers[f"activation_{i + 1}"] = ACTIVATIONS[spec.activation]()
        if spec.dropout > 0:
            layers[f"dropout_{i + 1}"] = CountedDropout(spec.dropout, key=masks, layer=i)
    layers["output"] = _linear(*output)
    network = nn.Sequential(layers)
    drawn = torch.from_numpy(initial_parameters(spec, sizes, seed=seed, replicate=replicate))
    with torch.no_grad():
        for parameter in network.parameters():
            mine, drawn = drawn[: parameter.numel()], drawn[parameter.numel() :]
            parameter.copy_(mine.reshape(parameter.shape))
    return network


def _linear(n_inputs: int, units: int) -> nn.Linear:
    """A linear layer of which nothing is drawn yet."""
    made = nn.Linear(n_inputs, units, device="meta")  # not torch's skip_init, which takes half a second to load
    made.weight, made.bias = (
        nn.Parameter(torch.empty(size, dtype=torch.float32)) for size in ((units, n_inputs), (units,))
    )
    return made


def initial_parameters(spec: Mlp, sizes: tuple[int, int], *, seed: int, replicate: int) -> NDArray[np.float32]:
    """All parameters as one flat vector, layer by layer: weights (units, inputs), then biases (units,).

    Those of a layer are uniform in ±1/√inputs, as torch's own are. The weight from input j to unit u is drawn by
    ``hashed_uniform(key, layer, u, j)``, its bias by ``hashed_uniform(key, layer, u, BIAS)``, so a wider layer, or one
    with more inputs, begins with the very numbers of a narrower one (before the scaling by 1/√inputs).
    Source of the range: LeCun et al. (1998), as in nn.Linear.
    """
    chance = key(seed, replicate, "init")
    parts = []
    for layer, (n_inputs, units) in enumerate(itertools.pairwise((sizes[0], *spec.hidden, sizes[1]))):
        counters = np.append(np.arange(n_inputs, dtype=np.uint64), np.uint64(BIAS))
        drawn = hashed_uniform(chance, layer, np.arange(units, dtype=np.uint64)[:, None], counters)
        scaled = ((2 * drawn - 1) / np.sqrt(n_inputs)).astype(np.float32)
        parts += [scaled[:, :-1].ravel(), scaled[:, -1]]
    return np.concatenate(parts)
