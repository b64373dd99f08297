"""What a network of two inputs answers over the plane, and where each unit of its first layer changes sides."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from etude.engine.activations import RECTIFYING
from etude.engine.microscope.calls import calls_of
from etude.engine.microscope.scene import Scene
from etude.engine.microscope.shadow import in_float64
from etude.engine.microscope.stations import ELEMENTWISE
from etude.engine.snapshots import central_range
from etude.values.curve import frozen
from etude.values.step_record import Boundary, UnitLine

Floats = NDArray[np.float64]

Answer = Callable[[Tensor], Tensor]
"""Raw outputs of shape (rows, outputs) → the probability of class 1, or the number that is predicted, shape (rows,)."""

Bayes = Callable[[Floats], Floats | None]
"""Points in the data's own unit, shape (rows, 2) → the best possible answer, shape (rows,); None where not known."""

CURVED = 1e-6
"""How far a unit may be from a plane over the inputs, relative to its size, before it has no line."""

INPUTS = 2


@dataclass(frozen=True, slots=True)
class Form:
    """How the network is fed: (x − centre) / scale of each of the two inputs x, in the data's own unit."""

    centre: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)

    def fed(self, points: Floats) -> Floats:
        """Points in the data's own unit as the network takes them.

        >>> Form(centre=(1.0, 0.0), scale=(2.0, 1.0)).fed(np.array([[3.0, 3.0]])).tolist()
        [[1.0, 3.0]]
        """
        made: Floats = (points - np.array(self.centre)) / np.array(self.scale)
        return made

    def own(self, points: Floats) -> Floats:
        """The other way round."""
        made: Floats = points * np.array(self.scale) + np.array(self.centre)
        return made


AS_IT_IS = Form()


def probability(outputs: Tensor) -> Tensor:
    """P(class 1) of one logit, or of two.

    >>> probability(torch.tensor([[0.0]])).tolist(), probability(torch.tensor([[1.0, 1.0]])).tolist()
    ([0.5], [0.5])
    """
    return torch.sigmoid(outputs[:, 0]) if outputs.shape[1] == 1 else torch.softmax(outputs, dim=1)[:, 1]


def number(outputs: Tensor) -> Tensor:
    """The one number that is predicted."""
    return outputs[:, 0]


def boundary_of(
    scene: Scene, *, answer: Answer = probability, bayes: Bayes | None = None, form: Form = AS_IT_IS
) -> Boundary | None:
    """The answers before the step, in evaluation mode, over a plane that batches of one set share.

    None of a model that takes something else than two numbers an example. A unit's line is where what enters the first
    activation is 0; there is none where that is no plane over the inputs. A unit is alive where it answers some example
    of the batch: a rectifier's above its line, any other always.
    """
    inputs = scene.inputs
    if not isinstance(inputs, Tensor) or inputs.dim() != 2 or inputs.shape[1] != INPUTS:
        return None
    points = form.own(inputs.detach().double().cpu().numpy())
    across, up = (central_range(column.astype(np.float32)) for column in points.T)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, INPUTS)
    with torch.no_grad(), in_float64():
        calm = _calm(scene)
        said = answer(calm.outputs(calm.before, _tensor(calm, form.fed(grid))))
        lines = tuple(_lines(calm, points, form))
    best = None if bayes is None else bayes(grid)
    shape = (up.size, across.size)
    return Boundary(
        across=frozen(across),
        up=frozen(up),
        answers=frozen(said.double().cpu().numpy().reshape(shape).copy()),
        bayes=None if best is None else frozen(np.array(best, dtype=np.float64).reshape(shape)),
        lines=lines,
        points=frozen(points),
        labels=frozen(scene.targets.detach().double().cpu().numpy().reshape(len(points), -1)[:, 0].copy()),
    )


def _calm(scene: Scene) -> Scene:
    """The model in evaluation mode and in float64: a copy."""

    def double(one: Tensor) -> Tensor:
        return one.double() if one.is_floating_point() else one

    return replace(
        scene,
        model=copy.deepcopy(scene.model).double().eval(),
        before={name: double(one) for name, one in scene.before.items()},
        buffers={name: double(one) for name, one in scene.buffers.items()},
    )


def _tensor(scene: Scene, points: Floats) -> Tensor:
    return torch.from_numpy(points).to(next(iter(scene.before.values())).device)


def _lines(scene: Scene, points: Floats, form: Form) -> Iterator[UnitLine]:
    """The line of every unit, from what it is given at four points, of which three lay the plane and one tests it."""
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    at = _first_given(scene, form.fed(corners))
    given = _first_given(scene, form.fed(points))
    if at is None or given is None:
        return
    heights, is_rectified = at
    c, a, b = heights[0], heights[1] - heights[0], heights[2] - heights[0]
    if np.abs(heights[3] - (a + b + c)).max() > CURVED * np.abs(heights).max():
        return
    highest = given[0].max(axis=0)
    for unit in range(c.size):
        yield UnitLine(
            unit, float(a[unit]), float(b[unit]), float(c[unit]), not is_rectified or bool(highest[unit] > 0)
        )


def _first_given(scene: Scene, points: Floats) -> tuple[Floats, bool] | None:
    """What enters the first activation, shape (rows, units), whether that is a rectifier; else what a layer says."""
    root = calls_of(scene, scene.before, _tensor(scene, points))
    leaves = [call for call in root.all_calls() if not call.within]
    first = next((call for call in leaves if isinstance(call.module, ELEMENTWISE)), None)
    layer = next((call for call in leaves if isinstance(call.module, nn.Linear)), None)
    if first is None:
        return None if layer is None else (_rows(layer.said[0]), True)
    is_rectified = isinstance(first.module, RECTIFYING)
    return (_rows(first.given), is_rectified) if first.given is not None and first.given.dim() == 2 else None


def _rows(tensor: Tensor) -> Floats:
    made: Floats = tensor.detach().double().cpu().numpy()
    return made
