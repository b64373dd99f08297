"""One optimiser step under the microscope: taken by a copy, and everything about it recorded."""

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from etude.engine.build import SHARE
from etude.engine.layers import is_compiled
from etude.engine.microscope.asked import EVERYTHING, Wanted, check_given, remarks
from etude.engine.microscope.double import Criterion, doubled, said
from etude.engine.microscope.probing import Probing, with_probes
from etude.engine.microscope.scene import Scene, dot
from etude.engine.microscope.shadow import in_float64, shadowed
from etude.engine.microscope.taken import Taken, chance_kept, taken
from etude.engine.microscope.updates.apart import STRONGEST, Dissected, dissected, strongest, tensor_step
from etude.engine.microscope.updates.moved import Apart, penalty_in
from etude.engine.microscope.worked import penalty, precision, worked, worked_with_penalty
from etude.engine.trees import n_examples
from etude.values.step_record import Coordinate, StepRecord, TensorStep, Worked

__all__ = ["Wanted", "look", "looked_at"]

MOST_SHOWN = 100_000
"""Weights of a network up to which it is small; of more a record has totals only: it holds ten numbers of each."""

UNTOLD = ("params", "lr", SHARE, "foreach", "fused", "capturable", "differentiable")
"""Settings of an optimiser that change nothing of its step, or are told elsewhere."""

TRIED_AGAIN = 64
"""Roundings by which the loss may differ when it is tried again: attention then takes its plain form."""


def look(
    model: nn.Module, criterion: Criterion, batch: tuple[Any, Any], optimizer: Optimizer, wanted: Wanted = EVERYTHING
) -> StepRecord:
    """The step that the optimiser would take on this batch, every number of it.

    criterion: (outputs, targets) → the loss, a scalar
    batch:     (inputs, targets); inputs are what the model takes: a tensor, or several in a tuple or a dict by name
    optimizer: of any kind that takes one gradient a step; one that étude does not know is taken apart more coarsely

    The step is taken by a copy, in the modes that the model is in, of the gradient of this batch alone: the model, its
    buffers, gradients and modes, the optimiser's state and all chance are left as they are, bit for bit. That takes
    about as much memory again as the model, its optimiser and a step of theirs do.
    """
    return looked_at(model, criterion, batch, optimizer, wanted)[0]


def looked_at(
    model: nn.Module, criterion: Criterion, batch: tuple[Any, Any], optimizer: Optimizer, wanted: Wanted = EVERYTHING
) -> tuple[StepRecord, Scene]:
    """The same as `look`, and the scene for whoever has more to ask."""
    check_given(model, criterion, batch, optimizer)
    with _plainly(model), chance_kept(), ExitStack() as stack:
        double = doubled(model, criterion, batch, optimizer)
        if wanted.shadow:
            stack.enter_context(in_float64())
            double = shadowed(double)
        step = taken(double, clip_norm=wanted.clip_norm)
        stack.enter_context(_derivable(double.model))
        notes = list(remarks(model, optimizer, step, wanted))
        return _record(step, wanted, notes), step.scene


def _record(step: Taken, wanted: Wanted, notes: list[str]) -> StepRecord:
    """The step itself, and all that is asked about it."""
    is_small = sum(one.numel() for one in step.scene.before.values()) <= MOST_SHOWN
    alone = _alone(step, notes, totals=not is_small if wanted.totals is None else wanted.totals)
    numbered = replace(alone, step=wanted.step or alone.step)
    whole = with_probes(numbered, step, wanted, Probing(notes, is_small=is_small))
    return replace(whole, notes=tuple(dict.fromkeys(notes)))


def _alone(step: Taken, notes: list[str], *, totals: bool) -> StepRecord:
    """The step taken apart, and whether it worked."""
    scene, optimizer = step.scene, step.optimizer
    tensors, coordinates = _tensors(step, notes, totals=totals)
    with said("the loss at other weights"):
        done, more = worked(scene)
    notes += [*more, *_differing(step, done)]
    penalties = {name: penalty_in(one) for name, one in step.settings.items() if penalty_in(one)}
    return StepRecord(
        step=step.count,
        optimizer=type(optimizer).__name__,
        rate=float(optimizer.param_groups[0].get("lr", math.nan)),
        settings=_settings(optimizer),
        examples=n_examples(scene.inputs),
        precision=_precision(scene),
        loss=step.loss,
        penalty=penalty(scene.before, penalties),
        gradient_norm=math.sqrt(dot(scene.gradient, scene.gradient)),
        step_norm=math.hypot(*(one.step_norm for one in tensors)),
        layers=(),
        tensors=tensors,
        strongest=coordinates,
        worked=done,
        worked_with_penalty=worked_with_penalty(scene, done, penalties) if penalties else None,
        provenance=MappingProxyType({"torch": str(torch.__version__), "device": str(_device(scene))}),
    )


def _tensors(step: Taken, notes: list[str], *, totals: bool) -> tuple[tuple[TensorStep, ...], tuple[Coordinate, ...]]:
    """Every tensor's step taken apart, one after the other, so that only one lies in float64 at a time."""
    epsilon = precision(step.scene)
    tensors, coordinates = [], []
    for name in step.weights:
        moved, why = step.moved(name), step.untouched.get(name, "")
        if why:
            tensors.append(tensor_step(Dissected(name, moved, Apart({}, {}), untouched=why), totals=totals))
            continue
        of, note = dissected(name, moved, type(step.optimizer), epsilon=epsilon)
        notes += [note] if note else []
        tensors.append(tensor_step(of, totals=totals))
        coordinates += strongest(of)
    coordinates.sort(key=lambda one: -abs(one.step))
    return tuple(tensors), tuple(coordinates[:STRONGEST])


def _settings(optimizer: Optimizer) -> Mapping[str, float | bool | str]:
    """The settings of the first group, but for the learning rate."""
    told: dict[str, float | bool | str] = {}
    for name, value in optimizer.param_groups[0].items():
        if name in UNTOLD or value is None:
            continue
        told[name] = ", ".join(map(_word, value)) if isinstance(value, tuple | list) else _plain(value)
    return MappingProxyType(told)


def _plain(value: Any) -> float | bool | str:  # noqa: ANN401 - whatever a group holds
    if isinstance(value, bool):
        return value
    return float(value) if isinstance(value, int | float | torch.Tensor) else str(value)


def _word(value: Any) -> str:  # noqa: ANN401 - as above
    plain = _plain(value)
    return f"{plain:g}" if isinstance(plain, float) else str(plain).lower()


def _differing(step: Taken, done: Worked) -> Iterator[str]:
    """Whether the loss is the same when it is tried again."""
    if abs(done.before - step.loss) > TRIED_AGAIN * precision(step.scene) * abs(step.loss):
        yield (
            f"tried again with the same weights and chance the loss is {done.before:.6g}, and was {step.loss:.6g} in "
            "the step: the model goes by something else too, such as numpy's chance, a clock, or what it keeps from "
            "call to call, so that predictions and outcome are of different losses"
        )


def _precision(scene: Scene) -> str:
    kinds = dict.fromkeys(str(one.dtype).rpartition(".")[2] for one in scene.before.values())
    return " and ".join(kinds)


def _device(scene: Scene) -> torch.device:
    return next(iter(scene.before.values())).device


@contextmanager
def _plainly(model: nn.Module) -> Iterator[None]:
    """Gradients on, and everything run as it is written, whatever is the case outside."""
    compiled = any(map(is_compiled, model.modules()))
    eager = torch.compiler.set_stance("force_eager") if compiled else nullcontext()
    with torch.inference_mode(mode=False), torch.enable_grad(), eager:
        yield


def _derivable(model: nn.Module) -> AbstractContextManager[None]:
    """Recurrent layers as they are written: those of cuDNN have no second derivatives."""
    fast = any(isinstance(one, nn.RNNBase) for one in model.modules()) and torch.cuda.is_available()
    return torch.backends.cudnn.flags(enabled=False) if fast else nullcontext()
