"""A small fully connected network with one example in it: what every unit says, and what the loss asks of it."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from etude.engine.microscope.calls import Call, calls_of, chain_of
from etude.engine.microscope.examples import checked_example, trying
from etude.engine.microscope.scene import Scene
from etude.engine.trees import only
from etude.values.curve import frozen
from etude.values.step_record import NetworkSeen

MOST_UNITS = 64
"""Units of a layer, and inputs, that can still be told apart in a picture."""

INPUTS = "inputs"

Floats = NDArray[np.float64]


def network_of(scene: Scene, example: int) -> NetworkSeen | None:
    """The network with one example of the batch in it.

    None of a network that is not a chain with linear layers in it, of at most 64 units each; activations, norms and
    dropout belong to the linear layer before them. None, too, where the loss cannot be asked of one example alone.
    """
    if not isinstance(scene.inputs, Tensor) or scene.inputs.dim() != 2 or not scene.inputs.is_floating_point():
        return None
    checked_example(example, len(scene.inputs))
    leaves = {name: one.detach().clone().requires_grad_() for name, one in scene.before.items()}
    inputs = scene.inputs.detach().clone().requires_grad_()
    with trying():
        root = calls_of(scene, leaves, inputs)
        layers = _layers(chain_of(root))
        if layers is None or not _is_small(layers, inputs):
            return None
        return _seen(scene, _Taps(example, inputs, layers, leaves), root)


Layers = list[tuple[Call, Call]]
"""Each linear layer, and the last call that belongs to it."""


class _Taps:
    """What was tapped in the forward pass."""

    def __init__(self, example: int, inputs: Tensor, layers: Layers, leaves: dict[str, Tensor]) -> None:
        self.example = example
        self.said = [inputs, *(last.said[0] for _, last in layers)]
        self.weights = [leaves.get(f"{linear.name}.weight", leaves.get("weight")) for linear, _ in layers]
        self.names = (INPUTS, *(linear.name for linear, _ in layers))


def _layers(chain: Sequence[Call]) -> Layers | None:
    """The chain cut before each linear layer; None where it is none that begins with one."""
    layers: Layers = []
    for call in chain:
        if len(call.said) != 1 or call.said[0].dim() != 2:
            return None
        if isinstance(call.module, nn.Linear):
            layers.append((call, call))
        elif not layers:
            return None
        else:
            layers[-1] = (layers[-1][0], call)
    return layers or None


def _is_small(layers: Layers, inputs: Tensor) -> bool:
    return max(inputs.shape[1], *(last.said[0].shape[1] for _, last in layers)) <= MOST_UNITS


def _seen(scene: Scene, taps: _Taps, root: Call) -> NetworkSeen | None:
    """The derivatives of the example's loss; None where one of the weights is frozen or shared, or there is no loss."""
    weights = [one for one in taps.weights if one is not None]
    if len(weights) < len(taps.weights):
        return None
    try:
        loss = scene.criterion(only(root.made, taps.example), only(scene.targets, taps.example))
    except (RuntimeError, ValueError, IndexError, TypeError):  # what torch's and most others' losses raise
        return None
    found = torch.autograd.grad(loss, [*taps.said, *weights], allow_unused=True, materialize_grads=True)
    errors, gradients = found[: len(taps.said)], found[len(taps.said) :]
    return NetworkSeen(
        example=taps.example,
        values=tuple(_frozen(one[taps.example]) for one in taps.said),
        errors=tuple(_frozen(one[taps.example]) for one in errors),
        weights=tuple(map(_frozen, weights)),
        gradients=tuple(map(_frozen, gradients)),
        names=taps.names,
    )


def _frozen(tensor: Tensor) -> Floats:
    made: Floats = tensor.detach().double().cpu().numpy().copy()
    return frozen(made)
