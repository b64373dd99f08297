"""The recurrent network: a cell that is repeated along a sequence, and whose last state gives the answer.

With the input x of a position, the state h before it, σ(a) = 1 / (1 + exp(−a)) and ⊙ number by number; every W and U
is another matrix in each line, and has a bias:

rnn   h' = tanh(W x + U h)                                                      Elman (1990)

gru   r = σ(W x + U h)    z = σ(W x + U h)    n = tanh(W x + r ⊙ (U h))
      h' = (1 − z) ⊙ n + z ⊙ h                                                  Cho et al. (2014), arXiv:1406.1078

lstm  i = σ(W x + U h)    f = σ(W x + U h)    o = σ(W x + U h)    g = tanh(W x + U h)
      c' = f ⊙ c + i ⊙ g    h' = o ⊙ tanh(c')                                   Hochreiter and Schmidhuber (1997)

The gru is torch's, which resets the product U h; Cho et al. reset the state before it, U (r ⊙ h).
The lstm's f, which lets it forget, came with Gers, Schmidhuber and Cummins (2000). With biases near 0, z and f start
near ½, and half of what is kept fades at each position before anything is learned; forget_bias opens them (Jozefowicz,
Zaremba and Sutskever 2015).
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from etude.engine.sequence import (
    Bounds,
    Characters,
    as_sequences,
    draw_parameters,
    dropout,
    sequence_form,
)
from etude.numerics.seeds import key
from etude.values.errors import EngineError
from etude.values.model import Recurrent
from etude.values.sizes import Sizes

CELLS: Mapping[str, tuple[type[nn.RNN | nn.GRU | nn.LSTM], int]] = MappingProxyType(
    {"rnn": (nn.RNN, 1), "gru": (nn.GRU, 3), "lstm": (nn.LSTM, 4)}
)
"""Cell → torch's layer of it, and the matrices that it multiplies its input with."""

BOUNDS: Bounds = MappingProxyType(
    {nn.Linear: lambda layer: 1 / math.sqrt(layer.in_features)}
    | {layer: lambda layer: 1 / math.sqrt(layer.hidden_size) for layer, _ in CELLS.values()}
)
"""As torch's own are drawn."""


class RecurrentNetwork(nn.Module):
    """Layers of one cell each, read from the start of an example to its end, and a linear layer on the last state."""

    def __init__(self, spec: Recurrent, sizes: Sizes, *, masks: np.uint64) -> None:
        """Nothing is drawn yet; masks is the key of the dropout."""
        super().__init__()
        self.sizes = sizes
        self.entry = Characters(sizes.characters, spec.embedding) if sizes.characters else nn.Identity()
        self.layers = nn.ModuleList(
            CELLS[spec.cell][0](n, spec.hidden, batch_first=True, bidirectional=spec.bidirectional, device="meta")
            for n in _inputs(spec, sizes)
        )
        self.dropouts = nn.ModuleList(dropout(spec.dropout, masks=masks, layer=i) for i in range(spec.layers))
        self.output = nn.Linear(_states(spec), sizes.outputs, device="meta")

    def forward(self, examples: Tensor) -> Tensor:
        """Shape (rows, numbers) to (rows, outputs), or to (rows, positions, outputs) where each position is asked."""
        sequences, lengths = as_sequences(examples, self.sizes)
        states = self.entry(sequences)
        for layer, silenced in zip(self.layers, self.dropouts, strict=True):
            every, last = _read(layer, states, lengths)
            states = silenced(last if layer is self.layers[-1] and not self.sizes.each_position else every)
        answers: Tensor = self.output(states)
        return answers


def recurrent_network(spec: Recurrent, sizes: Sizes, *, seed: int, replicate: int) -> RecurrentNetwork:
    """The network of `spec` from flat examples to raw outputs: shape (rows, numbers) to (rows, outputs).

    A bidirectional one answers from where its second reader ends too, at the start.
    Where each position is asked it answers from the state there, shape (rows, positions, outputs), and an EngineError
    refuses a second reader, which has come from the end and seen what is asked. Answers after the end of an example
    mean nothing.
    """
    if sizes.each_position and spec.bidirectional:
        raise EngineError(
            "a bidirectional network reads from the end too, so it would look at the very characters that it is to "
            "predict. Use bidirectional=False where every position is asked for the next. Nothing was trained."
        )
    network = RecurrentNetwork(spec, sizes, masks=key(seed, replicate, "dropout"))
    draw_parameters(network, BOUNDS, seed=seed, replicate=replicate)
    if spec.forget_bias:
        _open_gates(network, spec)
    return network


def recurrent_parameters(spec: Recurrent, sizes: Sizes) -> int:
    """How many numbers the network of `spec` learns.

    A layer of g gates, h hidden and d directions, with n inputs, has d·g·h·(n + h + 2), since torch gives W and U a
    bias each; n is d·h after the first layer. The output layer has d·h + 1 an output, a text its embedding.

    >>> recurrent_parameters(Recurrent(cell="gru", hidden=32), Sizes((50, 2), 1))  # 3·32·(2 + 32 + 2) + 33
    3489
    """
    gates = CELLS[spec.cell][1]
    layers = sum(_states(spec) * gates * (n + spec.hidden + 2) for n in _inputs(spec, sizes))
    return sizes.characters * spec.embedding + layers + sizes.outputs * (_states(spec) + 1)


def _open_gates(network: RecurrentNetwork, spec: Recurrent) -> None:
    """Raise the input bias of the gate that keeps the state, which torch has second in a gru as in an lstm."""
    with torch.no_grad():
        for name, parameter in network.layers.named_parameters():
            if ".bias_ih" in name:
                parameter[spec.hidden : 2 * spec.hidden] += spec.forget_bias


def _inputs(spec: Recurrent, sizes: Sizes) -> list[int]:
    """What each layer reads at a position, in numbers."""
    first = spec.embedding if sizes.characters else sequence_form(sizes)[1]
    return [first] + [_states(spec)] * (spec.layers - 1)


def _states(spec: Recurrent) -> int:
    """Numbers that a layer says at a position."""
    return spec.hidden * (2 if spec.bidirectional else 1)


def _read(layer: nn.Module, inputs: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """The states at each position (rows, positions, states), and where each reader ended (rows, states)."""
    if lengths is None:
        every, end = layer(inputs)
    else:  # packed, so that nothing is computed after an end and the second reader starts there
        packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
        every, end = layer(packed)
        every, _ = pad_packed_sequence(every, batch_first=True, total_length=inputs.shape[1])
    last: Tensor = end[0] if isinstance(end, tuple) else end  # an lstm also ends with c
    return every, last.transpose(0, 1).flatten(1)
