"""Scenes of a plain step down the gradient, and networks that several tests look at."""

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


class Read(nn.Module):
    """Words in a row, read by some module."""

    def __init__(self, reader: nn.Module) -> None:
        """reader: of what the words stand for."""
        super().__init__()
        self.embedding, self.reader, self.last = nn.Embedding(9, 4), reader, nn.Linear(4, 2)

    def forward(self, x):
        """Two numbers an example."""
        said = self.reader(self.embedding(x))
        return self.last((said[0] if isinstance(said, tuple) else said).mean(dim=1))


@pytest.fixture(scope="session")
def read_by() -> type[Read]:
    """A network that has words in a row read by a module."""
    return Read


class Doubled(torch.autograd.Function):
    """Twice as much, by a function that has one derivative and no second one."""

    @staticmethod
    def forward(ctx, x):
        """Twice x."""
        return 2 * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, slope):
        """Twice the slope."""
        return 2 * slope


@pytest.fixture(scope="session")
def doubled() -> Callable[[torch.Tensor], torch.Tensor]:
    """Twice a tensor, without a second derivative."""
    return Doubled.apply


class Counted(nn.Linear):
    """Counts how often layers of its kind are asked."""

    asked = 0

    def forward(self, x):
        """As a linear layer."""
        Counted.asked += 1
        return super().forward(x)


@pytest.fixture
def counted() -> type[Counted]:
    """A linear layer that counts, from 0, how often any of them is asked, copies among them."""
    Counted.asked = 0
    return Counted
