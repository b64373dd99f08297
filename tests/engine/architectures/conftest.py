"""What tests of every architecture share."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from etude.engine.machine import own_torch


@pytest.fixture(autouse=True, scope="module")
def one_thread():  # as in every training; two that wait for each other on a busy machine take a hundred times as long
    with own_torch(torch.device("cpu")):
        yield


@pytest.fixture(scope="session")
def numbers() -> Callable[..., torch.Tensor]:
    """Builder of standard normal numbers of a shape, the same each time."""
    return lambda *shape: torch.from_numpy(np.random.default_rng(3).standard_normal(shape).astype(np.float32))


@pytest.fixture(scope="session")
def ended() -> Callable[..., torch.Tensor]:
    """Builder of the same examples (rows, positions × channels), ending early."""

    def build(examples: torch.Tensor, lengths, form: tuple[int, int] = (5, 2)) -> torch.Tensor:
        sequences = examples.clone().reshape(-1, *form)
        for sequence, length in zip(sequences, lengths, strict=True):
            sequence[length:] = torch.nan
        return sequences.flatten(1)

    return build
