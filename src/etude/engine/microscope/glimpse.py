"""One example in one step of a recipe's training: how loudly the loss speaks to it, beside the rest of its batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from etude.data.load import load
from etude.engine.machine import device_called, explained, own_torch, seed_torch
from etude.engine.microscope.asked import Wanted
from etude.engine.microscope.examples import checked_example, trying
from etude.engine.microscope.of_recipe import Eye
from etude.engine.microscope.pulls import pulls_and_noise
from etude.engine.microscope.scene import Scene, Tensors, dot
from etude.engine.trees import n_examples, only
from etude.engine.trial import prepare
from etude.values.errors import EngineError
from etude.values.recipe import Recipe

Which = Literal["most confidently wrong", "most confidently right"]

BARE = Wanted(path=False, pulls=False, line=False, network=False, totals=True)
"""Nothing but the step itself."""

EVERY = 1_024
"""Examples whose error signals are reckoned for the batch's: of a larger batch every second, or third."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One example in one step. Sizes are L2 norms, in the loss's unit per unit of what it is derived by.

    margin:  how right the network is: the logit of the true class less the largest of the others, for two classes of
        one logit that logit, with its sign; minus the error of a regression. No loss is in it
    signal:  of the example's loss by its outputs: the error signal
    gradient, first: of the example's loss by all weights, and by those of the first layer
    usual_signal, usual_gradient: root mean squares of the same over the batch's examples; NaN where these have no
        gradients of their own
    batch_first: of the batch's loss by the first layer's weights
    before, after: the batch's loss around the step
    """

    example: int
    margin: float
    signal: float
    gradient: float
    first: float
    usual_signal: float
    usual_gradient: float
    batch_first: float
    before: float
    after: float


def scene_of_step(recipe: Recipe, replicate: int, step: int, device: str = "cpu") -> Scene:
    """Train a replicate as ever up to a step, and stop there with all that is needed to ask about it."""
    where, splits = device_called(device), load(recipe.data, seed=recipe.seed, replicate=replicate)
    with explained(recipe, replicate), own_torch(where):
        trial = prepare(recipe, splits, replicate, device=where)
        seed_torch(recipe.seed, replicate, building=False)
        eye = Eye(trial, [step], replace(BARE, clip_norm=recipe.clip_norm))
        eye.follow()
    return eye.scenes[step]


def are_of_one_batch(one: Scene, other: Scene) -> bool:
    """Whether two scenes are of the same examples in the same places."""
    return one.inputs.shape == other.inputs.shape and bool(torch.equal(one.inputs, other.inputs))


def chosen_example(scene: Scene, which: Which | int) -> int:
    """The number of an example in its batch; an EngineError where there is no such one, or no right and wrong."""
    if isinstance(which, int):
        return checked_example(which, n_examples(scene.inputs))
    return int(CHOICES[which](margins(scene)))


CHOICES: Mapping[Which, Callable[[NDArray[np.float64]], int]] = MappingProxyType(
    {"most confidently wrong": np.argmin, "most confidently right": np.argmax}
)
"""What is asked for → which margin has it."""


def margins(scene: Scene) -> NDArray[np.float64]:
    """How right the network is on each example, as in `Glimpse`, shape (examples,)."""
    with torch.no_grad():
        outputs = scene.outputs(scene.before)
    targets = scene.targets
    if not isinstance(outputs, Tensor) or outputs.dim() != 2 or not isinstance(targets, Tensor):
        raise EngineError(
            "an example is to be chosen by how right the network is on it, and this one answers many questions an "
            "example. Give the example's number instead. Nothing was changed."
        )
    if not targets.is_floating_point():
        true = outputs.gather(1, targets.reshape(-1, 1))[:, 0]
        others = outputs.scatter(1, targets.reshape(-1, 1), -torch.inf).amax(dim=1)
        return _numpy(true - others)
    is_binary = bool(((targets == 0) | (targets == 1)).all()) and outputs.shape[1] == 1
    return _numpy((outputs * (2 * targets - 1))[:, 0] if is_binary else -(outputs - targets).abs().amax(dim=1))


def glimpse_of(scene: Scene, example: int) -> Glimpse:
    """One example of a scene."""
    checked_example(example, n_examples(scene.inputs))
    first = next(name for name, one in scene.before.items() if one.dim() > 1)
    with trying():
        own = _gradient(scene, example)
        signals = _signals(scene, range(0, n_examples(scene.inputs), -(-n_examples(scene.inputs) // EVERY)))
        _, noise, _ = pulls_and_noise(scene, None)
    with torch.no_grad():
        before, after = (float(scene.loss(weights)) for weights in (scene.before, scene.after))
    return Glimpse(
        example=example,
        margin=float(margins(scene)[example]),
        signal=_signals(scene, [example])[0],
        gradient=dot(own, own) ** 0.5,
        first=dot({first: own[first]}, own) ** 0.5,
        usual_signal=float(np.sqrt(np.mean(np.square(signals)))),
        usual_gradient=float("nan") if noise is None else (noise.signal + noise.spread) ** 0.5,
        batch_first=dot({first: scene.gradient[first]}, scene.gradient) ** 0.5,
        before=before,
        after=after,
    )


def _gradient(scene: Scene, example: int) -> Tensors:
    """Of the example's loss by all weights, in the batch as it was."""
    leaves = {name: one.detach().clone().requires_grad_() for name, one in scene.before.items()}
    loss = scene.criterion(only(scene.outputs(leaves), example), only(scene.targets, example))
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(leaves, found, strict=True))


def _signals(scene: Scene, examples: Sequence[int]) -> list[float]:
    """The norm of each one's error signal."""
    with torch.no_grad():
        outputs = scene.outputs(scene.before)
    sizes = []
    for example in examples:
        mine = only(outputs, example).detach().requires_grad_()
        loss = scene.criterion(mine, only(scene.targets, example))
        (slope,) = torch.autograd.grad(loss, mine)
        sizes.append(float(torch.linalg.vector_norm(slope, dtype=torch.float64)))
    return sizes


def _numpy(tensor: Tensor) -> NDArray[np.float64]:
    made: NDArray[np.float64] = tensor.detach().double().cpu().numpy()
    return made
