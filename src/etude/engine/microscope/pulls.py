"""Who pulls: the gradient of every example, what the step did for each, and how much of their mean is signal."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import grad_and_value, vmap

from etude.engine.microscope.examples import example_losses, trying
from etude.engine.microscope.masks import letting_through, masks_of
from etude.engine.microscope.scene import Scene, Tensors, dot
from etude.engine.trees import mapped, only, tensors_in
from etude.numerics.noise_scale import noise_of
from etude.values.curve import frozen
from etude.values.step_record import Noise, Pull, Pulls

Floats = NDArray[np.float64]
Found = tuple[Pulls | None, Noise | None, tuple[str, ...]]

NUMBERS_AT_ONCE = 1 << 24
"""Numbers of the gradients that are held at a time: 64 MB in float32, and what the model itself needs for as many
examples; one example's gradient is always held whole."""

MOST_AT_ONCE = 1024

MOST_LOOPED = 1 << 29
"""Examples squared times weights beyond which examples that have to be derived one by one are not: about a second, and
several where weights are used in many places, as a convolution's are."""

SAME_OUTPUT = 1e-3
"""How far, relative to the largest output, an example alone may be from what it is in its batch."""

SAME_GRADIENT = 1e-2
"""How far the mean of ḡ·gᵢ may be from |ḡ|², relative to it and to what noise adds to it."""

MIXING = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)

TOLD = 8
"""Examples that are told on either side."""


@dataclass(frozen=True, slots=True, eq=False)
class _Numbers:
    """Of every example: |g|², g·ḡ with the batch's mean gradient, g·d with the step; shape (examples,) each."""

    squares: Floats
    with_mean: Floats
    with_step: Floats


def pulls_and_noise(scene: Scene, flipped: NDArray[np.bool_] | None) -> Found:
    """What the step did for every example, how noisy their gradients are, and notes.

    flipped: whether the label of each example was made wrong on purpose, shape (examples,); None where not known

    The gradients are of the criterion of each example as a batch of one, all at once by torch.func where the model says
    of every example alone what it says in the batch, dropout letting through the same. Where it does not, because of a
    batch norm in training or a recurrent network that torch.func cannot take, each example's loss is derived by itself
    in the batch as it was, so that statistics and masks are the same. None, with a note, where the batch's loss is
    neither the mean nor the sum of its examples' losses.
    """
    losses = example_losses(scene)
    if losses.reduction is None:
        why = (
            "the batch's loss is neither the mean nor the sum of the losses of its examples"
            if losses.values.size
            else "the loss cannot be asked of one example alone"
        )
        return None, None, (f"no pull of single examples: {why}",)
    n = losses.values.size
    share = {name: one / n if losses.reduction == "sum" else one for name, one in scene.gradient.items()}
    try:
        with trying():
            numbers = _numbers(scene, share, n)
    except (RuntimeError, ValueError, NotImplementedError) as error:
        return None, None, (f"no pull of single examples: {str(error).partition(chr(10))[0][:200]}",)
    if numbers is None:
        return None, None, (f"no pull of single examples: {n} of them would have to be derived one by one",)
    return _pulls(scene, losses.values, numbers, flipped), *_noise(scene, numbers, share)


def _numbers(scene: Scene, mean: Tensors, n: int) -> _Numbers | None:
    """The numbers of every example; None where too many would have to be derived in the batch one by one."""
    try:
        found = _together(scene, mean, n)
    except Exception:  # noqa: BLE001 - the model is the user's, and torch.func may fail at it in any way
        found = None
    if found is not None:
        return found
    size = sum(one.numel() for one in scene.before.values())
    return None if n * n * size > MOST_LOOPED else _one_by_one(scene, mean, n)


def _together(scene: Scene, mean: Tensors, n: int) -> _Numbers | None:
    """By torch.func, some at a time; None where an example alone says something else than in the batch."""
    with torch.no_grad():
        whole = scene.outputs(scene.before)
    size = sum(one.numel() for one in scene.before.values())
    at_once = min(MOST_AT_ONCE, max(1, NUMBERS_AT_ONCE // size))
    derived = vmap(grad_and_value(_loss_of_one(scene), has_aux=True), in_dims=(None, 0, 0, 0))
    given = (scene.inputs, scene.targets, masks_of(scene))
    parts = []
    for start in range(0, n, at_once):
        rows = slice(start, start + at_once)
        gradients, (_, outputs) = derived(dict(scene.before), *(_rows(one, rows) for one in given))
        if not _are_same(outputs, _rows(whole, rows)):
            return None
        parts.append(_dots(gradients, mean, scene.step))
    return _joined(parts)


def _rows(tree: Any, rows: slice) -> Any:  # noqa: ANN401 - whatever the model takes or gives
    return mapped(tree, lambda one: one[rows])


Derivable = Callable[[dict[str, Tensor], Any, Any, tuple[Tensor, ...]], tuple[Tensor, Any]]


def _loss_of_one(scene: Scene) -> Derivable:
    """Weights, inputs, targets and masks of one example, without the axis of examples → its loss, and its outputs."""

    def loss(weights: dict[str, Tensor], *given: Any) -> tuple[Tensor, Any]:  # noqa: ANN401 - whatever the model takes
        inputs, targets, masks = (mapped(tree, lambda tensor: tensor[None]) for tree in given)
        with letting_through(scene.model, masks):
            outputs = scene.outputs(weights, inputs)
        return scene.criterion(outputs, targets), mapped(outputs, lambda tensor: tensor[0])

    return loss


def _are_same(one: Any, other: Any) -> bool:  # noqa: ANN401 - whatever the model gives
    pairs = zip(tensors_in(one), tensors_in(other), strict=True)
    return all(
        torch.allclose(a, b, rtol=SAME_OUTPUT, atol=SAME_OUTPUT * float(b.abs().max()), equal_nan=True)
        for a, b in pairs
    )


def _one_by_one(scene: Scene, mean: Tensors, n: int) -> _Numbers:
    """From one forward pass of the batch as it was, derived once for each example."""
    leaves = {name: one.detach().clone().requires_grad_() for name, one in scene.before.items()}
    outputs = scene.outputs(leaves)
    parts = []
    for i in range(n):
        loss = scene.criterion(only(outputs, i), only(scene.targets, i))
        found = torch.autograd.grad(
            loss, list(leaves.values()), retain_graph=True, allow_unused=True, materialize_grads=True
        )
        parts.append(_dots({name: one[None] for name, one in zip(leaves, found, strict=True)}, mean, scene.step))
    return _joined(parts)


def _dots(gradients: Tensors, mean: Tensors, step: Tensors) -> _Numbers:
    """Squared norms and products of gradients, a row each; every tensor's in its precision, their sum in float64."""
    sums = np.zeros((3, len(next(iter(gradients.values())))))
    for name, one in gradients.items():
        rows = one.detach().flatten(1).to(torch.promote_types(one.dtype, torch.float32))
        others = torch.stack([mean[name].flatten(), step[name].flatten()], dim=1).to(rows.dtype)
        sums[0] += torch.linalg.vector_norm(rows, dim=1).double().square().cpu().numpy()
        sums[1:] += (rows @ others).double().cpu().numpy().T
    return _Numbers(*sums)


def _joined(parts: list[_Numbers]) -> _Numbers:
    return _Numbers(
        np.concatenate([part.squares for part in parts]),
        np.concatenate([part.with_mean for part in parts]),
        np.concatenate([part.with_step for part in parts]),
    )


def _pulls(scene: Scene, losses: Floats, numbers: _Numbers, flipped: NDArray[np.bool_] | None) -> Pulls:
    length = np.sqrt(numbers.squares * dot(scene.step, scene.step))
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = np.clip(-numbers.with_step / length, -1, 1)

    def told(i: int) -> Pull:
        label = _label(only(scene.targets, i))
        marked = None if flipped is None else bool(flipped[i])
        return Pull(i, float(losses[i]), float(numbers.with_step[i]), float(cosines[i]), label, marked)

    order = np.argsort(numbers.with_step, kind="stable").tolist()
    helped = [i for i in order[:TOLD] if numbers.with_step[i] < 0]
    hurt = [i for i in order[: -TOLD - 1 : -1] if numbers.with_step[i] > 0]
    return Pulls(
        all_pulls=frozen(numbers.with_step),
        helped=tuple(map(told, helped)),
        hurt=tuple(map(told, hurt)),
        share_helped=float((numbers.with_step < 0).mean()),
    )


def _label(target: Any) -> str:  # noqa: ANN401 - whatever the loss takes
    """A target as words: its number, or its first ones."""
    numbers = [value for one in tensors_in(target) for value in one.flatten()[:TOLD].tolist()]
    many = sum(one.numel() for one in tensors_in(target)) > TOLD
    return ", ".join(f"{value:g}" for value in numbers[:TOLD]) + (", …" if many else "")


def _noise(scene: Scene, numbers: _Numbers, mean: Tensors) -> tuple[Noise | None, tuple[str, ...]]:
    """Signal and noise; not of a batch norm in training, through which no example is independent of the others."""
    square, own = dot(mean, mean), float(numbers.squares.mean())
    if abs(numbers.with_mean.mean() - square) > SAME_GRADIENT * (square + own / numbers.squares.size):
        return None, ("no noise: the gradients of the examples do not sum to that of the batch",)
    noise = noise_of(numbers.squares, numbers.with_mean)
    if any(isinstance(one, MIXING) and (one.training or not one.track_running_stats) for one in scene.model.modules()):
        mixed = (
            "not estimable from this batch: batch norm mixes its examples, so that their gradients depend on another"
        )
        noise = replace(noise, ratio=None, scale=None, because=mixed)
    return noise, ()
