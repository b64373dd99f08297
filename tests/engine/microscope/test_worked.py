"""Promise and outcome of a step: numbers derived by hand, and errors of the order that theory says."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import l1_loss, mse_loss, relu

from etude.engine.microscope.crossed import KINKS, loss_and_sides
from etude.engine.microscope.look import Wanted, look
from etude.engine.microscope.scene import dot
from etude.engine.microscope.worked import penalty, worked, worked_with_penalty


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small networks are slower on two."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Weight(nn.Module):
    """One number w, whose output is w times the input."""

    def __init__(self, w: float):
        """w: to begin with."""
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w, dtype=torch.float64))

    def forward(self, x):
        """Shape (n,) to (n,)."""
        return self.w * x


ONES = torch.ones(4, dtype=torch.float64)


@pytest.mark.parametrize(
    ("rate", "says"), [(0.05, "linear regime"), (0.5, "curvature-limited"), (0.99, "curvature-limited")]
)
def test_on_a_parabola_all_is_known_by_hand(rate, says, scene_of):
    # loss w² at w = 3: g = 6, d = -6η, so that g·d = -36η, dᵀHd = 72η², and second order is exact
    found, notes = worked(scene_of(Weight(3.0), (ONES, 0 * ONES), mse_loss, rate=rate))
    assert found.first == pytest.approx(-36 * rate)
    assert found.curvature == pytest.approx(72 * rate**2)
    assert found.change == pytest.approx(found.second)
    assert found.ratio == pytest.approx(2 * rate)
    assert (found.regime, found.kinks, notes) == (says, 0, ())


def test_beyond_twice_the_curvature_the_step_overshoots(scene_of):
    assert worked(scene_of(Weight(3.0), (ONES, 0 * ONES), mse_loss, rate=1.01))[0].regime == "overshoot"


@pytest.mark.parametrize("seed", range(5))
def test_what_second_order_leaves_falls_as_the_cube_of_the_step(seed, scene_of):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    x = torch.randn(32, 2, dtype=torch.float64)
    rates = np.array([0.004, 0.002, 0.001, 0.0005])
    found = [worked(scene_of(model, (x, x[:, :1] * x[:, 1:]), mse_loss, rate=rate))[0] for rate in rates]
    errors = [abs(one.change - one.second) for one in found]
    slope = np.polyfit(np.log(rates), np.log(errors), 1)[0]
    assert slope == pytest.approx(3, abs=0.2)


def test_the_curvature_along_the_step_is_that_of_the_whole_hessian(scene_of):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    x = torch.randn(8, 2, dtype=torch.float64)
    scene = scene_of(model, (x, x[:, :1]), mse_loss)
    names = list(scene.before)
    sizes = [scene.before[name].numel() for name in names]

    def loss(flat):
        parts = torch.split(flat, sizes)
        return scene.loss({n: p.reshape(scene.before[n].shape) for n, p in zip(names, parts, strict=True)})

    flat = torch.cat([scene.before[name].flatten() for name in names])
    step = torch.cat([scene.step[name].flatten() for name in names])
    whole = torch.autograd.functional.hessian(loss, flat)
    assert worked(scene)[0].curvature == pytest.approx(float(step @ whole @ step))


def test_with_its_penalty_the_objective_has_the_penalty_s_slope_and_curvature(scene_of):
    # loss w² and penalty 0.5 w² / 2 at w = 3: to first order (6 + 1.5) d, to second (2 + 0.5) d² / 2
    scene = scene_of(Weight(3.0), (ONES, 0 * ONES), mse_loss, rate=0.1)
    found = worked_with_penalty(scene, worked(scene)[0], {"w": 0.5})
    d = float(scene.step["w"])
    assert found.before == pytest.approx(9 + 0.25 * 9)
    assert found.first == pytest.approx(7.5 * d)
    assert found.change == pytest.approx(7.5 * d + 2.5 * d**2 / 2)
    assert found.curvature == pytest.approx(2.5 * d**2)


def test_the_penalty_of_a_record_is_that_of_the_weight_decay_in_the_gradient():
    model = nn.Linear(2, 1, bias=False)
    model.weight.data = torch.tensor([[3.0, 4.0]])
    batch = (torch.ones(4, 2), torch.zeros(4, 1))
    coupled, beside = torch.optim.Adam, torch.optim.AdamW
    assert look(model, mse_loss, batch, coupled(model.parameters(), weight_decay=0.1)).penalty == pytest.approx(1.25)
    record = look(model, mse_loss, batch, beside(model.parameters(), weight_decay=0.1))
    assert (record.penalty, record.worked_with_penalty) == (0.0, None)


class Kinky(nn.Module):
    """Every unit is its own input times a weight, then whatever is given."""

    def __init__(self, then):
        """then: what is given."""
        super().__init__()
        self.w, self.then = nn.Parameter(torch.ones(1, dtype=torch.float64)), then

    def forward(self, x):
        """Shape (n, 1) to (n, 1)."""
        return self.then(x + self.w)


SHAPED = {
    "module": (nn.ReLU(), (0.0,)),
    "function": (relu, (0.0,)),
    "method": (lambda x: x.relu(), (0.0,)),
    "leaky": (nn.LeakyReLU(), (0.0,)),
    "six": (nn.ReLU6(), (0.0, 6.0)),
    "hard": (nn.Hardtanh(), (-1.0, 1.0)),
    "hard sigmoid": (nn.Hardsigmoid(), (-3.0, 3.0)),
    "hard swish": (nn.Hardswish(), (-3.0, 3.0)),
    "shrunk": (nn.Softshrink(0.5), (-0.5, 0.5)),
    "threshold": (nn.Threshold(0.25, 0.0), (0.25,)),
    "selu": (nn.SELU(), (0.0,)),
    "elu": (nn.ELU(), ()),
    "tanh": (nn.Tanh(), ()),
    "clamped": (lambda x: x.clamp(min=0.5), (0.5,)),
}


@pytest.mark.parametrize("kind", SHAPED)
def test_units_that_cross_a_kink_are_counted_however_it_is_written(kind, scene_of):
    then, kinks = SHAPED[kind]
    x = torch.linspace(-8, 8, 401, dtype=torch.float64)[:, None] + 0.013
    scene = scene_of(Kinky(then), (x, x), lambda outputs, targets: outputs.sum() + 0 * targets.sum())
    before, after = (x + scene.before["w"], x + scene.after["w"])
    crossed = sum(int(((before > at) != (after > at)).sum()) for at in kinks)
    found, _ = worked(scene)
    assert (found.kinks, found.of) == (crossed, 401 * len(kinks))
    assert crossed > 0 or not kinks


def test_the_kinks_of_the_loss_itself_count_too(scene_of):
    # |w - 0.1| for four examples; the step crosses its kink, and what second order promises is not what comes
    found, _ = worked(scene_of(Weight(0.15), (ONES, 0.1 * ONES), l1_loss, rate=0.1))
    assert (found.kinks, found.of) == (4, 4)
    assert found.first == pytest.approx(-0.1)
    assert found.change == pytest.approx(0.0, abs=1e-12)
    assert found.regime == "kink-limited"


def test_the_table_of_kinks_names_functions_that_torch_has():
    assert {type(one) for one in KINKS} == {type(torch.ops.aten.relu.default)}


def test_a_model_that_goes_another_way_after_the_step_is_told_and_not_counted(scene_of):
    class Forks(Kinky):
        def forward(self, x):
            return relu(x + self.w) if self.w >= 1 else relu(relu(x + self.w) + 1)

    found, notes = worked(scene_of(Forks(None), (ONES, 0 * ONES), mse_loss))
    assert (found.kinks, found.of) == (0, 0)
    assert any("another way after the step" in note for note in notes)


class Once(torch.autograd.Function):
    """The square, of which torch must not take a second derivative."""

    @staticmethod
    def forward(context, x):
        """Shape (n,) to (n,)."""
        context.save_for_backward(x)
        return x * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context, gradient):
        """2x."""
        return 2 * context.saved_tensors[0] * gradient


class Never(Once):
    """The same, in a backward pass that cannot be derived."""

    @staticmethod
    def backward(context, gradient):
        """2x, or an error where a graph is kept."""
        if torch.is_grad_enabled():
            raise NotImplementedError("no derivative of the derivative")
        return 2 * context.saved_tensors[0] * gradient


@pytest.mark.parametrize(
    ("kind", "says"), [(Once, "marked once_differentiable"), (Never, "no derivative of the derivative")]
)
def test_without_a_second_derivative_there_is_no_second_order_and_a_note(kind, says, scene_of):
    class Squares(Weight):
        def forward(self, x):
            return kind.apply(self.w * x)

    found, notes = worked(scene_of(Squares(3.0), (ONES, 0 * ONES), mse_loss, rate=1e-4))
    assert math.isnan(found.second)
    assert found.regime == "linear regime"
    assert len(notes) == 1
    assert says in notes[0]


def test_the_loss_is_tried_with_the_dropout_of_the_step(scene_of):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.Dropout(0.5), nn.Linear(16, 1))
    x = torch.randn(32, 2)
    scene = scene_of(model, (x, x[:, :1]), mse_loss, rate=1e-3)
    found, _ = worked(scene)
    assert found.change == pytest.approx(found.first, rel=0.05)  # other masks would change the loss by far more
    assert loss_and_sides(scene, scene.before)[0] == found.before


def test_penalties_are_half_lambda_times_the_squared_norm(scene_of):
    scene = scene_of(Weight(3.0), (ONES, 0 * ONES), mse_loss)
    assert penalty(scene.before, {"w": 0.2}) == pytest.approx(0.2 * dot(scene.before, scene.before) / 2)


def test_what_is_not_wanted_is_not_there():
    model = nn.Linear(2, 1)
    batch = (torch.ones(4, 2), torch.zeros(4, 1))
    record = look(
        model,
        mse_loss,
        batch,
        torch.optim.SGD(model.parameters(), lr=0.1),
        Wanted(path=False, pulls=False, line=False, network=False),
    )
    assert (record.path, record.pulls, record.noise, record.line, record.network, record.curvature) == (None,) * 6
