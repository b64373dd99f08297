"""Networks as plain PyTorch, for the script that a treatment ends with."""

import itertools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from etude.values.model import Attention, Convnet, Mlp, Recurrent
from etude.values.sizes import Sizes

if TYPE_CHECKING:
    from etude.faces.treat_code import Shape

ACTIVATIONS: Mapping[str, str] = MappingProxyType(
    {"relu": "ReLU", "leaky_relu": "LeakyReLU", "sigmoid": "Sigmoid", "tanh": "Tanh", "gelu": "GELU"}
)

REACHES: Mapping[str, str] = MappingProxyType(
    {
        "he": "math.sqrt(6 / layer.in_features)",
        "xavier": "math.sqrt(6 / (layer.in_features + layer.out_features))",
        "small": "0.1 / math.sqrt(layer.in_features)",
    }
)
"""Initialisation → the reach of uniform weights; "default" is torch's own."""


def perceptron(spec: Mlp, shape: "Shape") -> str:
    """Linear layers, each with its norm, activation and dropout."""
    widths = (shape.sizes.n_inputs, *spec.hidden)
    hidden = [line for pair in itertools.pairwise(widths) for line in _hidden(spec, *pair)]
    output = f"nn.Linear({widths[-1]}, {shape.sizes.outputs}),"
    return f"{RESIDUAL if spec.residual else ''}{_sequence([*hidden, output])}{_initialisation(spec)}"


def _hidden(spec: Mlp, before: int, units: int) -> list[str]:
    norm = {"none": [], "batch": [f"nn.BatchNorm1d({units}),"], "layer": [f"nn.LayerNorm({units}),"]}[spec.norm]
    lines = [f"nn.Linear({before}, {units}{', bias=False' if spec.norm == 'batch' else ''}),", *norm]
    lines += [f"nn.{ACTIVATIONS[spec.activation]}(),", *([f"nn.Dropout({spec.dropout}),"] if spec.dropout else [])]
    if spec.residual and before == units:
        return ["Residual(", *(f"    {line}" for line in lines), "),"]
    return lines


RESIDUAL = '''class Residual(nn.Sequential):
    """Layers whose input is added to their output."""

    def forward(self, rows):
        return rows + super().forward(rows)


'''


def _sequence(lines: list[str]) -> str:
    inner = "".join(f"    {line}\n" for line in lines)
    return f"model = nn.Sequential(\n{inner})"


def _initialisation(spec: Mlp) -> str:
    if spec.initialisation == "default":
        return ""
    return f"""
for layer in model.modules():
    if isinstance(layer, nn.Linear):
        reach = {REACHES[spec.initialisation]}
        nn.init.uniform_(layer.weight, -reach, reach)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)"""


def convnet(spec: Convnet, shape: "Shape") -> str:
    """Stages of convolutions that end by halving the image, and a linear layer."""
    channels, height, width = shape.sizes.inputs
    lines = [f"nn.Unflatten(1, {(channels, height, width)}),"]
    for wide in spec.channels:
        for i in range(spec.depth):
            bias = ", bias=False" if spec.norm == "batch" else ""
            lines.append(f"nn.Conv2d({wide if i else channels}, {wide}, 3, padding=1{bias}),")
            lines += [f"nn.BatchNorm2d({wide}),"] if spec.norm == "batch" else []
            lines.append(f"nn.{ACTIVATIONS[spec.activation]}(),")
        lines.append("nn.MaxPool2d(2),")
        channels, height, width = wide, height // 2, width // 2
    lines += ["nn.Flatten(),", *([f"nn.Dropout({spec.dropout}),"] if spec.dropout else [])]
    return _sequence([*lines, f"nn.Linear({channels * height * width}, {shape.sizes.outputs}),"])


def recurrent(spec: Recurrent, shape: "Shape") -> str:
    """Layers of one cell, and a linear layer on the last state, or on each."""
    sizes, states = shape.sizes, spec.hidden * (2 if spec.bidirectional else 1)
    cell = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[spec.cell]
    first = spec.embedding if sizes.characters else _form(sizes)[1]
    entry = f"nn.Embedding({sizes.characters}, {spec.embedding})" if sizes.characters else "nn.Identity()"
    both = ", bidirectional=True" if spec.bidirectional else ""
    opened = f"""
        for layer in self.layers:  # the gate that keeps the state begins open
            for name, bias in layer.named_parameters():
                if name.startswith("bias_ih"):
                    bias.data[{spec.hidden} : {2 * spec.hidden}] += {spec.forget_bias}"""
    return f'''class Network(nn.Module):
    """Reads a sequence from its start, and answers from {"each state" if sizes.each_position else "its last state"}."""

    def __init__(self):
        super().__init__()
        self.entry = {entry}
        widths = [{first}] + [{states}] * {spec.layers - 1}
        self.layers = nn.ModuleList(nn.{cell}(n, {spec.hidden}, batch_first=True{both}) for n in widths)
        self.dropout = nn.Dropout({spec.dropout})
        self.output = nn.Linear({states}, {sizes.outputs}){opened if spec.forget_bias else ""}

    def forward(self, examples):
        {_sequences(sizes)}
{_recurrent_pass(shape)}

model = Network()'''


def _recurrent_pass(shape: "Shape") -> str:
    if shape.uneven:
        return """        lengths = (~torch.isnan(states[:, :, 0])).sum(dim=1)
        states = self.entry(torch.nan_to_num(states))
        for layer in self.layers:
            packed = nn.utils.rnn.pack_padded_sequence(states, lengths, batch_first=True, enforce_sorted=False)
            every, end = layer(packed)
            every, _ = nn.utils.rnn.pad_packed_sequence(every, batch_first=True, total_length=states.shape[1])
            states = self.dropout(every)
        last = end[0] if isinstance(end, tuple) else end
        return self.output(self.dropout(last.transpose(0, 1).flatten(1)))
"""
    if shape.sizes.each_position:
        return """        states = self.entry(states)
        for layer in self.layers:
            states = self.dropout(layer(states)[0])
        return self.output(states)
"""
    return """        states = self.entry(states)
        for layer in self.layers:
            every, end = layer(states)
            states = self.dropout(every)
        last = end[0] if isinstance(end, tuple) else end
        return self.output(self.dropout(last.transpose(0, 1).flatten(1)))
"""


def _form(sizes: Sizes) -> tuple[int, int]:
    """Positions of an example and numbers at each: those of an image row by row."""
    match sizes.inputs:
        case (channels, height, width):
            return height, channels * width
        case (positions, channels):
            return positions, channels
    return sizes.n_inputs, 1


def _sequences(sizes: Sizes) -> str:
    positions, channels = _form(sizes)
    if sizes.characters:
        return "states = examples.long()"
    if len(sizes.inputs) == 3:
        return f"states = examples.reshape(-1, *{sizes.inputs}).transpose(1, 2).reshape(-1, {positions}, {channels})"
    return f"states = examples.reshape(-1, {positions}, {channels})"


def attention(spec: Attention, shape: "Shape") -> str:
    """A transformer encoder that is normalised before each part."""
    sizes, w = shape.sizes, spec.width
    positions, channels = _form(sizes)
    entry = f"nn.Embedding({sizes.characters}, {w})" if sizes.characters else f"nn.Linear({channels}, {w})"
    place = {
        "none": 'self.register_buffer("places", torch.zeros(1))',
        "learned": f"self.places = nn.Parameter((2 * torch.rand({positions}, {w}) - 1) * 0.02 * math.sqrt(3))",
        "sinusoidal": f"""column = torch.arange({w})
        angles = torch.arange({positions})[:, None] / 10_000 ** (2 * (column // 2) / {w})
        self.register_buffer("places", torch.where(column % 2 == 1, angles.cos(), angles.sin()))""",
    }[spec.positions]
    where = "each position" if sizes.each_position else "the mean of the positions"
    return f'''{LAYER}

class Network(nn.Module):
    """Layers of attention and a linear layer on {where}."""

    def __init__(self):
        super().__init__()
        self.entry = {entry}
        {place}
        self.layers = nn.ModuleList(Layer({w}, {spec.heads}, {spec.dropout}) for _ in range({spec.layers}))
        self.norm = nn.LayerNorm({w})
        self.output = nn.Linear({w}, {sizes.outputs})

    def forward(self, examples):
        {_sequences(sizes)}
{_attention_pass(shape, positions)}

model = Network()'''


LAYER = '''class Layer(nn.Module):
    """Attention and a feed-forward network, each normalised before it and added to what was there."""

    def __init__(self, width, heads, dropout):
        super().__init__()
        self.norm_1, self.norm_2, self.dropout = nn.LayerNorm(width), nn.LayerNorm(width), nn.Dropout(dropout)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, states, unseen, ended):
        x = self.norm_1(states)
        mixed, _ = self.attention(x, x, x, attn_mask=unseen, key_padding_mask=ended, need_weights=False)
        states = states + self.dropout(mixed)
        return states + self.dropout(self.feed_forward(self.norm_2(states)))

'''


def _attention_pass(shape: "Shape", positions: int) -> str:
    ended = "torch.isnan(states[:, :, 0])" if shape.uneven else "None"
    unseen = (
        f"torch.ones({positions}, {positions}, dtype=torch.bool, device=examples.device).triu(1)"
        if shape.sizes.each_position
        else "None"
    )
    states = "torch.nan_to_num(states)" if shape.uneven else "states"
    if shape.sizes.each_position:
        answer = "self.output(self.norm(states))"
    elif shape.uneven:
        answer = "self.output((self.norm(states) * ~ended[:, :, None]).sum(dim=1) / (~ended).sum(dim=1)[:, None])"
    else:
        answer = "self.output(self.norm(states).mean(dim=1))"
    return f"""        ended, unseen = {ended}, {unseen}
        states = self.entry({states}) + self.places
        for layer in self.layers:
            states = layer(states, unseen, ended)
        return {answer}
"""


NETWORKS: Mapping[type, Callable[[Any, "Shape"], str]] = MappingProxyType(
    {Mlp: perceptron, Convnet: convnet, Recurrent: recurrent, Attention: attention}
)
"""Architecture → its script; a pretrained network is not in it, since its weights are no part of PyTorch."""
