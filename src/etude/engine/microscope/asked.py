"""What is to be seen of a step, checked where it is asked for, and what a reader must know of how it was seen."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim import Optimizer

from etude.engine.layers import is_compiled, unwrapped
from etude.engine.microscope.double import STATE
from etude.engine.microscope.scene import Scene
from etude.engine.microscope.taken import Taken, check_steps_alone
from etude.engine.probes import DROPPING
from etude.engine.trained_by import inner_of, own
from etude.engine.trees import tensors_in
from etude.values.errors import EngineError

ORDER = "etude.microscope(model, loss, (inputs, targets), optimizer)"

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

COARSE = (torch.float16, torch.bfloat16)


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """What of a step is to be seen.

    step:    its number, from 1; 0: as the optimiser counts, 1 where it does not
    example, output, weight: whose path is written out; None: those that matter most
    shadow:  whether the step is taken in float64
    clip_norm: the norm at which the gradient is clipped before the step; None: it is not
    whole:   inputs of the whole set, on which dead units are looked for
    flipped: whether the label of each example was made wrong on purpose, shape (examples,)
    path, pulls, line, network: None: where the network is small
    curvature: the largest eigenvalues, which take some dozen passes
    surface: the loss over a plane through the weights, which takes some hundred passes
    totals:  whether single numbers are left out; None: where the network is not small
    """

    step: int = 0
    example: int | None = None
    output: int | None = None
    weight: tuple[str, tuple[int, ...]] | None = None
    shadow: bool = False
    clip_norm: float | None = None
    whole: Any = None
    flipped: NDArray[np.bool_] | None = None
    path: bool | None = None
    pulls: bool | None = None
    line: bool | None = None
    network: bool | None = None
    curvature: bool = False
    surface: bool = False
    totals: bool | None = None

    def __post_init__(self) -> None:
        if self.step < 0:
            raise EngineError(f"step={self.step}: steps are counted from 1. Leave it out to count on. {STATE}")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise EngineError(
                f"clip_norm={self.clip_norm!r}: the limit of a gradient's norm is a number above 0. Leave it out where "
                f"nothing is clipped. {STATE}"
            )


EVERYTHING = Wanted()
"""All that a small network has to show, but for its curvature."""


def check_given(model: object, criterion: object, batch: object, optimizer: object) -> None:
    """Refuse what is no model, no loss, no batch or no optimiser of the kind that can be looked at."""
    for given, kind, says in (
        (model, nn.Module, "the first argument is {}, not a model of PyTorch (torch.nn.Module)"),
        (optimizer, Optimizer, "the last argument is {}, not an optimiser of PyTorch (torch.optim.Optimizer)"),
    ):
        if not isinstance(given, kind):
            raise EngineError(f"{says.format(f'a {type(given).__name__}')}. The order is {ORDER}. {STATE}")
    if not callable(criterion):
        raise EngineError(
            f"the loss is a {type(criterion).__name__}, and must be a function of (outputs, targets), such as "
            f"torch.nn.functional.mse_loss. The order is {ORDER}. {STATE}"
        )
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        got = f"{len(batch)} things" if isinstance(batch, tuple | list) else f"a {type(batch).__name__}"
        raise EngineError(
            f"the batch is {got}, and must be a pair (inputs, targets). Several inputs go in a tuple or a dict of "
            f"their own: ((one, other), targets). {STATE}"
        )
    if isinstance(model, nn.Module) and isinstance(optimizer, Optimizer):  # both are, as said above
        _check_weights(model, optimizer)


def _check_weights(model: nn.Module, optimizer: Optimizer) -> None:
    inner = unwrapped(model)
    check_steps_alone(inner_of(optimizer))
    trained = {name: one for name, one in inner.named_parameters() if one.requires_grad}
    if not trained:
        raise EngineError(
            f"{type(inner).__name__} has no weight that requires a gradient, so that no step moves it. Unfreeze some "
            f"(requires_grad_(True)). {STATE}"
        )
    numbered = next((name for name, one in trained.items() if one.is_complex()), None)
    if numbered is not None:
        raise EngineError(
            f"the weights {numbered} are complex numbers, of which étude takes no step apart. Write them as two real "
            f"tensors (torch.view_as_real). {STATE}"
        )
    if not own(inner, [inner_of(optimizer)])[0]:
        raise EngineError(
            f"{type(optimizer).__name__} holds no weight of this {type(inner).__name__}, so that its step moves none. "
            f"Give the one that was made of model.parameters(), made again if the model was replaced. {STATE}"
        )


def remarks(model: nn.Module, optimizer: Optimizer, step: Taken, wanted: Wanted) -> Iterator[str]:
    """What limits a record, as sentences."""
    inner = unwrapped(model)
    yield from _on_wrapping(model)
    resting = sorted({type(one).__name__ for one in inner.modules() if _waits_for_training(one)})
    if resting:
        yield f"the step was taken in evaluation mode, in which {' and '.join(resting)} do not what they do in training"
    kinds = {one.dtype for one in inner.parameters()}
    coarse = [str(kind).rpartition(".")[2] for kind in COARSE if kind in kinds]
    if coarse and not wanted.shadow:
        yield f"weights are {' and '.join(coarse)}, with about 3 digits: differences of losses are mostly rounding"
    if torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"):
        yield "autocast is on, so that the step was reckoned in mixed precision"
    dropping = any(isinstance(one, DROPPING) and one.training for one in inner.modules())
    if wanted.shadow and dropping:
        yield "in float64 torch draws other dropout masks than in float32"
    if any(one.grad is not None for one in inner.parameters()):
        yield "gradients that were there are left out, and kept: the step is of this batch's own"
    yield from _on_groups(inner_of(optimizer), step)
    yield from _on_numbers(step)


def _on_wrapping(model: nn.Module) -> Iterator[str]:
    inner = unwrapped(model)
    if inner is not model or any(map(is_compiled, inner.modules())):
        yield "compiled or parallel parts were run as they are written, on this process's batch alone"
    hooked = sum(bool(vars(one)["_forward_hooks"]) for one in inner.modules())
    if hooked:
        yield f"{hooked} modules have forward hooks of your own, which ran with every pass that the microscope took"


def _waits_for_training(module: nn.Module) -> bool:
    return isinstance(module, (*DROPPING, *BATCH_NORMS)) and not module.training


def _on_groups(optimizer: Optimizer, step: Taken) -> Iterator[str]:
    first, *others = (
        {name: one for name, one in group.items() if name != "params"} for group in optimizer.param_groups
    )
    differing = sorted({name for group in others for name in group if str(group[name]) != str(first.get(name))})
    if differing:
        yield f"the optimiser's groups differ in {', '.join(differing)}; shown are those of the first"
    mine = len(step.settings) + sum(why != "not in the optimiser" for why in step.untouched.values())
    elsewhere = sum(len(group["params"]) for group in optimizer.param_groups) - mine
    if elsewhere > 0:
        yield f"the optimiser also moves {elsewhere} tensors that are not the model's, which are not shown"


def _on_numbers(step: Taken) -> Iterator[str]:
    """Where numbers first went bad: in what was given, on the way forward or back, or in the step itself.

    All that comes after it is bad by it, and is not told again. Where the gradient is a number no input is blamed: what
    comes after the end of a sequence may be NaN.
    """
    scene, is_lost = step.scene, not math.isfinite(step.loss)
    back = next((name for name, one in reversed(list(scene.gradient.items())) if not _is_finite(one)), None)
    bad = [name for name, one in scene.before.items() if not _is_finite(one)]
    if is_lost:  # a buffer may be infinite, as a mask is
        bad += [name for name, one in scene.buffers.items() if bool(one.isnan().any())]
    batch = {"the batch's inputs": scene.inputs, "the batch's targets": scene.targets} if is_lost or back else {}
    given = next((name for name, one in batch.items() if not all(map(_is_finite, tensors_in(one)))), None)
    lost = next((name for name, one in scene.after.items() if not _is_finite(one)), None)
    if bad:
        yield f"{_first_bad(scene, bad[0])} is not finite before the step{_others(bad[1:])}"
    if given is not None:
        yield f"{given} are not finite"
    if bad or given is not None:
        return
    if is_lost:
        yield "the loss is not finite, and all weights and inputs are: it went bad on the way forward"
    elif back is not None:
        yield f"the first gradient that is not finite, on the way back, is that of {back}"
    elif lost is not None:
        yield f"after the step {lost} is not finite any more"


def _others(names: Sequence[str]) -> str:
    if len(names) > 1:
        return f", and {len(names)} other tensors are not"
    return f", nor is {names[0]}" if names else ""


def _first_bad(scene: Scene, name: str) -> str:
    """The first number of a tensor that is not finite.

    Its index is left out where the tensor is one number.
    """
    values = {**scene.before, **scene.buffers}[name]
    index = (~torch.isfinite(values)).nonzero()[0].tolist()
    return f"{name}{index if index else ''}"


def _is_finite(values: torch.Tensor) -> bool:
    return bool(torch.isfinite(values).all())
