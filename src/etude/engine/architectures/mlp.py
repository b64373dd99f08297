"""The multilayer perceptron: linear layers with an activation, and dropout, after each hidden one."""

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from etude.engine.dropout import CountedDropout
from etude.numerics.seeds import hashed_uniform, key
from etude.values.errors import EngineError
from etude.values.model import Activation, Initialisation, Mlp
from etude.values.sizes import Sizes

ACTIVATIONS: Mapping[Activation, Callable[[], nn.Module]] = MappingProxyType(
    {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU}
)

NORMS: Mapping[str, Callable[[int], nn.Module]] = MappingProxyType({"batch": nn.BatchNorm1d, "layer": nn.LayerNorm})

DIVISORS: Mapping[Initialisation, Callable[[int, int], float]] = MappingProxyType(
    {
        "default": lambda n_inputs, units: math.sqrt(n_inputs),
        "he": lambda n_inputs, units: math.sqrt(n_inputs / 6),
        "xavier": lambda n_inputs, units: math.sqrt((n_inputs + units) / 6),
        "small": lambda n_inputs, units: 10 * math.sqrt(n_inputs),
    }
)
"""Initialisation → what divides uniform numbers in ±1 to make weights of them, of a layer's inputs and units.

Sources: LeCun et al. (1998), as in nn.Linear; He et al. (2015), variance 2 / inputs; Glorot and Bengio (2010), variance
2 / (inputs + units); a tenth of the first.
"""

BIAS = 2**63
"""The counter that a bias takes in the place of its input; no layer has so many inputs."""


class ResidualPerceptron(nn.Module):
    """A perceptron in which a hidden layer's input is added to its output where the two are of one width.

    The output of a layer is what leaves its activation and its dropout (He et al. 2016, with the skip around them).
    """

    def __init__(self, layers: Mapping[str, nn.Module], *, of_one: int) -> None:
        """layers: by name, in order; of_one: how many of them make one hidden layer."""
        super().__init__()
        self.of_one = of_one
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, rows: Tensor) -> Tensor:
        """Shape (rows, features) to (rows, outputs)."""
        *hidden, output = self.children()
        for start in range(0, len(hidden), self.of_one):
            entered = rows
            for layer in hidden[start : start + self.of_one]:
                rows = layer(rows)
            rows = rows + entered if rows.shape == entered.shape else rows
        made: Tensor = output(rows)
        return made


def perceptron_of_rows(spec: Mlp, sizes: Sizes, *, seed: int, replicate: int) -> nn.Module:
    """The network of `spec` for rows of numbers, images among them, pixel by pixel; an EngineError for a text."""
    if sizes.characters:
        raise EngineError(
            "the model mlp takes numbers, and a text is made of characters, whose numbers mean nothing by size. "
            "Use model = 'recurrent' or 'attention'. Nothing was trained."
        )
    return multilayer_perceptron(spec, (sizes.n_inputs, sizes.outputs), seed=seed, replicate=replicate)


def multilayer_perceptron(spec: Mlp, sizes: tuple[int, int], *, seed: int, replicate: int) -> nn.Module:
    """The network of `spec` from inputs to raw outputs: shape (rows, sizes[0]) to (rows, sizes[1]).

    Layers are called hidden_1, norm_1, activation_1, dropout_1, hidden_2, …, output. One before a batch norm has no
    bias, which the norm would take away again. An EngineError where `residual` would add nothing.
    """
    masks = key(seed, replicate, "dropout")
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    *hidden, output = itertools.pairwise((sizes[0], *spec.hidden, sizes[1]))
    for i, (n_inputs, units) in enumerate(hidden):
        layers[f"hidden_{i + 1}"] = _linear(n_inputs, units, has_bias=spec.norm != "batch")
        if spec.norm != "none":
            layers[f"norm_{i + 1}"] = NORMS[spec.norm](units)
        layers[f"activation_{i + 1}"] = ACTIVATIONS[spec.activation]()
        if spec.dropout > 0:
            layers[f"dropout_{i + 1}"] = CountedDropout(spec.dropout, key=masks, layer=i)
    layers["output"] = _linear(*output)
    if spec.residual:
        _check_skips(spec, sizes[0])
        network: nn.Module = ResidualPerceptron(layers, of_one=(len(layers) - 1) // len(spec.hidden))
    else:
        network = nn.Sequential(layers)
    drawn = torch.from_numpy(initial_parameters(spec, sizes, seed=seed, replicate=replicate))
    with torch.no_grad():
        for parameter in network.parameters():
            mine, drawn = drawn[: parameter.numel()], drawn[parameter.numel() :]
            parameter.copy_(mine.reshape(parameter.shape))
    return network


def _check_skips(spec: Mlp, n_inputs: int) -> None:
    if not any(before == units for before, units in itertools.pairwise((n_inputs, *spec.hidden))):
        raise EngineError(
            f"residual adds what enters a hidden layer to what leaves it where both are of one width, and none of "
            f"hidden={spec.hidden} is as wide as what it takes in, the first of them {n_inputs} inputs. Give two "
            "hidden layers of one width, such as hidden=(16, 16), or leave residual out. Nothing was trained."
        )


def _linear(n_inputs: int, units: int, *, has_bias: bool = True) -> nn.Linear:
    """A linear layer of which nothing is drawn yet."""
    made = nn.Linear(n_inputs, units, bias=has_bias, device="meta")  # not torch's skip_init, which loads for long
    made.weight = nn.Parameter(torch.empty((units, n_inputs), dtype=torch.float32))
    if has_bias:
        made.bias = nn.Parameter(torch.empty(units, dtype=torch.float32))
    return made


def initial_parameters(spec: Mlp, sizes: tuple[int, int], *, seed: int, replicate: int) -> NDArray[np.float32]:
    """All parameters as one flat vector, layer by layer: weights (units, inputs), then biases (units,).

    A norm's factors, which are 1, and shifts, which are 0, follow those of its hidden layer.

    Weights are uniform in ±1 over the divisor of the spec's initialisation. The weight from input j to unit u is drawn
    by ``hashed_uniform(key, layer, u, j)``, so a wider layer, or one with more inputs, begins with the very numbers of
    a narrower one (before the division), and so does one of another initialisation. The default draws the bias of unit
    u likewise, by ``hashed_uniform(key, layer, u, BIAS)``; the others begin with biases of 0.
    """
    chance, last = key(seed, replicate, "init"), len(spec.hidden)
    parts = []
    for layer, (n_inputs, units) in enumerate(itertools.pairwise((sizes[0], *spec.hidden, sizes[1]))):
        counters = np.append(np.arange(n_inputs, dtype=np.uint64), np.uint64(BIAS))
        drawn = hashed_uniform(chance, layer, np.arange(units, dtype=np.uint64)[:, None], counters)
        scaled = ((2 * drawn - 1) / DIVISORS[spec.initialisation](n_inputs, units)).astype(np.float32)
        parts.append(scaled[:, :-1].ravel())
        if layer == last or spec.norm != "batch":
            parts.append(scaled[:, -1] if spec.initialisation == "default" else np.zeros(units, np.float32))
        if layer < last and spec.norm != "none":
            parts += [np.ones(units, np.float32), np.zeros(units, np.float32)]
    return np.concatenate(parts)
