"""A record of a step on a GPU: whole, the CPU's to rounding, and everything put back as it was."""

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from etude.engine.microscope.asked import Wanted
from etude.engine.microscope.look import look

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


class Reads(nn.Module):
    """A recurrent network: the last state decides."""

    def __init__(self):
        """A GRU and a linear layer."""
        super().__init__()
        self.body, self.head = nn.GRU(3, 5, batch_first=True), nn.Linear(5, 1)

    def forward(self, x):
        """Shape (n, positions, 3) to (n, 1)."""
        return self.head(self.body(x)[0][:, -1])


class Attends(nn.Module):
    """One layer of a transformer."""

    def __init__(self):
        """Without dropout."""
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.enter, self.body, self.head = nn.Linear(3, 8), nn.TransformerEncoder(layer, 1), nn.Linear(8, 1)

    def forward(self, x):
        """Shape (n, positions, 3) to (n, 1)."""
        return self.head(self.body(self.enter(x)).mean(dim=1))


def plain(*layers):
    return nn.Sequential(nn.Linear(4, 6), *layers, nn.Linear(6, 1))


def images():
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 1))


NETWORKS = {
    "perceptron": (lambda: plain(nn.Tanh()), (12, 4)),
    "batch norm": (lambda: plain(nn.BatchNorm1d(6), nn.ReLU()), (12, 4)),
    "dropout": (lambda: plain(nn.Dropout(0.5)), (12, 4)),
    "convolution": (images, (12, 1, 8, 8)),
    "gru": (Reads, (12, 5, 3)),
    "attention": (Attends, (12, 5, 3)),
}
CHANCE = {"dropout"}
"""Whose units are silenced by the device's own chance."""


@pytest.fixture(autouse=True)
def exact():
    """Products of 32 bits, and convolutions that add in one order."""
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32 = True, False
    yield
    torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32 = before


def made(name, device):
    """A network, its batch and its optimiser."""
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    model, x = make(), torch.randn(shape)
    y = x.flatten(1)[:, :1] ** 2
    model, x, y = model.to(device), x.to(device), y.to(device)
    return model, (x, y), torch.optim.AdamW(model.parameters(), lr=1e-3)


def state_of(model, optimizer):
    memory = [one for of in optimizer.state.values() for one in of.values()]
    return [one.clone() for one in (*model.state_dict().values(), *memory, torch.cuda.get_rng_state())]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_record_is_whole_and_everything_is_put_back_bit_for_bit(name):
    model, batch, optimizer = made(name, "cuda")
    mse_loss(model(batch[0]), batch[1]).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    before = state_of(model, optimizer)
    record = look(model, mse_loss, batch, optimizer, Wanted(curvature=True, clip_norm=0.5, whole=batch[0]))
    assert all(one.parts or one.untouched for one in record.tensors)
    assert max(one.gap for one in record.tensors) < 1e-6
    assert record.worked.before == pytest.approx(record.loss, rel=1e-5)
    assert record.worked.change == pytest.approx(record.worked.second, rel=0.3)
    assert all(torch.equal(one, other) for one, other in zip(before, state_of(model, optimizer), strict=True))


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - CHANCE))
def test_a_record_is_that_of_the_cpu_to_rounding(name):
    (model, batch, optimizer), (same, beside, other) = made(name, "cuda"), made(name, "cpu")
    here, there = look(model, mse_loss, batch, optimizer), look(same, mse_loss, beside, other)
    assert here.loss == pytest.approx(there.loss, rel=1e-4)
    assert here.worked.change == pytest.approx(there.worked.change, rel=0.02)
    for one, other in zip(here.layers, there.layers, strict=True):
        assert (one.name, one.shape) == (other.name, other.shape)
        assert one.error == pytest.approx(other.error, rel=0.01, abs=1e-5)
    for one, other in zip(here.tensors, there.tensors, strict=True):
        assert one.weight_norm == pytest.approx(other.weight_norm, rel=1e-3)
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=0.01, abs=1e-5)  # rounding, before a norm
