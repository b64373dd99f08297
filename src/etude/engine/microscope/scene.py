"""What a microscope looks at: a model, a batch and its loss, before a step and after it, to be tried at any weights."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.backends.cudnn import flags
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

Tensors = Mapping[str, Tensor]
"""Tensors by the name of the parameter they belong to."""


@dataclass(frozen=True, slots=True, eq=False)
class Chance:
    """The state of torch's generators when the step was taken, so that dropout drops the same again."""

    cpu: Tensor
    cuda: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A step and all that is needed to ask what it did.

    model:      its own weights, buffers and modes are never changed by a scene: what is tried is given
    inputs, targets: the batch; what the model takes, a tensor or several in a tuple, list or dict
    criterion:  (outputs, targets) → the batch's loss, a scalar
    before, after: the trainable parameters, detached copies; an entry for each name, shared ones once
    gradient:   of the batch's loss by them, before clipping, without penalties; 0 where a parameter had none
    chance:     of when the step was taken
    buffers:    detached copies from before the step; every trial gets its own copy of them
    """

    model: nn.Module
    inputs: Any
    targets: Any
    criterion: Callable[[Any, Any], Tensor]
    before: Tensors
    after: Tensors
    gradient: Tensors
    buffers: Tensors
    chance: Chance

    @property
    def step(self) -> Tensors:
        """What the optimiser did: after less before."""
        return {name: self.after[name] - weights for name, weights in self.before.items()}

    def outputs(self, weights: Tensors, inputs: Any | None = None) -> Any:  # noqa: ANN401 - whatever the model gives
        """What the model says with these weights, in the modes it is in; chance and buffers as at the step.

        Derivatives of every order exist: attention takes its plain form, and recurrence on a GPU torch's own.
        """
        given = self.inputs if inputs is None else inputs
        arguments = tuple(given) if isinstance(given, tuple | list) else (given,)
        named = given if isinstance(given, dict) else {}
        buffers = {name: value.clone() for name, value in self.buffers.items()}
        recurrent = any(isinstance(module, nn.RNNBase) for module in self.model.modules())
        plain = flags(enabled=False) if recurrent else nullcontext()  # cuDNN's has first derivatives alone
        with drawn_from(self.chance), sdpa_kernel(SDPBackend.MATH), plain:
            return functional_call(self.model, {**weights, **buffers}, () if named else arguments, named or None)

    def loss(self, weights: Tensors) -> Tensor:
        """The batch's loss with these weights, with a graph where they ask for one."""
        return self.criterion(self.outputs(weights), self.targets)

    def gradient_at(self, weights: Tensors) -> tuple[float, dict[str, Tensor]]:
        """The batch's loss and its gradient at these weights; 0 for weights that it does not depend on."""
        leaves = {name: value.detach().requires_grad_() for name, value in weights.items()}
        loss = self.loss(leaves)
        found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
        return float(loss.detach()), dict(zip(leaves, found, strict=True))

    def hessian_times(self, direction: Tensors, weights: Tensors | None = None) -> dict[str, Tensor]:
        """The Hessian of the batch's loss times a direction, at the weights before the step where none are given.

        A RuntimeError where a function of the model's has no second derivative.
        Source: Pearlmutter (1994), doi:10.1162/neco.1994.6.1.147: the gradient of gradient times direction.
        """
        at = self.before if weights is None else weights
        leaves = {name: value.detach().clone().requires_grad_() for name, value in at.items()}
        loss = self.loss(leaves)
        first = torch.autograd.grad(
            loss, list(leaves.values()), create_graph=True, allow_unused=True, materialize_grads=True
        )
        along = sum((g * direction[name]).sum() for name, g in zip(leaves, first, strict=True))
        if not isinstance(along, Tensor) or not along.requires_grad:
            return {name: torch.zeros_like(value) for name, value in leaves.items()}
        check_derivable(along)
        second = torch.autograd.grad(along, list(leaves.values()), allow_unused=True, materialize_grads=True)
        return dict(zip(leaves, second, strict=True))


def check_derivable(gradient: Tensor) -> None:
    """Refuse one that a function marked `once_differentiable` had a part in: torch would take its derivative for 0."""
    waiting, seen = [gradient.grad_fn], set[object]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        if type(node).__name__ == "Error":  # torch has no public name for it
            raise RuntimeError("a function of the model's is marked once_differentiable, and has no second derivative")
        seen.add(node)
        waiting += [before for before, _ in node.next_functions]


class drawn_from:  # noqa: N801 - reads as a word in `with`
    """Draw from torch's generators as they were at a moment, and leave them as they are now."""

    def __init__(self, chance: Chance) -> None:
        """chance: of that moment."""
        self._then = chance

    def __enter__(self) -> None:
        self._now = chance_now()
        set_chance(self._then)

    def __exit__(self, *error: object) -> None:
        set_chance(self._now)


def chance_now() -> Chance:
    """The state of torch's generators."""
    on = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return Chance(torch.get_rng_state(), tuple(torch.cuda.get_rng_state_all()) if on else ())


def set_chance(chance: Chance) -> None:
    """Put torch's generators into that state."""
    torch.set_rng_state(chance.cpu)
    if chance.cuda:
        torch.cuda.set_rng_state_all(list(chance.cuda))


def dot(one: Tensors, other: Tensors) -> float:
    """The scalar product over all tensors, summed in float64.

    >>> dot({"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([3.0, 4.0])})
    11.0
    """
    return float(sum((value.double() * other[name].double()).sum() for name, value in one.items()))
