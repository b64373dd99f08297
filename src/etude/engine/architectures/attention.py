"""The transformer encoder: at each layer every position asks all others, and takes up what answers.

With the states X of an example, a row a position, and h heads of d = width / h numbers:

head     A = softmax(Q Kᵀ / √d)    A V    where Q = X W + b, K = X W, V = X W + b, and every W and b is another
layer    X ← X + heads side by side(norm(X)) W + b
         X ← X + W gelu(W norm(X) + b) + b, four times as wide between
answer   W mean over the positions(norm(X)) + b

Source: Vaswani et al. (2017), arXiv:1706.03762; normalised before each part and not after it, which trains without a
warm-up: Xiong et al. (2020), arXiv:2002.04745. K has no bias: it would add the same to all scores of a query, which the
softmax takes away again.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from etude.engine.sequence import (
    Bounds,
    Characters,
    as_sequences,
    draw_parameters,
    dropout,
    sequence_form,
    true_positions,
)
from etude.numerics.seeds import key
from etude.values.model import Attention
from etude.values.sizes import Sizes

WIDER = 4
"""How many times as wide the feed-forward network is between its two layers; Vaswani et al. (2017), section 3.3."""

LONGEST_WAVE = 10_000
"""Of the sinusoids, in positions over 2π; Vaswani et al. (2017), section 3.5."""


class SelfAttention(nn.Module):
    """Every position asks all that it may see, in several heads at once."""

    def __init__(self, width: int, heads: int) -> None:
        """Nothing is drawn yet."""
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, device="meta")
        self.key = nn.Linear(width, width, bias=False, device="meta")
        self.value = nn.Linear(width, width, device="meta")
        self.output = nn.Linear(width, width, device="meta")

    def forward(self, states: Tensor, visible: Tensor | None) -> Tensor:
        """Shape (rows, positions, width) to the same; visible broadcasts to (rows, heads, queries, keys)."""
        asked, keys, values = (self._by_head(part(states)) for part in (self.query, self.key, self.value))
        found = functional.scaled_dot_product_attention(asked, keys, values, attn_mask=visible)
        mixed: Tensor = self.output(found.transpose(1, 2).flatten(2))
        return mixed

    def weights(self, states: Tensor, visible: Tensor | None) -> Tensor:
        """What each query takes of each key, shape (rows, heads, queries, keys); a query's weights sum to 1."""
        asked, keys = (self._by_head(part(states)) for part in (self.query, self.key))
        scores = asked @ keys.transpose(2, 3) / math.sqrt(keys.shape[-1])
        return (scores if visible is None else scores.masked_fill(~visible, -torch.inf)).softmax(dim=-1)

    def _by_head(self, projected: Tensor) -> Tensor:
        """Shape (rows, positions, width) to (rows, heads, positions, width / heads)."""
        return torch.unflatten(projected, 2, (self.heads, -1)).transpose(1, 2)


class Layer(nn.Module):
    """Attention and a feed-forward network, each normalised before it and added to what was there."""

    def __init__(self, spec: Attention, *, masks: np.uint64, number: int) -> None:
        """Layer `number` of the network, from 0."""
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(spec.width), nn.LayerNorm(spec.width)
        self.attention = SelfAttention(spec.width, spec.heads)
        self.feed_forward = nn.Sequential(
            nn.Linear(spec.width, WIDER * spec.width, device="meta"),
            nn.GELU(),
            nn.Linear(WIDER * spec.width, spec.width, device="meta"),
        )
        self.dropout_1 = dropout(spec.dropout, masks=masks, layer=2 * number)
        self.dropout_2 = dropout(spec.dropout, masks=masks, layer=2 * number + 1)

    def forward(self, states: Tensor, visible: Tensor | None) -> Tensor:
        """Shape (rows, positions, width) to the same."""
        states = states + self.dropout_1(self.attention(self.norm_1(states), visible))
        left: Tensor = states + self.dropout_2(self.feed_forward(self.norm_2(states)))
        return left


class SinusoidalPositions(nn.Module):
    """Adds waves of the position, each longer than the one before."""

    table: Tensor

    def __init__(self, positions: int, width: int) -> None:
        """The waves are known, and no parameter."""
        super().__init__()
        self.register_buffer("table", torch.from_numpy(sinusoids(positions, width)), persistent=False)

    def forward(self, states: Tensor) -> Tensor:
        """Shape (rows, positions, width) to the same."""
        return states + self.table


class LearnedPositions(nn.Module):
    """Adds a learned vector to each position, at first uniform in ±0.02·√3, so with a standard deviation of 0.02."""

    def __init__(self, positions: int, width: int) -> None:
        """Nothing is drawn yet."""
        super().__init__()
        self.table = nn.Parameter(torch.empty(positions, width, device="meta"))

    def forward(self, states: Tensor) -> Tensor:
        """Shape (rows, positions, width) to the same."""
        return states + self.table


POSITIONS: Mapping[str, Callable[[int, int], nn.Module]] = MappingProxyType(
    {"sinusoidal": SinusoidalPositions, "learned": LearnedPositions, "none": lambda *_: nn.Identity()}
)
"""How a position is told apart → its layer, called with positions and width."""

BOUNDS: Bounds = MappingProxyType(
    {nn.Linear: lambda layer: 1 / math.sqrt(layer.in_features), LearnedPositions: lambda _: 0.02 * math.sqrt(3)}
)
"""Linear layers as torch's own are drawn; positions with the standard deviation of Devlin et al. (2019)."""


class AttentionNetwork(nn.Module):
    """Positions told apart, layers of attention, a last norm, and a linear layer on the mean of the true positions."""

    def __init__(self, spec: Attention, sizes: Sizes, *, masks: np.uint64) -> None:
        """Nothing is drawn yet; masks is the key of the dropout."""
        super().__init__()
        self.sizes = sizes
        positions, channels = sequence_form(sizes)
        self.entry = (
            Characters(sizes.characters, spec.width)
            if sizes.characters
            else nn.Linear(channels, spec.width, device="meta")
        )
        self.positions = POSITIONS[spec.positions](positions, spec.width)
        self.layers = nn.ModuleList(Layer(spec, masks=masks, number=i) for i in range(spec.layers))
        self.norm = nn.LayerNorm(spec.width)
        self.output = nn.Linear(spec.width, sizes.outputs, device="meta")

    def forward(self, examples: Tensor) -> Tensor:
        """Shape (rows, numbers) to (rows, outputs), or to (rows, positions, outputs) where each position is asked."""
        states, lengths = self.begin(examples)
        visible = self.visible(lengths)
        for layer in self.layers:
            states = layer(states, visible)
        states = self.norm(states)
        answers: Tensor = self.output(states if self.sizes.each_position else _mean(states, lengths))
        return answers

    def begin(self, examples: Tensor) -> tuple[Tensor, Tensor | None]:
        """The states before the first layer (rows, positions, width), and the lengths as `as_sequences` gives them."""
        sequences, lengths = as_sequences(examples, self.sizes)
        return self.positions(self.entry(sequences)), lengths

    def visible(self, lengths: Tensor | None) -> Tensor | None:
        """Which keys a query sees: bool, broadcasts to (rows, heads, queries, keys); None where it sees all.

        None after the end of an example, and where each position is asked none after the query.
        """
        if lengths is None and not self.sizes.each_position:
            return None
        positions, device = sequence_form(self.sizes)[0], self.output.weight.device
        every = torch.ones(positions, positions, dtype=torch.bool, device=device)
        seen = every.tril() if self.sizes.each_position else every
        return seen if lengths is None else seen & true_positions(lengths, positions)[:, None, None]


def attention_network(spec: Attention, sizes: Sizes, *, seed: int, replicate: int) -> AttentionNetwork:
    """The network of `spec` from flat examples to raw outputs: shape (rows, numbers) to (rows, outputs).

    Where each position is asked it answers at each, shape (rows, positions, outputs), and none sees those that follow.
    Answers after the end of an example mean nothing.
    """
    network = AttentionNetwork(spec, sizes, masks=key(seed, replicate, "dropout"))
    draw_parameters(network, BOUNDS, seed=seed, replicate=replicate)
    return network


def attention_parameters(spec: Attention, sizes: Sizes) -> int:
    """How many numbers the network of `spec` learns.

    With width w, a layer has 4w² + 3w in its attention, 8w² + 5w in its feed-forward network and 4w in its two norms,
    12w(w + 1) together. A linear layer before has w(channels + 1), or a text w for each character; learned positions
    are w each; the last norm has 2w, and the output layer w + 1 an output.

    >>> attention_parameters(Attention(width=32, layers=2), Sizes((50, 2), 1))  # 2·12·32·33 + 32·3 + 2·32 + 33
    25537
    """
    positions, channels = sequence_form(sizes)
    entry = (sizes.characters or channels + 1) * spec.width
    learned = positions * spec.width if spec.positions == "learned" else 0
    layers = spec.layers * 12 * spec.width * (spec.width + 1)
    return entry + learned + layers + 2 * spec.width + sizes.outputs * (spec.width + 1)


def attention_maps(network: AttentionNetwork, examples: Tensor) -> Tensor:
    """What every position takes of every other: shape (layers, rows, heads, queries, keys), in evaluation mode.

    The weights of a query sum to 1; they are 0 after the end of an example, and after the query where each position is
    asked. Queries after the end have weights too, which no answer depends on.
    """
    training, maps = network.training, []
    network.eval()
    with torch.no_grad():
        states, lengths = network.begin(examples)
        visible = network.visible(lengths)
        for layer in network.layers:
            assert isinstance(layer, Layer)
            maps.append(layer.attention.weights(layer.norm_1(states), visible))
            states = layer(states, visible)
    network.train(training)
    return torch.stack(maps)


def sinusoids(positions: int, width: int) -> NDArray[np.float32]:
    """Waves that tell positions apart, shape (positions, width).

    Column 2i is sin(position / 10,000^(2i / width)), column 2i + 1 its cosine; an odd width ends with a sine.
    Source: Vaswani et al. (2017), section 3.5.

    >>> sinusoids(2, 3).round(2).tolist()[1]  # sin 1, cos 1, sin 10,000^(−2/3)
    [0.8399999737739563, 0.5400000214576721, 0.0]
    """
    columns = np.arange(width)
    angles = np.arange(positions)[:, None] / float(LONGEST_WAVE) ** (2 * (columns // 2) / width)
    return np.where(columns % 2, np.cos(angles), np.sin(angles)).astype(np.float32)


def _mean(states: Tensor, lengths: Tensor | None) -> Tensor:
    """Of the true positions: shape (rows, positions, width) to (rows, width)."""
    if lengths is None:
        return states.mean(dim=1)
    true = true_positions(lengths, states.shape[1])[:, :, None]
    return (states * true).sum(dim=1) / lengths[:, None]
