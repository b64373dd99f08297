"""The step is taken by a copy: it is the very step of training, and training never learns of it."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from etude.engine.microscope.asked import Wanted
from etude.engine.microscope.double import doubled
from etude.engine.microscope.look import look
from etude.engine.microscope.taken import FROZEN, NO_GRADIENT, NOT_OPTIMISED, chance_kept, taken
from etude.values.errors import EngineError


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small networks are slower on two."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def net(*, dropout: float = 0.3) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(dropout), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)
    )


def batch(i: int, rows: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(i)
    x = torch.randn(rows, 4, generator=chance)
    return x, x[:, :1] * x[:, 1:2]


def bits(model, optimizer) -> list[object]:
    """Everything that training goes by: weights, buffers, gradients, modes, states, chance."""
    found: list[object] = [torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()]
    for name, one in (*model.named_parameters(), *model.named_buffers()):
        gradient = None if one.grad is None else one.grad.tolist()
        changes = one._version  # noqa: SLF001 - a graph that waits for its backward pass goes by it
        found.append((name, one.tolist(), gradient, one.requires_grad, changes))
    found += [(name, module.training) for name, module in model.named_modules()]
    found += [sum(len(value) for name, value in vars(one).items() if "hooks" in name) for one in model.modules()]
    for state in optimizer.state.values():
        found += [(key, one.tolist() if isinstance(one, torch.Tensor) else one) for key, one in state.items()]
    found += [{key: one for key, one in group.items() if key != "params"} for group in optimizer.param_groups]
    return found


def trained(steps: int, *, looked_at: bool, where: str = "before") -> list[object]:
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    torch.manual_seed(2)
    for i in range(steps):
        x, y = batch(i)
        if looked_at and where == "before":
            look(model, mse_loss, (x, y), optimizer)
        optimizer.zero_grad()
        outputs = model(x)
        if looked_at and where == "between forward and backward":
            look(model, mse_loss, (x, y), optimizer)
        mse_loss(outputs, y).backward()
        if looked_at and where == "between backward and step":
            look(model, mse_loss, (x, y), optimizer)
        optimizer.step()
        schedule.step()
    return bits(model, optimizer)


@pytest.mark.parametrize("where", ["before", "between forward and backward", "between backward and step"])
def test_training_goes_on_as_if_nobody_had_looked(where):
    assert trained(4, looked_at=True, where=where) == trained(4, looked_at=False)


def test_a_look_changes_nothing_not_even_the_count_of_changes():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    mse_loss(model(batch(0)[0]), batch(0)[1]).backward()
    before = bits(model, optimizer)
    look(model, mse_loss, batch(1), optimizer)
    assert bits(model, optimizer) == before


def test_the_record_is_the_step_that_training_then_takes_dropout_and_clipping_included():
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with chance_kept():
        step = taken(doubled(model, mse_loss, batch(0), optimizer), clip_norm=0.1)
    loss = mse_loss(model(batch(0)[0]), batch(0)[1])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    optimizer.step()
    assert step.loss == float(loss.detach())
    assert all(torch.equal(step.scene.after[name], one) for name, one in model.named_parameters())


def test_the_scene_says_the_same_loss_again_with_the_same_dropout():
    step = taken(doubled(model := net(), mse_loss, batch(0), torch.optim.SGD(model.parameters(), lr=0.1)))
    losses = [float(step.scene.loss(step.scene.before).detach()) for _ in range(2)]
    assert losses == [step.loss, step.loss]


def test_chance_that_a_model_draws_elsewhere_is_given_back():
    class Restless(nn.Linear):
        def forward(self, x):
            return super().forward(x) + np.random.standard_normal() + random.random()

    model = Restless(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = bits(model, optimizer)
    record = look(model, mse_loss, batch(0), optimizer)
    assert bits(model, optimizer) == before
    assert any("numpy's chance" in note for note in record.notes)


def test_gradients_that_wait_are_kept_and_not_mixed_in():
    model = net(dropout=0.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    clean = taken(doubled(model, mse_loss, batch(0), optimizer)).scene.gradient
    for one in model.parameters():
        one.grad = torch.ones_like(one)
    again = taken(doubled(model, mse_loss, batch(0), optimizer)).scene.gradient
    assert all(torch.equal(one, again[name]) for name, one in clean.items())
    assert all(bool(one.grad.eq(1).all()) for one in model.parameters())


class Parts(nn.Module):
    """Of its parts one rests, one is never asked, and one no optimiser knows."""

    def __init__(self):
        """Four alike."""
        super().__init__()
        self.moves, self.rests, self.idle, self.elsewhere = (nn.Linear(4, 1, bias=False) for _ in range(4))
        self.rests.requires_grad_(requires_grad=False)

    def forward(self, x):
        """The sum of three."""
        return self.moves(x) + self.rests(x) + self.elsewhere(x)


def test_each_weight_that_cannot_move_says_why():
    model = Parts()
    optimizer = torch.optim.SGD([model.moves.weight, model.rests.weight, model.idle.weight], lr=0.1, weight_decay=0.1)
    step = taken(doubled(model, mse_loss, batch(0), optimizer))
    assert step.untouched == {"rests.weight": FROZEN, "idle.weight": NO_GRADIENT, "elsewhere.weight": NOT_OPTIMISED}
    assert list(step.settings) == ["moves.weight"]


def test_hooks_that_change_a_gradient_are_followed():
    model = nn.Linear(4, 1)
    model.weight.register_hook(lambda gradient: 0 * gradient)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = taken(doubled(model, mse_loss, batch(0), optimizer))
    assert torch.equal(step.scene.after["weight"], step.scene.before["weight"])
    assert not torch.equal(step.scene.after["bias"], step.scene.before["bias"])


def test_what_a_forward_pass_left_at_its_module_is_no_obstacle():
    class Keeps(nn.Linear):
        def forward(self, x):
            self.last = super().forward(x)
            return self.last

    model = Keeps(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    mse_loss(model(batch(0)[0]), batch(0)[1]).backward()
    assert look(model, mse_loss, batch(0), optimizer).step == 1


def test_a_loss_that_is_a_module_with_weights_of_its_own_is_copied_along():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, outputs, targets):
            return (self.scale * mse_loss(outputs, targets)).sum()

    model, loss = nn.Linear(4, 1), Scaled()
    optimizer = torch.optim.SGD([*model.parameters(), *loss.parameters()], lr=0.1)
    record = look(model, loss, batch(0), optimizer)
    assert loss.scale.grad is None
    assert float(loss.scale.detach()) == 1
    assert any("also moves 1 tensors that are not the model's" in note for note in record.notes)


def test_sparse_gradients_are_shown_in_full():
    model = nn.Sequential(nn.Embedding(5, 3, sparse=True), nn.Flatten(), nn.Linear(3, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    tokens, labels = torch.tensor([[0], [3]]), torch.tensor([0, 1])
    record = look(model, cross_entropy, (tokens, labels), optimizer)
    rows = np.abs(record.tensors[0].step).sum(axis=1)
    assert (rows > 0).tolist() == [True, False, False, True, False]
    assert model[0].sparse
    assert np.isfinite(record.worked.curvature)


def test_in_float64_the_same_step_is_taken_without_rounding():
    model = net(dropout=0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    before = bits(model, optimizer)
    plain, shadow = (look(model, mse_loss, batch(0), optimizer, Wanted(shadow=one)) for one in (False, True))
    assert (plain.precision, shadow.precision) == ("float32", "float64")
    assert max(one.gap for one in shadow.tensors) < 1e-15 < max(one.gap for one in plain.tensors)
    assert shadow.loss == pytest.approx(plain.loss, rel=1e-5)
    assert bits(model, optimizer) == before
    assert torch.get_default_dtype() is torch.float32


def test_tied_weights_move_as_one():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
            self.other.weight = self.one.weight

        def forward(self, x):
            return self.other(torch.tanh(self.one(x))).mean(dim=1, keepdim=True)

    model = Tied()
    record = look(model, mse_loss, batch(0), torch.optim.SGD(model.parameters(), lr=0.1))
    assert [one.name for one in record.tensors] == ["one.weight"]
    assert record.notes == ()


def test_groups_with_rates_of_their_own_are_each_taken_apart_with_theirs():
    model = net(dropout=0.0)
    first, *others = model.parameters()
    optimizer = torch.optim.SGD([{"params": [first], "lr": 0.5}, {"params": others}], lr=0.1)
    record = look(model, mse_loss, batch(0), optimizer)
    assert [factor.low for one in record.tensors[:2] for factor in one.factors] == [0.5, 0.1]
    assert any("groups differ in lr" in note for note in record.notes)


class Breaks(torch.optim.SGD):
    """Moves one weight, and fails."""

    def step(self, closure=None):
        """Half a step, and no more."""
        self.param_groups[0]["params"][0].data.add_(1.0)
        raise ArithmeticError("the step broke")


def test_a_step_that_raises_changes_nothing():
    model = net()
    optimizer = Breaks(model.parameters(), lr=0.1)
    before = bits(model, optimizer)
    with pytest.raises(EngineError, match=r"step of Breaks failed: ArithmeticError: the step broke.*Nothing was chan"):
        look(model, mse_loss, batch(0), optimizer)
    assert bits(model, optimizer) == before
