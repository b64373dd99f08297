"""What can be asked of a step beyond the step itself: layers, a path, who pulls, curvature, the losses around it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from etude.engine.microscope.asked import Wanted
from etude.engine.microscope.curvature import CurvatureOf, Kind, curvature_of
from etude.engine.microscope.layers_seen import layers_seen
from etude.engine.microscope.line import loss_line, points_for
from etude.engine.microscope.network_seen import network_of
from etude.engine.microscope.path import path_of
from etude.engine.microscope.pulls import pulls_and_noise
from etude.engine.microscope.scene import Scene
from etude.engine.microscope.surface import loss_surface
from etude.engine.microscope.taken import Taken
from etude.engine.microscope.updates.apart import dissected
from etude.engine.microscope.updates.moved import SCALE
from etude.engine.microscope.worked import precision
from etude.values.errors import EngineError
from etude.values.step_record import LossLine, LossSurface, Noise, Pulls, StepRecord

KINDS: Mapping[type[Optimizer], Kind] = MappingProxyType({SGD: "sgd", RMSprop: "rmsprop", Adam: "adam", AdamW: "adam"})
"""Optimiser → what its curvature may be is known of."""

T = TypeVar("T")

Probe = Callable[[], tuple[T, tuple[str, ...]]]
"""What gives a value and notes."""


@dataclass(frozen=True, slots=True)
class Probing:
    """Asks probes, and writes down what they remark.

    notes:    is added to
    is_small: whether the network is so small that all is asked that was not ruled out
    """

    notes: list[str]
    is_small: bool

    def asked(self, what: str, wish: bool | None, probe: Probe[T]) -> T | None:  # noqa: FBT001 - a field of `Wanted`
        """What a probe finds, if it is wished for; None where it is not, or cannot be found, and a note why not."""
        if not (self.is_small if wish is None else wish):
            return None
        try:
            value, more = probe()
        except EngineError:  # what was asked for does not exist
            raise
        except Exception as error:  # noqa: BLE001 - the model is the user's, and may raise anything when it is tried
            self.notes.append(f"no {what}: {type(error).__name__}: {str(error).partition(chr(10))[0]}")
            return None
        self.notes.extend(more)
        return value


def with_probes(record: StepRecord, step: Taken, wanted: Wanted, probing: Probing) -> StepRecord:
    """The record with everything that was asked for."""
    scene, asked = step.scene, probing.asked
    if not math.isfinite(record.loss):
        probing.notes.append("the loss is not finite, so that nothing around it is asked for: no path, pulls or losses")
        wanted = replace(wanted, path=False, pulls=False, line=False, curvature=False, surface=False)
    layers = asked("layers", True, lambda: layers_seen(scene, wanted.whole))  # noqa: FBT003 - they always are
    path = asked("path", wanted.path, lambda: path_of(scene, wanted.example, wanted.output, wanted.weight))
    shown = (wanted.example or 0) if path is None else path.example
    pulls, noise = asked("pulls", wanted.pulls, lambda: _pulling(scene, wanted)) or (None, None)
    return replace(
        record,
        layers=layers or (),
        path=path,
        pulls=pulls,
        noise=noise,
        curvature=asked("curvature", wanted.curvature, lambda: curvature_of(scene, _of_optimizer(step))),
        line=asked("line", wanted.line, lambda: _line(scene, record.worked.curvature)),
        surface=asked("surface", wanted.surface, lambda: (_surface(scene), ())),
        network=asked("network", wanted.network, lambda: (network_of(scene, shown), ())),
    )


def _line(scene: Scene, curvature: float) -> tuple[LossLine, tuple[str, ...]]:
    points, notes = points_for(scene)
    return loss_line(scene, points, curvature=curvature), notes


def _pulling(scene: Scene, wanted: Wanted) -> tuple[tuple[Pulls | None, Noise | None], tuple[str, ...]]:
    pulls, noise, notes = pulls_and_noise(scene, wanted.flipped)
    return (pulls, noise), notes


def _surface(scene: Scene) -> LossSurface:
    """Over two random directions, always the same, with the step in it."""
    return loss_surface(scene, [scene.before, scene.after], seed=0)


def _of_optimizer(step: Taken) -> CurvatureOf:
    """What the optimiser's own way of stepping makes of curvature; its first group's, where they differ."""
    group, kind = step.optimizer.param_groups[0], type(step.optimizer)
    known: Kind = next((KINDS[base] for base in kind.__mro__ if base in KINDS), "other")
    betas = group.get("betas")
    return CurvatureOf(
        kind="nesterov" if group.get("nesterov") else known,
        rate=float(group.get("lr", math.nan)),
        momentum=float(group.get("momentum") or 0.0),
        beta1=float(betas[0]) if betas else 0.0,
        dampening=float(group.get("dampening") or 0.0),
        preconditioner=_preconditioner(step),
    )


def _preconditioner(step: Taken) -> Mapping[str, torch.Tensor] | None:
    """√v̂ + ε of each weight; 0 of those that do not move; None where the optimiser scales no coordinate."""
    found = {name: torch.zeros_like(one, dtype=torch.float64, device="cpu") for name, one in step.scene.before.items()}
    for name in step.settings:
        of, _ = dissected(name, step.moved(name), type(step.optimizer), epsilon=precision(step.scene))
        scale = of.apart.factors.get(SCALE)
        if not isinstance(scale, torch.Tensor):
            return None
        found[name] = 1 / scale
    return MappingProxyType(found)
