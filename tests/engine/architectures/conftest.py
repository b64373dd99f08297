"""What tests of every architecture share."""

import pytest
import torch

from etude.engine.machine import own_torch


@pytest.fixture(autouse=True, scope="module")
def one_thread():  # as in every training; two that wait for each other on a busy machine take a hundred times as long
    with own_torch(torch.device("cpu")):
        yield
