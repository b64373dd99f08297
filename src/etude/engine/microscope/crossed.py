"""Which side of its kinks every unit is on, seen in torch's own functions, so that nothing is missed for its name."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from etude.engine.microscope.scene import Scene, Tensors

Places = Callable[..., Sequence[float]]
"""The arguments of a function after its input → the inputs at which it has kinks."""

_aten = torch.ops.aten


def _at_zero(*_: object) -> Sequence[float]:
    return (0.0,)


def _at_three(*_: object) -> Sequence[float]:
    return (-3.0, 3.0)


def _at_first(at: float, *_: object) -> Sequence[float]:
    return (float(at),)


def _at_both(low: float | None = -1.0, high: float | None = 1.0) -> Sequence[float]:
    return [float(one) for one in (low, high) if one is not None]


def _around_zero(bound: float = 0.5) -> Sequence[float]:
    return (-float(bound), float(bound))


def _of_elu(alpha: float = 1.0, *_: object) -> Sequence[float]:
    return () if alpha == 1 else (0.0,)  # only at 1 the slopes of both sides meet


KINKS: Mapping[Any, Places] = MappingProxyType(
    {
        _aten.relu.default: _at_zero,
        _aten.relu_.default: _at_zero,
        _aten.leaky_relu.default: _at_zero,
        _aten.leaky_relu_.default: _at_zero,
        _aten._prelu_kernel.default: _at_zero,  # noqa: SLF001 - what nn.PReLU calls
        _aten.rrelu_with_noise.default: _at_zero,
        _aten.rrelu_with_noise_.default: _at_zero,
        _aten.abs.default: _at_zero,
        _aten.elu.default: _of_elu,
        _aten.elu_.default: _of_elu,
        _aten.hardtanh.default: _at_both,
        _aten.hardtanh_.default: _at_both,
        _aten.hardsigmoid.default: _at_three,
        _aten.hardsigmoid_.default: _at_three,
        _aten.hardswish.default: _at_three,
        _aten.hardswish_.default: _at_three,
        _aten.softshrink.default: _around_zero,
        _aten.hardshrink.default: _around_zero,
        _aten.threshold.default: _at_first,
        _aten.threshold_.default: _at_first,
        _aten.clamp.default: lambda low=None, high=None: _at_both(low, high),
        _aten.clamp_.default: lambda low=None, high=None: _at_both(low, high),
        _aten.clamp_min.default: _at_first,
        _aten.clamp_min_.default: _at_first,
    }
)
"""torch's function → its kinks, whether it is called as a module, by name or within another function."""

Sides = tuple[Tensor, ...]
"""Of every call of such a function and each of its kinks, whether its inputs lie above it."""


class _Seeing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the sides of every input while a forward pass runs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.sides: list[Tensor] = []

    def __torch_dispatch__(  # the name, and what it is called with, are torch's
        self,
        func: Any,  # noqa: ANN401
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        places = KINKS.get(func)
        if places is not None and args[0].is_floating_point():
            self.sides += [args[0] > at for at in places(*args[1:])]
        return func(*args, **(kwargs or {}))


def loss_and_sides(scene: Scene, weights: Tensors) -> tuple[float, Sides]:
    """The batch's loss at these weights, and on which sides of their kinks its units are."""
    leaves = {name: value.detach().requires_grad_() for name, value in weights.items()}
    with _Seeing() as seeing:  # with a graph, since without one torch takes fused ways that hide what they do
        loss = scene.loss(leaves)
    return float(loss.detach()), tuple(seeing.sides)


def crossed(before: Sides, after: Sides) -> tuple[int, int, tuple[str, ...]]:
    """How many (example, unit) pairs changed sides, of how many could, and a note where the two passes differ.

    >>> crossed((torch.tensor([True, False]),), (torch.tensor([True, True]),))
    (1, 2, ())
    """
    alike = len(before) == len(after) and all(a.shape == b.shape for a, b in zip(before, after, strict=True))
    if not alike:
        says = "the model takes another way after the step than before it, so that crossed kinks cannot be counted"
        return 0, 0, (says,)
    changed = sum(int((a != b).sum()) for a, b in zip(before, after, strict=True))
    return changed, sum(one.numel() for one in before), ()
