"""The convolutional network: stages of 3 × 3 convolutions that each end by halving the image, then a linear layer."""

import itertools
import math
from collections import OrderedDict
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from etude.engine.architectures.mlp import ACTIVATIONS, BIAS
from etude.engine.dropout import CountedDropout
from etude.numerics.seeds import hashed_uniform, key
from etude.values.errors import EngineError
from etude.values.model import Convnet
from etude.values.sizes import Sizes

KERNEL = 3

Weighted = TypeVar("Weighted", nn.Conv2d, nn.Linear)


def convolutional_network(spec: Convnet, sizes: Sizes, *, seed: int, replicate: int) -> nn.Sequential:
    """The network of `spec` from images to raw outputs: shape (rows, channels · height · width) to (rows, outputs).

    Layers are called image, stage_1_convolution_1, stage_1_norm_1, stage_1_activation_1, …, stage_1_pool, …, flat,
    dropout, output. A convolution before a batch norm has no bias, which the norm would take away again.
    An EngineError where the data are no images, or images too small to be halved by every stage.
    """
    chance, numbers = key(seed, replicate, "init"), itertools.count()
    n_features = math.prod(_last_form(spec, sizes))
    layers: OrderedDict[str, nn.Module] = OrderedDict(image=nn.Unflatten(1, sizes.inputs))
    for stage, i, channels, width in _convolutions(spec, sizes):
        bare = nn.Conv2d(channels, width, KERNEL, padding=KERNEL // 2, bias=spec.norm == "none", device="meta")
        layers[f"stage_{stage}_convolution_{i}"] = drawn(bare, chance, next(numbers))
        if spec.norm == "batch":
            layers[f"stage_{stage}_norm_{i}"] = nn.BatchNorm2d(width)
        layers[f"stage_{stage}_activation_{i}"] = ACTIVATIONS[spec.activation]()
        if i == spec.depth:
            layers[f"stage_{stage}_pool"] = nn.MaxPool2d(2)
    layers["flat"] = nn.Flatten()
    if spec.dropout > 0:
        layers["dropout"] = CountedDropout(spec.dropout, key=key(seed, replicate, "dropout"), layer=0)
    layers["output"] = drawn(nn.Linear(n_features, sizes.outputs, device="meta"), chance, next(numbers))
    network = nn.Sequential(layers)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # half as fast again on the cpu
    return network


def convnet_parameters(spec: Convnet, sizes: Sizes) -> int:
    """How many numbers the network of `spec` learns.

    9·channels weights a filter, with one bias or the two numbers of a batch norm; and a linear layer on what is left
    of the image.

    >>> convnet_parameters(Convnet(channels=(8,)), Sizes((1, 28, 28), 10))  # 8·(9 + 1) + 10·(8·14·14 + 1)
    15770
    """
    beside = 1 if spec.norm == "none" else 2
    filters = sum(width * (KERNEL**2 * channels + beside) for _, _, channels, width in _convolutions(spec, sizes))
    return filters + sizes.outputs * (math.prod(_last_form(spec, sizes)) + 1)


def drawn(layer: Weighted, chance: np.uint64, number: int, *, reach: float = 1.0) -> Weighted:
    """The same layer with all its parameters drawn, uniformly in ±reach/√fan-in; with reach 1 as torch's own are.

    layer:  built with device="meta", so that torch has drawn nothing; that device goes with its parameters
    number: which of the network's layers with weights it is, from 0

    A weight of unit u is ``hashed_uniform(chance, number, u, place)`` before scaling, where place counts the inputs, in
    a convolution the kernel's pixels row by row and then the channels; its bias has the place BIAS. So a wider layer,
    or one with more inputs, begins with the very numbers of a narrower one.
    Source of the range: LeCun et al. (1998), as in nn.Conv2d and nn.Linear.
    """
    units, fan_in = len(layer.weight), layer.weight[0].numel()
    places = np.append(np.arange(fan_in, dtype=np.uint64), np.uint64(BIAS))
    uniform = hashed_uniform(chance, number, np.arange(units, dtype=np.uint64)[:, None], places)
    scaled = (reach * (2 * uniform - 1) / np.sqrt(fan_in)).astype(np.float32)
    layer.weight = nn.Parameter(torch.tensor(scaled[:, :-1]).reshape(layer.weight.shape))
    if layer.bias is not None:
        layer.bias = nn.Parameter(torch.tensor(scaled[:, -1]))
    return layer


def image_form(sizes: Sizes, *, model: str) -> tuple[int, int, int]:
    """Channels, height and width of an example; an EngineError where it is no image.

    >>> image_form(Sizes((3, 32, 32), 10), model="convnet")
    (3, 32, 32)
    """
    if len(sizes.inputs) != 3:
        raise EngineError(
            f"a {model} reads images, of the form (channels, height, width), and an example of this data has the form "
            f"{sizes.inputs}: it has no pixels beside one another. "
            "Use an mlp for a table, recurrent or attention for sequences and text. Nothing was trained."
        )
    channels, height, width = sizes.inputs
    return channels, height, width


def _convolutions(spec: Convnet, sizes: Sizes) -> Iterator[tuple[int, int, int, int]]:
    """Of each convolution: its stage and its number there, both from 1, channels before and after it."""
    channels = image_form(sizes, model=spec.name)[0]
    for stage, width in enumerate(spec.channels, 1):
        for i in range(1, spec.depth + 1):
            yield stage, i, channels, width
            channels = width


def _last_form(spec: Convnet, sizes: Sizes) -> tuple[int, int, int]:
    """Channels, height and width of what the linear layer reads."""
    _, height, width = image_form(sizes, model=spec.name)
    stages, most = len(spec.channels), min(height, width).bit_length() - 1
    if stages > most:
        fitting = (
            f"Give channels={spec.channels[:most]}, or use larger images." if most else "Use larger images, or an mlp."
        )
        raise EngineError(
            f"a convnet with channels={spec.channels} halves an image {stages} time(s), and one of {height} × {width} "
            f"pixels can be halved {most} time(s) before nothing is left. {fitting} Nothing was trained."
        )
    return spec.channels[-1], height >> stages, width >> stages
