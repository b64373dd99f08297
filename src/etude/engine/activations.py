"""Units that are dead or saturated, seen through forward hooks that stay for one step alone."""

import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from etude.engine.layers import eager_modules, plain_name, unwrapped

FLAT = 0.03
"""An output this near to the end of what a squashing function can say is in its flat part."""

Outside = Callable[[Tensor], Tensor]
Count = Callable[[Tensor], tuple[Tensor, int]]


def _in_flat_ends(y: Tensor) -> Tensor:
    return (y < FLAT) | (y > 1 - FLAT)


def likeliest(y: Tensor) -> Tensor:
    """The largest output of each example; classes lie along the second axis."""
    return y.amax(dim=1) if y.dim() > 1 else y.amax()


SATURATING: Mapping[type[nn.Module], Outside] = MappingProxyType(
    {nn.Tanh: lambda y: y.abs() > 1 - FLAT, nn.Sigmoid: _in_flat_ends, nn.Hardsigmoid: _in_flat_ends}
)
"""Which outputs are in the flat parts."""

RECTIFYING = (nn.ReLU, nn.ReLU6)
"""Activations whose output, and gradient, can be 0 for every example."""

PROBABILITIES: Mapping[type[nn.Module], Outside] = MappingProxyType(
    {
        nn.Sigmoid: _in_flat_ends,
        nn.Softmax: lambda y: _in_flat_ends(likeliest(y)),
        nn.LogSoftmax: lambda y: _in_flat_ends(likeliest(y).exp()),
    }
)
"""Last layers whose outputs are probabilities, and which of these are confident; of classes the likeliest counts."""

CONFIDENT = "signals/confident"


class Activations:
    """What the activations of a network do in one training step; nothing of it touches the step.

    seconds: what counting took
    error:   what went wrong in it, for `take` to raise: within the network nothing is raised
    """

    def __init__(self) -> None:
        """Nothing is hooked yet."""
        self.seconds = 0.0
        self.error: Exception | None = None
        self._handles: list[RemovableHandle] = []
        self._counts: dict[str, list[tuple[Tensor, int]]] = {}

    def install(self, model: nn.Module) -> None:
        """Hook every activation that runs eagerly; `remove` takes the hooks away."""
        last = _last(unwrapped(model))
        unit_axis = -1
        for name, module in eager_modules(model):
            unit_axis = _unit_axis(module, unit_axis)
            for quantity, counted in _looks(module, plain_name(name, module), unit_axis, is_last=module is last):
                hook = _Hook(self, module, quantity, counted)
                self._handles.append(module.register_forward_hook(hook))

    def remove(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def take(self) -> dict[str, list[tuple[Tensor, int]]]:
        """What was counted since the last call: by the name of a curve, how many, still on its device, of how many."""
        if self.error is not None:
            raise self.error
        counts, self._counts = self._counts, {}
        return counts

    @property
    def are_seen(self) -> bool:
        """Whether anything was counted since the last call of `take`."""
        return bool(self._counts)

    def note(self, quantity: str, counted: tuple[Tensor, int]) -> None:
        """Add a count. A module that is called several times a step has several."""
        self._counts.setdefault(quantity, []).append(counted)


class _Hook:
    """Counts in the output of the one module it was made for, while it is trained; copies and pickles do nothing."""

    def __init__(self, activations: Activations, module: nn.Module, quantity: str, counted: Count) -> None:
        self._activations, self._module = weakref.ref(activations), weakref.ref(module)
        self._quantity, self._counted = quantity, counted

    def __call__(self, module: nn.Module, inputs: object, output: object) -> None:
        if torch.compiler.is_compiling():  # folded away: compiled code is the same as without the hook
            return
        activations = self._activations()
        if activations is None or self._module() is not module or not isinstance(output, Tensor):
            return
        if not (module.training and torch.is_grad_enabled()) or is_captured(output):
            return
        began = time.perf_counter()
        try:
            with torch.no_grad():
                activations.note(self._quantity, self._counted(output.detach()))
        except Exception as error:  # noqa: BLE001 - nobody's network fails because étude has a mistake
            activations.error = error
        activations.seconds += time.perf_counter() - began

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        """A model that is saved or copied while it is hooked gets, in this hook's place, one that does nothing."""
        return getattr, (nullcontext(), "__exit__")


def is_captured(tensor: Tensor) -> bool:
    """Whether it is part of a CUDA graph that is being recorded, which a look at its values would break."""
    return tensor.is_cuda and torch.cuda.is_current_stream_capturing()


def _looks(module: nn.Module, name: str, unit_axis: int, *, is_last: bool) -> list[tuple[str, Count]]:
    """What is counted of a module, by the name of its curve."""
    confident = PROBABILITIES.get(type(module)) if is_last else None
    if confident is not None:
        return [(CONFIDENT, lambda y: _share(confident(y)))]
    saturated = SATURATING.get(type(module))
    if saturated is not None:
        return [(f"layers/{name}/saturated", lambda y: _share(saturated(y)))]
    if isinstance(module, RECTIFYING):
        return [(f"layers/{name}/dead", lambda y: dead_units(y, unit_axis))]
    return []


def _share(outside: Tensor) -> tuple[Tensor, int]:
    return outside.sum(), outside.numel()


def dead_units(output: Tensor, unit_axis: int) -> tuple[Tensor, int]:
    """How many units were 0 on every example of a batch, of how many; a unit is a place along `unit_axis`.

    >>> count, units = dead_units(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]), -1)
    >>> int(count), units
    (1, 3)
    """
    axis = unit_axis % output.dim() if output.dim() > 1 else 0
    others = [i for i in range(output.dim()) if i != axis]
    sizes = output.abs()
    dead = (sizes.sum(dim=others) if others else sizes).eq(0)  # `any` would take ten times as long
    return dead.sum(), dead.numel()


CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def _unit_axis(module: nn.Module, before: int) -> int:
    """Along which axis the units of the activations after a module lie: channels after a convolution."""
    if isinstance(module, CONVOLUTIONS):
        return 1
    return -1 if isinstance(module, nn.Linear | nn.Flatten) else before


def _last(model: nn.Module) -> nn.Module | None:
    """The last module that has none within it."""
    leaves = [module for module in model.modules() if next(module.children(), None) is None]
    return leaves[-1] if leaves else None
