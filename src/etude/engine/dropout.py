"""Dropout whose mask is a pure function of counters, so that any engine draws the same one."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from etude.numerics.seeds import hashed_uniform

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Where torch keeps what somebody hung on a module."""


class CountedDropout(nn.Module):
    """Silences each unit with probability p in training, and multiplies the others by 1 / (1 − p).

    Unit u of example i is kept where ``hashed_uniform(key, step, layer, i, u) >= p``:
    key:   ``key(seed, replicate, "dropout")``
    step:  optimiser steps already taken, 0 at the first; the training loop sets it before each step
    layer: which of the network's dropout layers it is, from 0
    i:     the position of the example in the batch, from 0; u: the unit, from 0, images in row-major order

    So the mask depends neither on the width, nor on p but for the threshold, nor on what ran before.
    In evaluation mode it passes its input through. Source: Srivastava et al. (2014), scaled as in torch.
    """

    def __init__(self, probability: float, *, key: np.uint64, layer: int) -> None:
        """One dropout layer."""
        super().__init__()
        self.probability, self.key, self.layer, self.step = probability, key, layer, 0

    def forward(self, hidden: Tensor) -> Tensor:
        """Shape (rows, …) to the same shape."""
        if not self.training:
            return hidden
        examples = np.arange(len(hidden), dtype=np.uint64)
        units = np.arange(hidden[0].numel(), dtype=np.uint64)
        draws = hashed_uniform(self.key, self.step, self.layer, examples[:, None], units)
        kept = torch.from_numpy(draws >= self.probability).reshape(hidden.shape).to(hidden.device)
        return hidden * kept * (1 / (1 - self.probability))


def dropout_layers(model: nn.Module) -> list[CountedDropout]:
    """The layers of a model that must be told the optimiser step."""
    return [layer for layer in model.modules() if isinstance(layer, CountedDropout)]


def with_counted_dropout(model: nn.Module, *, key: np.uint64) -> nn.Module:
    """The model, where it is an nn.Sequential, with a CountedDropout in the place of each nn.Dropout.

    nn.Dropout draws from the one global generator, so its masks depend on whatever ran before, and no other engine can
    draw them. In a sequence each layer is called once a step, so counters say everything; elsewhere nothing is changed.
    """
    places = list(_places(model))
    if len({(id(sequence), i) for sequence, i, _ in places}) == len(places):  # one used twice calls it twice a step
        for layer, (sequence, i, probability) in enumerate(places):
            sequence[i] = CountedDropout(probability, key=key, layer=layer)
    return model


def _places(model: nn.Module) -> Iterator[tuple[nn.Sequential, int, float]]:
    if type(model) is not nn.Sequential or not _is_plain(model):
        return
    for i, child in enumerate(model):
        if type(child) is nn.Dropout and child.p < 1 and _is_plain(child):
            yield model, i, child.p
        else:
            yield from _places(child)


def _is_plain(module: nn.Module) -> bool:
    """Whether nothing of the user's was put on the module, which another in its place would lose."""
    return not any(vars(module)[name] for name in HOOKS) and "forward" not in vars(module)
