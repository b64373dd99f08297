"""One optimiser step, taken by a double as a training loop would take it, and everything about it kept."""

import inspect
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from etude.engine.microscope.double import STATE, Double, said
from etude.engine.microscope.scene import Scene, chance_now, set_chance
from etude.engine.microscope.updates.moved import Moved
from etude.values.errors import EngineError

CLIP_EPSILON = 1e-6
"""What torch.nn.utils.clip_grad_norm_ adds to the norm that it divides by."""

FROZEN, NO_GRADIENT, NOT_OPTIMISED = "frozen", "no gradient", "not in the optimiser"
"""Why a weight did not move."""


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """A step that was taken by a double.

    scene:     before and after it
    loss:      of the batch, before
    clipping:  what clipping multiplied the gradient by; 1 where it did not
    settings:  of the group that a weight is in, by the weight's name; of those that could move
    states:    what the optimiser knew of these before the step
    weights:   all there are, as they were
    untouched: why each other weight could not move
    """

    scene: Scene
    optimizer: Optimizer
    loss: float
    clipping: float
    settings: Mapping[str, Mapping[str, Any]]
    states: Mapping[str, Mapping[str, Tensor]]
    weights: Mapping[str, Tensor]
    untouched: Mapping[str, str]

    def moved(self, name: str) -> Moved:
        """One weight in the step, in float64."""
        weights, state = exact(self.weights[name]), self.states.get(name, {})
        after, gradient = self.scene.after.get(name), self.scene.gradient.get(name)
        still = torch.zeros_like(weights)
        return Moved(
            weights=weights,
            gradient=still if gradient is None else exact(gradient),
            step=still if after is None else exact(after) - weights,
            clipping=self.clipping,
            state={key: exact(value) for key, value in state.items()},
            settings=self.settings.get(name, {}),
            count=count_of(state),
        )

    @property
    def count(self) -> int:
        """The number of the step, as the optimiser counts; 1 where it does not."""
        return max((count_of(state) for state in self.states.values()), default=1)


def taken(double: Double, *, clip_norm: float | None = None) -> Taken:
    """Take the step and put the double back to where it was; an EngineError where something raises."""
    model, optimizer, chance = double.model, double.optimizer, chance_now()
    named = dict(model.named_parameters())
    before, buffers = _copies(named), _copies(dict(model.named_buffers()))
    groups = {id(one): dict(group) for group in optimizer.param_groups for one in group["params"]}
    states = {id(one): _tensors_of(state) for one, state in optimizer.state.items()}
    loss, gradients, clipping = _stepped(double, clip_norm)
    after = _copies(named)
    _put_back(model, {**before, **buffers})
    untouched = {name: _why(one, id(one) in groups, name in gradients) for name, one in named.items()}
    movable = [name for name, why in untouched.items() if not why]
    trained = [name for name, one in named.items() if one.requires_grad]
    scene = Scene(
        model,
        double.inputs,
        double.targets,
        double.criterion,
        before=MappingProxyType({name: before[name] for name in trained}),
        after=MappingProxyType({name: after[name] for name in trained}),
        gradient=MappingProxyType({name: gradients.get(name, torch.zeros_like(before[name])) for name in trained}),
        buffers=MappingProxyType(buffers),
        chance=chance,
    )
    return Taken(
        scene,
        optimizer,
        loss,
        clipping,
        settings=MappingProxyType({name: groups[id(named[name])] for name in movable}),
        states=MappingProxyType({name: states.get(id(named[name]), {}) for name in movable}),
        weights=MappingProxyType(before),
        untouched=MappingProxyType({name: why for name, why in untouched.items() if why}),
    )


@contextmanager
def chance_kept() -> Iterator[None]:
    """Whatever is drawn within, of torch's, numpy's and Python's own chance, is not missed by what comes after."""
    torchs, numpys, own = chance_now(), np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        set_chance(torchs)
        np.random.set_state(numpys)
        random.setstate(own)


def check_steps_alone(optimizer: Optimizer) -> None:
    """Refuse an optimiser whose step asks for the loss again and again."""
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise EngineError(
            f"{type(optimizer).__name__} asks for the loss several times in one step, through a closure, so that there "
            "is no one gradient whose step could be taken apart. Look at an optimiser that takes one gradient a step, "
            f"such as SGD or Adam. {STATE}"
        )


def count_of(state: Mapping[str, Tensor]) -> int:
    """The number of the step that comes after a state, from 1; 1 where it does not count."""
    return int(state["step"]) + 1 if "step" in state else 1


def exact(values: Tensor) -> Tensor:
    """A copy in float64, on the CPU: some devices have no such numbers."""
    return values.detach().to("cpu", torch.float64, copy=True)


def dense(values: Tensor) -> Tensor:
    """A copy with all of a tensor's numbers, also of a sparse one."""
    return values.detach().to_dense() if values.is_sparse else values.detach().clone()


def _stepped(double: Double, clip_norm: float | None) -> tuple[float, dict[str, Tensor], float]:
    """Take the step: the loss before it, the gradients that there were, not clipped, and the clipping."""
    model, optimizer = double.model, double.optimizer
    optimizer.zero_grad()
    loss = double.loss()
    with said("the backward pass"):
        loss.backward()  # type: ignore[no-untyped-call]
    gradients = {name: dense(one.grad) for name, one in model.named_parameters() if one.grad is not None}
    clipping = 1.0
    if clip_norm is not None:
        norm = float(nn.utils.clip_grad_norm_(model.parameters(), clip_norm))
        clipping = min(1.0, clip_norm / (norm + CLIP_EPSILON))
    with said(f"the step of {type(optimizer).__name__}"):
        optimizer.step()
    return float(loss.detach()), gradients, clipping


@torch.no_grad()
def _put_back(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Weights and buffers as they were; no gradients, and dense ones from now on: sparse ones have no derivatives."""
    for name, one in (*model.named_parameters(), *model.named_buffers()):
        one.grad = None
        one.copy_(values[name])
    for module in model.modules():
        if isinstance(module, nn.Embedding | nn.EmbeddingBag):
            module.sparse = False


def _why(weight: nn.Parameter, is_optimised: bool, has_gradient: bool) -> str:  # noqa: FBT001 - two facts, in a table
    """Why a weight cannot move; empty where it can."""
    if not weight.requires_grad:
        return FROZEN
    if not is_optimised:
        return NOT_OPTIMISED
    return "" if has_gradient else NO_GRADIENT


def _copies(named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: one.detach().clone() for name, one in named.items()}


def _tensors_of(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Copies of the tensors and numbers in an optimiser's state."""
    numbers = {name: torch.tensor(float(one)) for name, one in state.items() if isinstance(one, int | float)}
    return numbers | {name: dense(one) for name, one in state.items() if isinstance(one, Tensor)}
