"""The batch's loss along the step, before it, at its end and beyond, and along the gradient as far."""

import math
from collections.abc import Iterator

import numpy as np
import torch

from etude.engine.microscope.examples import trying
from etude.engine.microscope.scene import Scene, Tensors, dot
from etude.values.curve import frozen
from etude.values.step_record import LossLine

FIRST, LAST = -0.5, 2.5
"""Multiples of the step between which the loss is drawn: half a step back, and one and a half further."""


def loss_line(scene: Scene, points: int = 25) -> LossLine:
    """The loss at that many multiples of the step's length, evenly from −0.5 to 2.5; all chance being the same.

    With a number of points of the form 6k + 1, such as 25, both the weights before the step and those after it are
    among them. The way along −gradient is as long as the step; NaN where the gradient is 0. The quadratic is
    L + a g·d + a² dᵀHd / 2 for gradient g, step d and multiple a; NaN where the model has no second derivative.
    """
    distances = np.linspace(FIRST, LAST, points)
    step, gradient = scene.step, scene.gradient
    length, steepness = math.sqrt(dot(step, step)), math.sqrt(dot(gradient, gradient))
    down = {name: -one * (length / steepness) for name, one in gradient.items()} if steepness > 0 else None
    start, first, second = _loss_at(scene, scene.before), dot(step, gradient), _curved(scene, step)
    return LossLine(
        distances=frozen(distances),
        along_step=frozen(np.array(list(_losses(scene, step, distances)))),
        along_gradient=frozen(
            np.full(points, np.nan) if down is None else np.array(list(_losses(scene, down, distances)))
        ),
        quadratic=frozen(start + distances * first + distances**2 * second / 2),
    )


def _losses(scene: Scene, direction: Tensors, distances: np.ndarray) -> Iterator[float]:
    for distance in distances.tolist():
        yield _loss_at(scene, {name: weights + distance * direction[name] for name, weights in scene.before.items()})


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
