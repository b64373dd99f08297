"""A plane through the weights: the loss over it, and the way that training took through it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from etude.engine.microscope.scene import Scene, Tensors
from etude.values.curve import frozen
from etude.values.step_record import LossSurface

Floats = NDArray[np.float64]

ENOUGH_POINTS = 3
"""Points of a trajectory that are needed for a plane of its own."""

REACH = 1.0
"""How far a plane of random directions goes, in norms of the weights, as in Li et al. (2018)."""

MARGIN = 0.25
"""Of the trajectory's extent, that is left around it on every side."""

FLAT = 1e-4
"""A second principal direction with less than this of the first's length is rounding: steps are the small difference of
large weights."""


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """Two directions, each of shape (weights,) as one vector, and words for how they were chosen."""

    across: Floats
    up: Floats
    words: str


def loss_surface(
    scene: Scene, trajectory: Sequence[Tensors], *, seed: int, size: int = 21, steps: Sequence[int] | None = None
) -> LossSurface:
    """The batch's loss at size × size points around the weights before the step, all chance being the same.

    trajectory: weights at some steps, in their order; where there are three or more that are no line, the plane is that
        of their first two principal directions; else two random directions, each filter as long as that of the weights,
        biases and norms left alone
    seed:       of random directions
    steps:      the numbers of the trajectory's points; None: 0, 1, 2, …

    Coordinates count norms of the weights, and (0, 0) is the weights before the step. What leaves the plane is not
    seen: points of the trajectory are shown where they are nearest to it. Principal directions of any long walk, even a
    random one, explain much of it (Antognini and Sohl-Dickstein 2018, arXiv:1806.08805).
    """
    origin = _vector(scene.before)
    length = float(np.linalg.norm(origin)) or 1.0
    points = np.stack([_vector(point) for point in trajectory]) - origin if trajectory else np.empty((0, origin.size))
    plane = _principal(points, length) or _random(scene.before, np.random.default_rng(seed))
    found = np.linalg.lstsq(np.stack([plane.across, plane.up], axis=1), points.T, rcond=None)[0]
    place = np.array(found.T, dtype=np.float64)
    across, up = (_grid(axis, size, is_own=plane.words.startswith(PRINCIPAL)) for axis in place.T)
    losses = [[_loss(scene, origin + x * plane.across + y * plane.up) for x in across] for y in up]
    return LossSurface(
        across=frozen(across),
        up=frozen(up),
        losses=frozen(np.array(losses)),
        trajectory=frozen(place),
        steps=tuple(range(len(trajectory)) if steps is None else steps),
        directions=plane.words,
    )


PRINCIPAL = "the first two principal directions of the trajectory"


def _principal(points: Floats, length: float) -> _Plane | None:
    """The plane in which the trajectory is longest, in units of `length`; None where it has no plane of its own."""
    if len(points) < ENOUGH_POINTS:
        return None
    _, sizes, directions = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    if len(sizes) == 1 or not sizes[1] > FLAT * sizes[0]:
        return None
    first, second = (sizes[:2] ** 2 / (sizes**2).sum()).tolist()
    words = f"{PRINCIPAL}, which hold {100 * first:.1f} % and {100 * second:.1f} % of its variation"
    return _Plane(directions[0] * length, directions[1] * length, words)


def _random(weights: Tensors, chance: np.random.Generator) -> _Plane:
    """Source: Li et al. (2018), arXiv:1712.09913, section 4."""
    across, up = (
        np.concatenate([_filters(one, chance.standard_normal(tuple(one.shape))).ravel() for one in weights.values()])
        for _ in range(2)
    )
    return _Plane(across, up, "two random directions, filter-normalised")


def _filters(weights: Tensor, direction: Floats) -> Floats:
    """A direction, each filter of which, a row along the first axis, is as long as the weights'; 0 for biases."""
    if weights.dim() < 2:
        return np.zeros(tuple(weights.shape))
    rows, flat = weights.detach().double().cpu().numpy().reshape(len(weights), -1), direction.reshape(len(weights), -1)
    scaled = flat * (np.linalg.norm(rows, axis=1) / np.linalg.norm(flat, axis=1))[:, None]
    return np.asarray(scaled)


def _grid(places: Floats, size: int, *, is_own: bool) -> Floats:
    """Coordinates along one axis, 0 and the trajectory's among them."""
    if not is_own:
        reach = max(REACH, float(np.abs(places).max(initial=0.0)) * (1 + MARGIN))
        return np.linspace(-reach, reach, size)
    low, high = min(0.0, float(places.min())), max(0.0, float(places.max()))
    room = MARGIN * (high - low)
    return np.linspace(low - room, high + room, size)


def _loss(scene: Scene, vector: Floats) -> float:
    weights, start = {}, 0
    for name, one in scene.before.items():
        part = torch.from_numpy(vector[start : start + one.numel()])
        weights[name] = part.to(one.device, one.dtype).reshape(one.shape)
        start += one.numel()
    with torch.no_grad():
        loss = float(scene.loss(weights))
    return loss if math.isfinite(loss) else math.nan


def _vector(weights: Tensors) -> Floats:
    made: Floats = torch.cat([one.detach().double().flatten().cpu() for one in weights.values()]).numpy()
    return made
