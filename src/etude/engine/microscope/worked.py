"""Whether a step lowered the loss: what was promised to first and second order, what came, and the kinks between."""

import math
from collections.abc import Mapping

import torch

from etude.engine.microscope.crossed import crossed, loss_and_sides
from etude.engine.microscope.scene import Scene, Tensors, dot
from etude.numerics.step_regime import regime
from etude.values.step_record import Worked

ROUNDINGS = 4
"""Roundings that may lie between a loss and its true value, each of the size that its precision gives it."""


def worked(scene: Scene) -> tuple[Worked, tuple[str, ...]]:
    """The step held against its promise, on its own batch, dropout and all other chance being the same; and notes.

    Kinks are those of functions that `crossed.py` knows, the loss's own among them; a maximum of several has others,
    which are not counted.
    """
    step = scene.step
    first = dot(scene.gradient, step)
    curvature, notes = _curvature(scene)
    before, sides_before = loss_and_sides(scene, scene.before)
    after, sides_after = loss_and_sides(scene, scene.after)
    kinks, of, note = crossed(sides_before, sides_after)
    if not math.isfinite(before + after):  # of what is no number no side is known
        kinks, of, note = 0, 0, ()
    return _judged(scene, (before, after), (first, curvature), kinks=(kinks, of)), (*notes, *note)


def worked_with_penalty(scene: Scene, loss_alone: Worked, penalties: Mapping[str, float]) -> Worked:
    """The same of the loss with its penalty Σ λ |w|² / 2, whose gradient is λ w and whose Hessian is λ.

    penalties: λ of each tensor that has one
    """
    before, after, step = scene.before, scene.after, scene.step
    first = sum(rate * dot({"": before[name]}, {"": step[name]}) for name, rate in penalties.items())
    curvature = sum(rate * dot({"": step[name]}, {"": step[name]}) for name, rate in penalties.items())
    start, end = penalty(before, penalties), penalty(after, penalties)
    return _judged(
        scene,
        (loss_alone.before + start, loss_alone.after + end),
        (loss_alone.first + first, loss_alone.curvature + curvature),
        kinks=(loss_alone.kinks, loss_alone.of),
    )


def penalty(weights: Tensors, penalties: Mapping[str, float]) -> float:
    """Σ λ |w|² / 2, for λ by tensor.

    >>> penalty({"w": torch.tensor([3.0, 4.0])}, {"w": 0.1})
    1.25
    """
    return sum(rate / 2 * dot({"": weights[name]}, {"": weights[name]}) for name, rate in penalties.items())


def precision(scene: Scene) -> float:
    """The relative size of a rounding in the coarsest of the weights' types."""
    kinds = {one.dtype for one in scene.before.values()}
    return max((torch.finfo(kind).eps for kind in kinds), default=0.0)


def _curvature(scene: Scene) -> tuple[float, tuple[str, ...]]:
    """dᵀHd; NaN, with a note, where the second derivative does not exist."""
    try:
        return dot(scene.hessian_times(scene.step), scene.step), ()
    except (RuntimeError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        return math.nan, (f"there is no second-order prediction: torch has no second derivative here ({reason})",)


def _judged(
    scene: Scene, losses: tuple[float, float], promise: tuple[float, float], *, kinks: tuple[int, int]
) -> Worked:
    """losses: before and after; promise: g·d and dᵀHd; kinks: how many were crossed, of how many."""
    (before, after), (first, curvature) = losses, promise
    second, rounding = first + curvature / 2, ROUNDINGS * precision(scene) * abs(before)
    return Worked(
        before=before,
        after=after,
        first=first,
        second=second,
        curvature=curvature,
        ratio=curvature / abs(first) if first else math.nan,
        kinks=kinks[0],
        of=kinks[1],
        regime=regime(after - before, first, second, kinks=kinks[0], rounding=rounding),
    )
