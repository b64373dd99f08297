"""The batch's loss along the step, before it, at its end and beyond, and along the gradient as far."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from etude.engine.microscope.examples import trying
from etude.engine.microscope.scene import Scene, Tensors, dot
from etude.values.curve import frozen
from etude.values.step_record import LossLine

FIRST, LAST = -0.5, 2.5
"""Multiples of the step between which the loss is drawn: half a step back, and one and a half further."""


POINTS = (25, 13, 7)
"""How many losses are drawn along each way: the first that is not too much work."""

MOST_WORK = 2.5e9
"""Multiplications and additions of all losses together: about half a second on one core, with all between them."""


def points_for(scene: Scene) -> tuple[int, tuple[str, ...]]:
    """How many points of each way are tried, and a note where they are fewer than usual, as of a large batch."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        scene.loss(scene.before)
    work = 2 * counter.get_total_flops()
    points = next((n for n in POINTS if n * work <= MOST_WORK), POINTS[-1])
    if points == POINTS[0]:
        return points, ()
    return points, (f"the loss along the step was tried at {points} points and not {POINTS[0]}: the batch is large",)


def loss_line(scene: Scene, points: int = POINTS[0], *, curvature: float | None = None) -> LossLine:
    """The loss at that many multiples of the step's length, evenly from −0.5 to 2.5; all chance being the same.

    curvature: dᵀHd, where it is known

    With a number of points of the form 6k + 1, such as 25, both the weights before the step and those after it are
    among them. The way along −gradient is as long as the step; NaN where the gradient is 0. The quadratic is
    L + a g·d + a² dᵀHd / 2 for gradient g, step d and multiple a; NaN where the model has no second derivative.
    """
    distances = np.linspace(FIRST, LAST, points)
    step, gradient = scene.step, scene.gradient
    length, steepness = math.sqrt(dot(step, step)), math.sqrt(dot(gradient, gradient))
    down = {name: -one * (length / steepness) for name, one in gradient.items()} if steepness > 0 else None
    start, first = _loss_at(scene, scene.before), dot(step, gradient)
    second = _curved(scene, step) if curvature is None else curvature
    return LossLine(
        distances=frozen(distances),
        along_step=frozen(np.array(list(_losses(scene, step, distances, start)))),
        along_gradient=frozen(
            np.full(points, np.nan) if down is None else np.array(list(_losses(scene, down, distances, start)))
        ),
        quadratic=frozen(start + distances * first + distances**2 * second / 2),
    )


def _losses(scene: Scene, direction: Tensors, distances: np.ndarray, start: float) -> Iterator[float]:
    """start: the loss at distance 0."""
    for distance in distances.tolist():
        there = {name: weights + distance * direction[name] for name, weights in scene.before.items()}
        yield _loss_at(scene, there) if distance else start


def _loss_at(scene: Scene, weights: Tensors) -> float:
    with torch.no_grad():
        return float(scene.loss(weights))


def _curved(scene: Scene, step: Tensors) -> float:
    """dᵀHd; NaN where torch has no second derivative of the model."""
    try:
        with trying():
            return dot(step, scene.hessian_times(step))
    except RuntimeError:
        return math.nan
