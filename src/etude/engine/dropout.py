"""Dropout whose mask is a pure function of counters, so that any engine draws the same one."""

import numpy as np
import torch
from torch import Tensor, nn

from etude.numerics.seeds import hashed_uniform


class CountedDropout(nn.Module):
    """Silences each hidden unit with probability p in training, and multiplies the others by 1 / (1 − p).

    Unit u of example i is kept where ``hashed_uniform(key, step, layer, i, u) >= p``:
    key:   ``key(seed, replicate, "dropout")``
    step:  optimiser steps already taken, 0 at the first; the training loop sets it before each step
    layer: the hidden layer, from 0
    i:     the position of the example in the batch, from 0; u: the unit, from 0

    So the mask depends neither on the width, nor on p but for the threshold, nor on what ran before.
    In evaluation mode it passes its input through. Source: Srivastava et al. (2014), scaled as in torch.
    """

    def __init__(self, probability: float, *, key: np.uint64, layer: int) -> None:
        """A dropout after one hidden layer."""
        super().__init__()
        self.probability, self.key, self.layer, self.step = probability, key, layer, 0

    def forward(self, hidden: Tensor) -> Tensor:
        """Shape (rows, units) to the same shape."""
        if not self.training:
            return hidden
        examples, units = (np.arange(n, dtype=np.uint64) for n in hidden.shape)
        draws = hashed_uniform(self.key, self.step, self.layer, examples[:, None], units)
        kept = torch.from_numpy(draws >= self.probability).to(hidden.device)
        return hidden * kept * (1 / (1 - self.probability))


def dropout_layers(model: nn.Module) -> list[CountedDropout]:
    """The layers of a model that must be told the optimiser step."""
    return [layer for layer in model.modules() if isinstance(layer, CountedDropout)]
