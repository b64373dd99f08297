"""What dropout let through in a batch, so that the same can be let through of one example alone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from etude.engine.dropout import CountedDropout
from etude.engine.microscope.scene import Scene

MULTIPLYING = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, CountedDropout)
"""Modules that in training multiply each number by 0 or 1/(1 − p), whatever it is."""


def dropping(model: nn.Module) -> list[nn.Module]:
    """The modules that drop in the modes they are in."""
    return [one for one in model.modules() if isinstance(one, MULTIPLYING) and one.training]


def masks_of(scene: Scene) -> tuple[Tensor, ...]:
    """What each call of dropout multiplied the batch by, in the order of the calls; none where nothing drops.

    Each is asked what it makes of ones: what it draws depends on the shape alone.
    """
    masks: list[Tensor] = []
    given: list[Tensor] = []

    def ones(module: nn.Module, args: tuple[Tensor, ...]) -> Tensor:
        given.append(args[0].clone())
        return torch.ones_like(args[0])

    def multiply(module: nn.Module, args: object, mask: Tensor) -> Tensor:
        masks.append(mask)
        return given.pop() * mask

    modules = dropping(scene.model)
    handles = [module.register_forward_pre_hook(ones) for module in modules]
    handles += [module.register_forward_hook(multiply) for module in modules]
    try:
        with torch.no_grad():
            scene.outputs(scene.before)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(masks)


@contextmanager
def letting_through(model: nn.Module, masks: Sequence[Tensor]) -> Iterator[None]:
    """Within, dropout multiplies by these, in order, instead of drawing; modes are put back at the end."""
    waiting = iter(masks)

    def multiply(module: nn.Module, args: Any, passed: Tensor) -> Tensor:  # noqa: ANN401 - torch's
        return passed * next(waiting)

    modules = dropping(model)
    handles = [module.register_forward_hook(multiply) for module in modules]
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for module in modules:
            module.training = True
