"""What networks of sequences share: how an example becomes positions, where it ends, and how weights are drawn."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from etude.engine.dropout import CountedDropout
from etude.numerics.seeds import hashed_uniform, key
from etude.values.sizes import Sizes

Bounds = Mapping[type[nn.Module], Callable[[Any], float]]
"""Kind of layer → b, of which its parameters are uniform in ±b."""


def sequence_form(sizes: Sizes) -> tuple[int, int]:
    """Positions of an example, and numbers at each; a character is one number.

    The features of a table are positions of one number each; an image is read row by row, every channel at once.

    >>> sequence_form(Sizes((3, 32, 24), 10)), sequence_form(Sizes((7,), 1)), sequence_form(Sizes((50, 2), 1))
    ((32, 72), (7, 1), (50, 2))
    """
    match sizes.inputs:
        case (channels, height, width):
            return height, channels * width
        case (positions, channels):
            return positions, channels
    return sizes.n_inputs, 1


def as_sequences(examples: Tensor, sizes: Sizes) -> tuple[Tensor, Tensor | None]:
    """Flat examples (rows, numbers) as (rows, positions, channels), and how many positions each has, shape (rows,).

    An example ends where nothing but NaN follows, and those are replaced by 0; the lengths are None where every example
    is full. A NaN before the end, or in some channels only, stays: it is no end, and a network makes NaN of it.

    >>> as_sequences(torch.tensor([[1.0, 2.0, torch.nan], [4.0, 5.0, 6.0]]), Sizes((3,), 1))[1]
    tensor([2, 3])
    """
    sequences = examples.reshape(len(examples), *sizes.inputs)
    if len(sizes.inputs) == 3:
        sequences = sequences.transpose(1, 2)
    sequences = sequences.reshape(len(examples), *sequence_form(sizes))
    filled = torch.isnan(sequences).all(dim=2)
    if not filled.any():
        return sequences, None
    numbers = torch.arange(1, filled.shape[1] + 1, device=filled.device)
    lengths = (~filled * numbers).amax(dim=1)
    return sequences.masked_fill(~true_positions(lengths, filled.shape[1])[:, :, None], 0), lengths


def true_positions(lengths: Tensor, positions: int) -> Tensor:
    """Which positions are before the end of an example: bool, shape (rows, positions).

    >>> true_positions(torch.tensor([2, 3]), 3).tolist()
    [[True, True, False], [True, True, True]]
    """
    return torch.arange(positions, device=lengths.device) < lengths[:, None]


class Characters(nn.Embedding):
    """A vector for each character, which arrives as a number: shape (rows, positions, 1) to (rows, positions, width).

    Nothing is drawn yet.
    """

    def __init__(self, characters: int, width: int) -> None:
        """Vectors of `width` numbers."""
        super().__init__(characters, width, device="meta")

    def forward(self, numbers: Tensor) -> Tensor:
        """Shape (rows, positions, 1) to (rows, positions, width)."""
        return super().forward(numbers[:, :, 0].long())


def dropout(probability: float, *, masks: np.uint64, layer: int) -> nn.Module:
    """A counted dropout, or nothing where nothing is silenced.

    >>> dropout(0.0, masks=key(0, 0, "dropout"), layer=0)
    Identity()
    """
    return CountedDropout(probability, key=masks, layer=layer) if probability > 0 else nn.Identity()


def draw_parameters(network: nn.Module, bounds: Bounds, *, seed: int, replicate: int) -> None:
    """Draw every parameter that was built with device="meta", so that torch has drawn nothing of it.

    Number j of unit u of parameter n is made of ``hashed_uniform(key(seed, replicate, "init"), n, u, j)``: standard
    normal for a vector of a character, as in torch, and uniform in ±b elsewhere, with b by kind of layer. Parameters
    are counted from 0 in the network's order; the gates of a recurrent cell count as one each; of a bias j is 0. So a
    wider layer, or one with more inputs, begins with the very numbers of a narrower one, before the scaling by b.
    """
    chance, numbers = key(seed, replicate, "init"), itertools.count()
    drawn = {}
    for place, layer in network.named_modules():
        for name, parameter in layer.named_parameters(place, recurse=False):
            if parameter.is_meta:
                gates = itertools.islice(numbers, _gates(layer, parameter))
                values = _scaled(layer, _uniform(chance, gates, parameter), bounds)
                drawn[name] = values.to(torch.float32).reshape(parameter.shape)
    network.load_state_dict(network.state_dict() | drawn, assign=True)


def _gates(layer: nn.Module, parameter: Tensor) -> int:
    return len(parameter) // layer.hidden_size if isinstance(layer, nn.RNNBase) else 1


def _uniform(chance: np.uint64, numbers: Iterable[int], parameter: Tensor) -> NDArray[np.float64]:
    """Numbers in [0, 1), shape (gates, units, inputs)."""
    gates = np.array(list(numbers), dtype=np.uint64)
    units, inputs = (np.arange(n, dtype=np.uint64) for n in (len(parameter) // len(gates), parameter[0].numel()))
    return hashed_uniform(chance, gates[:, None, None], units[:, None], inputs)


def _scaled(layer: nn.Module, uniform: NDArray[np.float64], bounds: Bounds) -> Tensor:
    if isinstance(layer, nn.Embedding):
        normal: Tensor = torch.special.ndtri(torch.from_numpy(np.maximum(uniform, 2.0**-53)))  # infinite at 0
        return normal
    return torch.from_numpy((2 * uniform - 1) * bounds[type(layer)](layer))
