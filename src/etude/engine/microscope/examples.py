"""The examples of a batch one by one: their losses, and which of them is asked about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from warnings import catch_warnings, simplefilter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from etude.engine.microscope.scene import Scene
from etude.engine.trees import n_examples, only
from etude.values.errors import EngineError

Reduction = Literal["mean", "sum"]

SAME_LOSS = 1e-4
"""Relative difference between the batch's loss and that of its examples together which is still rounding in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class ExampleLosses:
    """The criterion of each example as a batch of one.

    values:    shape (examples,); empty where the criterion cannot take an example alone
    reduction: how the batch's loss is made of them; None where it is neither their mean nor their sum
    """

    values: NDArray[np.float64]
    reduction: Reduction | None


def example_losses(scene: Scene) -> ExampleLosses:
    """The losses of the batch's examples, their outputs being those of the batch."""
    with torch.no_grad():
        outputs = scene.outputs(scene.before)
        whole = float(scene.criterion(outputs, scene.targets))
        try:
            losses = [
                float(scene.criterion(only(outputs, i), only(scene.targets, i))) for i in range(n_examples(outputs))
            ]
        except (RuntimeError, ValueError, IndexError, TypeError):  # what torch's and most others' losses raise
            return ExampleLosses(np.empty(0), None)
    values = np.array(losses)
    return ExampleLosses(values, reduction_of(values, whole))


def reduction_of(losses: NDArray[np.float64], whole: float) -> Reduction | None:
    """How the loss of a batch is made of those of its examples.

    >>> reduction_of(np.array([1.0, 2.0]), 1.5), reduction_of(np.array([1.0, 2.0]), 3.0)
    ('mean', 'sum')
    """
    if not losses.size:
        return None
    room = SAME_LOSS * max(abs(whole), float(np.abs(losses).mean()))
    if abs(losses.mean() - whole) <= room:
        return "mean"
    return "sum" if abs(losses.sum() - whole) <= room * losses.size else None


def checked_example(example: int, n: int) -> int:
    """A number of an example that is in the batch; an EngineError for any other.

    >>> checked_example(3, 4)
    3
    """
    if not 0 <= example < n:
        raise EngineError(
            f"example {example} is asked for, and the batch has {n}: examples are counted from 0, to {n - 1} here. "
            "Nothing was changed."
        )
    return example


def one_output(outputs: Any, example: int) -> Tensor:  # noqa: ANN401 - whatever the model gives
    """The outputs of an example; a TypeError where the model gives something else than one tensor."""
    if not isinstance(outputs, Tensor):
        raise TypeError(f"the model gives a {type(outputs).__name__}, and a path ends in one tensor")
    return outputs[example]


@contextmanager
def trying() -> Iterator[None]:
    """For derivatives of anything: gradients on, no warning that torch could be faster, plain recurrent networks."""
    with catch_warnings(), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        simplefilter("ignore")
        yield
