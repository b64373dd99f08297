"""The same step in float64, so that rounding cannot be what is seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from etude.engine.microscope.double import Double
from etude.engine.trees import mapped


@contextmanager
def in_float64() -> Iterator[None]:
    """Numbers that a model makes for itself, such as a first hidden state, are of float64 too."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


def shadowed(double: Double) -> Double:
    """The double in float64: weights, buffers, batch, and what the optimiser remembers, but for how many steps it took.

    The double itself is what becomes it; whole numbers stay whole.
    """
    double.model.double()
    if isinstance(double.criterion, nn.Module):
        double.criterion.double()
    for state in double.optimizer.state.values():
        state.update({name: _double(one) for name, one in state.items() if name != "step"})
    return replace(double, inputs=mapped(double.inputs, _double), targets=mapped(double.targets, _double))


def _double(value: Any) -> Any:  # noqa: ANN401 - whatever a state holds
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value
