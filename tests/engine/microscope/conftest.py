"""Scenes of a plain step down the gradient."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from etude.engine.microscope.scene import Scene, chance_now


def plain_scene(model: nn.Module, batch: tuple, criterion: Callable, *, rate: float = 0.1) -> Scene:
    """A step of plain descent at this rate, by the model in the modes that it is in."""
    before = {name: one.detach().clone() for name, one in model.named_parameters() if one.requires_grad}
    buffers = {name: one.detach().clone() for name, one in model.named_buffers()}
    scene = Scene(model, *batch, criterion, before, before, {}, buffers, chance_now())
    _, gradient = scene.gradient_at(before)
    return replace(scene, gradient=gradient, after={name: before[name] - rate * one for name, one in gradient.items()})


@pytest.fixture(scope="session")
def scene_of() -> Callable[..., Scene]:
    """`plain_scene`: of a model, a batch and a criterion."""
    torch.set_num_threads(1)
    return plain_scene
