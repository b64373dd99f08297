"""On which side of its kinks each unit stands in one forward pass, and in which layer that is."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from etude.engine.layers import plain_name
from etude.engine.microscope.crossed import KINKS
from etude.engine.microscope.scene import Scene, Tensors

_aten = torch.ops.aten

POOLS: Mapping[Any, int] = MappingProxyType(
    {
        _aten.max_pool2d_with_indices.default: 1,
        _aten.max_pool3d_with_indices.default: 1,
        _aten.adaptive_max_pool2d.default: 1,
        _aten.adaptive_max_pool3d.default: 1,
    }
)
"""torch's function → which of what it gives are the winners: where another input begins to win, there is a kink."""


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Of one call of one function with kinks, in the shape of what it is given, or of what a pool gives.

    layer:  the innermost module that was running
    sides:  of one example or of all; whole numbers that change where a kink is crossed
    exact:  which units stand exactly at one; none of a pool, whose ties are between units that are both at 0
    values: of the units
    """

    layer: str
    sides: Tensor
    exact: Tensor
    values: Tensor


def outputs_and_sides(
    scene: Scene,
    weights: Tensors,
    inputs: Any,  # noqa: ANN401 - whatever the model takes
    example: int | None = None,
) -> tuple[Any, tuple[Sides, ...]]:
    """What the model says, and the sides of all its kinks in the order in which they are met.

    example: whose row of the first axis alone is looked at; None: all are
    """
    leaves = {name: value.detach().requires_grad_() for name, value in weights.items()}
    running: list[str] = [type(scene.model).__name__]
    with (
        _named(scene.model, running),
        _Seeing(running, example) as seeing,
    ):  # with a graph, else torch fuses what it does
        outputs = scene.outputs(leaves, inputs)
    return outputs, tuple(seeing.found)


class _Seeing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the sides of every input while a forward pass runs."""

    def __init__(self, running: Sequence[str], example: int | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Sides] = []
        self._running, self._example = running, example

    def _mine(self, values: Tensor) -> Tensor:
        one = self._example
        return values if one is None or values.dim() < 2 else values[one : one + 1]

    def __torch_dispatch__(  # the name, and what it is called with, are torch's
        self,
        func: Any,  # noqa: ANN401
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        places = KINKS.get(func)
        if places is not None and args[0].is_floating_point() and places(*args[1:]):
            given = self._mine(args[0].detach()).clone()  # since some functions write over it
            self.found.append(_around(self._running[-1], given, places(*args[1:])))
        made = func(*args, **(kwargs or {}))
        if func in POOLS:
            values, winners = (self._mine(one.detach()) for one in (made[0], made[POOLS[func]]))
            self.found.append(Sides(self._running[-1], winners, torch.zeros_like(winners, dtype=torch.bool), values))
        return made


def _around(layer: str, given: Tensor, places: Sequence[float]) -> Sides:
    exact = torch.zeros_like(given, dtype=torch.bool)
    sides = torch.zeros_like(given, dtype=torch.int64)
    for place in places:
        exact |= given == place
        sides += 2 * (given > place) + (given == place)
    return Sides(layer, sides, exact, given)


@contextmanager
def _named(model: nn.Module, running: list[str]) -> Iterator[None]:
    """The names of the modules that are running, innermost last."""
    names = {module: plain_name(name, module) for name, module in model.named_modules()}

    def before(module: nn.Module, args: object) -> None:
        running.append(names[module])

    def after(module: nn.Module, args: object, made: object) -> None:
        running.pop()

    handles = [module.register_forward_pre_hook(before) for module in names]
    handles += [module.register_forward_hook(after) for module in names]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
