"""What layers say and hear: against numbers by hand, against autograd, and with hooks that leave no trace."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from etude.engine.microscope.layers_seen import layers_seen


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small networks are slower on two."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def by_name(scene, whole=None):
    return {one.name: one for one in layers_seen(scene, whole)[0]}


def by_hand() -> nn.Sequential:
    """Outputs 2x, −2x and −1 (twice dead for x > 0), then their sum."""
    model = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[2.0], [-2.0], [0.0]]))
        model[0].bias.copy_(torch.tensor([0.0, 0.0, -1.0]))
        model[2].weight.fill_(1.0)
    return model


X = torch.tensor([[1.0], [2.0]])


def test_forward_numbers_are_those_by_hand(scene_of):
    seen = by_name(scene_of(by_hand(), (X, 0 * X), mse_loss))
    first, relu, last = (seen[name] for name in ("0", "1", "2"))
    assert list(seen) == ["0", "1", "2"]
    assert (first.kind, first.shape, first.units) == ("Linear", (2, 3), 3)
    # 2, -2, -1 and 4, -4, -1: mean -1/3, mean square 42/6
    assert first.mean == pytest.approx(-1 / 3)
    assert first.std == pytest.approx(math.sqrt(7 - 1 / 9))
    assert (relu.zeros, relu.dead, relu.dead_on_set) == (4 / 6, 2, None)
    assert (first.dead, last.dead) == (None, None)
    assert last.mean == 3


def test_backward_numbers_are_those_by_hand(scene_of):
    # outputs 2 and 4 against 0: the error there is 2·o/2 = 2 and 4; each unit hears it, and only the first passes it on
    seen = by_name(scene_of(by_hand(), (X, 0 * X), mse_loss))
    assert seen["2"].error == pytest.approx(math.hypot(2, 4))
    assert seen["1"].error == pytest.approx(math.sqrt(3) * math.hypot(2, 4))
    assert seen["0"].error == pytest.approx(math.hypot(2, 4))
    assert (seen["2"].gain, seen["1"].gain) == (pytest.approx(math.sqrt(3)), pytest.approx(1 / math.sqrt(3)))
    assert seen["0"].gain is None  # what comes before it is data


def test_weight_gradients_are_those_of_the_scene_and_their_shares_sum_to_one(scene_of):
    scene = scene_of(by_hand(), (X, 0 * X), mse_loss)
    seen = by_name(scene)
    norms = {name: float(torch.linalg.vector_norm(one)) for name, one in scene.gradient.items()}
    assert seen["0"].weight_gradient == pytest.approx(math.hypot(norms["0.weight"], norms["0.bias"]))
    assert (seen["1"].weight_gradient, seen["1"].share) == (None, None)
    assert sum(one.share for one in seen.values() if one.share is not None) == pytest.approx(1)


def test_a_unit_that_is_dead_on_the_batch_may_live_on_the_whole_set(scene_of):
    model = by_hand().train()
    seen = by_name(scene_of(model, (X, 0 * X), mse_loss), whole=torch.tensor([[1.0]] * 2000 + [[-1.0]]))
    assert (seen["1"].dead, seen["1"].dead_on_set) == (2, 1)
    assert all(module.training for module in model.modules())


def test_saturated_units_are_those_in_the_flat_ends(scene_of):
    model = nn.Sequential(nn.Linear(1, 1), nn.Tanh())
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias.fill_(0.0)
    x = torch.tensor([[0.0], [10.0], [-10.0], [1.0]])
    assert by_name(scene_of(model, (x, x), mse_loss))["1"].saturated == 0.5


class Skips(nn.Module):
    """Adds what enters to what leaves, so that a signal comes back on two ways."""

    def __init__(self, *, inplace: bool = False):
        """inplace: of the activation."""
        super().__init__()
        self.first, self.inner, self.act = nn.Linear(3, 3), nn.Linear(3, 3), nn.ReLU(inplace=inplace)

    def forward(self, x):
        """Shape (n, 3) to (n, 3)."""
        entered = self.first(x)
        return entered + self.act(self.inner(entered))


@pytest.mark.parametrize("inplace", [False, True])
def test_the_gain_of_a_layer_beside_a_skip_is_through_the_layer_alone(inplace, scene_of):
    torch.manual_seed(0)
    model, x = Skips(inplace=inplace), torch.randn(5, 3)
    seen = by_name(scene_of(model, (x, x), mse_loss))
    entered = model.first(x).detach().requires_grad_()
    before = model.inner(entered)
    after = torch.relu(before)
    error = torch.autograd.grad(mse_loss(entered.detach() + after, x), after, retain_graph=True)[0]
    at_before, at_entered = torch.autograd.grad(after, (before, entered), error)
    assert seen["act"].error == pytest.approx(float(error.norm()), rel=1e-5)
    assert seen["act"].gain == pytest.approx(float(at_before.norm() / error.norm()), rel=1e-5)
    assert seen["inner"].gain == pytest.approx(float(at_entered.norm() / at_before.norm()), rel=1e-5)


def test_a_module_that_is_called_again_and_again_is_seen_as_one(scene_of):
    class Loops(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.Linear(2, 2)

        def forward(self, x):
            for _ in range(3):
                x = torch.tanh(self.cell(x))
            return x

    torch.manual_seed(0)
    model, x = Loops(), torch.randn(4, 2)
    (seen,) = layers_seen(scene_of(model, (x, x), mse_loss))[0]
    said, state = [], x
    for _ in range(3):
        said.append(model.cell(state))
        state = torch.tanh(said[-1])
    errors = torch.autograd.grad(mse_loss(state, x), said)
    assert seen.mean == pytest.approx(float(torch.cat(said).detach().mean()), rel=1e-5)
    assert seen.error == pytest.approx(math.sqrt(sum(float(one.norm()) ** 2 for one in errors)), rel=1e-5)
    assert seen.share == 1


def test_convolutions_have_their_units_along_the_second_axis_and_all_else_along_the_last(scene_of):
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 2), nn.ReLU()
    )
    x = torch.randn(6, 1, 6, 6)
    seen = by_name(scene_of(model, (x, torch.zeros(6, 2)), mse_loss))
    assert [one.units for one in seen.values()] == [4, 4, 4, 4, 16, 2, 2]


def test_attention_and_recurrence_are_seen_with_all_their_weights(scene_of):
    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.read = nn.LSTM(3, 4, batch_first=True)
            self.attend = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x):
            states, _ = self.read(x)
            return self.attend(states, states, states)[0]

    x = torch.randn(5, 7, 3)
    seen = by_name(scene_of(Reads(), (x, torch.zeros(5, 7, 4)), mse_loss))
    assert list(seen) == ["read", "attend"]  # the projection within attention is never called as a module
    assert seen["read"].shape == (5, 7, 4)
    assert seen["attend"].gain > 0
    assert sum(one.share for one in seen.values()) == pytest.approx(1)


def test_a_layer_whose_output_cannot_be_derived_by_has_no_error_signal(scene_of):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    model[0].requires_grad_(requires_grad=False)
    x = torch.randn(4, 2)
    seen = by_name(scene_of(model, (x, x[:, :1]), mse_loss))
    assert math.isnan(seen["0"].error)
    assert (seen["0"].share, seen["1"].share) == (None, 1)


def test_the_first_layer_that_gave_what_is_not_finite_is_named(scene_of):
    class Breaks(nn.Module):
        def forward(self, x):
            return x / 0

    model, x = nn.Sequential(nn.Linear(2, 2), Breaks(), nn.Linear(2, 1)), torch.randn(4, 2)
    _, notes = layers_seen(scene_of(model, (x, x[:, :1]), mse_loss))
    assert notes == ("the first output that is not finite is that of 1 (Breaks)",)


def test_hooks_leave_no_trace(scene_of):
    model, x = by_hand(), X
    layers_seen(scene_of(model, (x, x), mse_loss), whole=X)
    assert not any(value for one in model.modules() for name, value in vars(one).items() if "hooks" in name)
