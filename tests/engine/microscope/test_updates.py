"""Every optimiser's step, taken apart: the parts sum to what torch itself did, whatever the options."""

import itertools
import math
from types import MappingProxyType

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from etude.engine.microscope.double import doubled
from etude.engine.microscope.look import look
from etude.engine.microscope.taken import taken
from etude.engine.microscope.updates.apart import UPDATES, dissected, strongest, tensor_step
from etude.engine.microscope.updates.moved import Moved

RATE = 0.01


def product(**levels):
    return [dict(zip(levels, values, strict=True)) for values in itertools.product(*levels.values())]


DECAYS, CLIMBS, LOOPS = [0.0, 0.1], [False, True], [{}, {"foreach": True}, {"fused": True}]
OPTIONS = {
    torch.optim.SGD: product(momentum=[0.0], weight_decay=DECAYS, maximize=CLIMBS)
    + product(momentum=[0.9], dampening=[0.0, 0.3], weight_decay=DECAYS, maximize=CLIMBS)
    + product(momentum=[0.9], nesterov=[True], weight_decay=DECAYS, maximize=CLIMBS),
    torch.optim.RMSprop: product(momentum=[0.0, 0.9], centered=CLIMBS, weight_decay=DECAYS, maximize=CLIMBS),
    torch.optim.Adam: product(amsgrad=CLIMBS, weight_decay=DECAYS, decoupled_weight_decay=CLIMBS, maximize=CLIMBS),
    torch.optim.AdamW: product(amsgrad=CLIMBS, weight_decay=DECAYS, maximize=CLIMBS),
}
PLAIN = [
    (kind, options, clip) for kind, all_options in OPTIONS.items() for options in all_options for clip in (None, 0.05)
]
CASES = [  # torch's ways of doing the same take turns; it has no fused RMSprop
    (kind, {**options, **LOOPS[i % (2 if kind is torch.optim.RMSprop else 3)]}, clip)
    for i, (kind, options, clip) in enumerate(PLAIN)
]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small networks are slower on two."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(seed: int, dtype=torch.float64) -> tuple[nn.Module, tuple[torch.Tensor, torch.Tensor]]:
    """A network of random depth, widths and activation, and a batch."""
    chance = torch.Generator().manual_seed(seed)
    widths = [2, *torch.randint(1, 7, (int(torch.randint(1, 4, (1,), generator=chance)),), generator=chance), 1]
    kinds = (nn.Tanh, nn.ReLU, nn.GELU)
    torch.manual_seed(seed)
    layers = [layer for a, b in itertools.pairwise(map(int, widths)) for layer in (nn.Linear(a, b), kinds[seed % 3]())]
    x = torch.randn(12, 2, generator=chance).to(dtype)
    return nn.Sequential(*layers[:-1]).to(dtype), (x, x[:, :1] * x[:, 1:])


def worst_gap(model, batch, optimizer, clip_norm, steps=2) -> float:
    """The largest distance of parts and step, relative to the largest of the tensor's parts, over some real steps.

    What the weights before and after can tell of a step is only as fine as their own rounding, which is taken off.
    Parts may be far larger than the step, where a penalty nearly outweighs the gradient.
    """
    worst = 0.0
    for _ in range(steps):
        step = taken(doubled(model, mse_loss, batch, optimizer), clip_norm=clip_norm)
        optimizer.zero_grad()
        mse_loss(model(batch[0]), batch[1]).backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        before = [one.detach().clone() for one in model.parameters()]
        optimizer.step()
        for (name, one), start in zip(model.named_parameters(), before, strict=True):
            moved = step.moved(name)
            assert torch.equal(one.detach(), step.scene.after[name])  # what the copy did is what training does
            assert torch.equal(moved.step, one.detach() - start)
            of, note = dissected(name, moved, type(optimizer), epsilon=torch.finfo(one.dtype).eps)
            assert note == ""
            size = max(float(part.abs().max()) for part in (moved.step, *of.apart.parts.values()))
            rounding = 2 * torch.finfo(one.dtype).eps * float(start.abs().max())
            worst = max(worst, (of.gap - rounding) / size if size else of.gap)
    return worst


@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_parts_sum_to_the_step_of_torch_itself_for_all_options(case):
    kind, options, clip = CASES[case]
    model, batch = network(case)
    assert worst_gap(model, batch, kind(model.parameters(), lr=RATE, **options), clip) < 1e-12


def test_every_network_and_option_is_another_case():
    assert len(CASES) > 100
    assert {kind for kind, _, _ in CASES} == set(UPDATES)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_a_learning_rate_that_is_a_tensor_is_a_number_like_any_other(kind):
    model, batch = network(3)
    assert worst_gap(model, batch, kind(model.parameters(), lr=torch.tensor(RATE, dtype=torch.float64)), None) < 1e-12


def test_in_float32_the_gap_is_rounding_and_no_more():
    model, batch = network(5, torch.float32)
    assert worst_gap(model, batch, torch.optim.AdamW(model.parameters(), lr=RATE), None) < 1e-5


def rounded(rate):
    """A step of plain descent on two weights of 1 whose gradients are 1 and 3, in float32."""
    model = nn.Linear(2, 1, bias=False)
    nn.init.ones_(model.weight)
    batch = torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0]])
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    return look(model, lambda said, _: said.sum(), batch, optimizer)


def test_what_float32_rounds_away_is_a_part_of_its_own_so_that_shares_add_up():
    # beside 1 float32 has a number every 6e-8 downwards: a step of 1e-7 becomes 1.2e-7, one of 3e-7 becomes 2.98e-7
    record = rounded(1e-7)
    (tensor,) = record.tensors
    assert [part.name for part in tensor.parts] == ["data gradient", "rounding"]
    assert sum(part.along for part in tensor.parts) == pytest.approx(1, abs=1e-12)
    steps = -2 * 2**-24, -5 * 2**-24
    along = -sum(1e-7 * g * step for g, step in zip((1, 3), steps, strict=True)) / sum(step**2 for step in steps)
    assert tensor.parts[0].along == pytest.approx(along, rel=1e-6)
    assert all(sum(one.parts.values()) == pytest.approx(one.step, rel=1e-12) for one in record.strongest)
    assert tensor.gap == pytest.approx(2 * 2**-24 - 1e-7, rel=1e-3)


def test_rounding_that_nobody_would_see_is_no_part():
    (tensor,) = rounded(0.1).tensors
    assert [part.name for part in tensor.parts] == ["data gradient"]


def moved(gradient, *, weights=2.0, state=None, clipping=1.0, count=1, step=0.0, **settings) -> Moved:
    tensors = {name: torch.tensor([value], dtype=torch.float64) for name, value in (state or {}).items()}
    numbers = (torch.tensor([value], dtype=torch.float64) for value in (weights, gradient, step))
    return Moved(*numbers, clipping, tensors, MappingProxyType(settings), count)


def parts(kind, **given) -> dict[str, float]:
    return {name: float(value) for name, value in UPDATES[kind](moved(**given)).parts.items()}


def test_the_first_step_of_adam_is_a_tenth_data_and_nine_tenths_bias_correction():
    # m = (1 - 0.9) g and √v̂ = |g|, so that the parts are -η/10 and, as 1/(1 - 0.9) = 10, nine times as much
    found = parts(torch.optim.Adam, gradient=-4.0, lr=0.5, betas=(0.9, 0.999), eps=0.0)
    assert found == pytest.approx({"data gradient": 0.05, "momentum memory": 0.0, "bias correction": 0.45})


def test_adam_s_parts_by_hand_at_its_second_step():
    # G = 0.5·6 + 0.1·10 = 4, m = 0.5·2 + 0.5·4 = 3, v = 0.75·0 + 0.25·16 = 4, v̂ = 4/(1 - 0.75²) = 64/7, so that the
    # scale of η = 1 is √7/8, the sum before bias correction -3√7/8, and 1/(1 - 0.5²) = 4/3 adds a third of it
    found = parts(
        torch.optim.Adam,
        gradient=6.0,
        weights=10.0,
        clipping=0.5,
        state={"exp_avg": 2.0, "exp_avg_sq": 0.0},
        count=2,
        lr=1.0,
        betas=(0.5, 0.75),
        eps=0.0,
        weight_decay=0.1,
    )
    scale = math.sqrt(7) / 8
    assert found == pytest.approx(
        {
            "data gradient": -3 * scale,
            "clipping": 1.5 * scale,
            "L2 penalty": -0.5 * scale,
            "momentum memory": -1 * scale,
            "bias correction": -1 * scale,
        }
    )


def test_decoupled_decay_stands_beside_the_gradient_and_not_in_it():
    found = parts(
        torch.optim.AdamW,
        gradient=-4.0,
        lr=0.5,
        betas=(0.9, 0.999),
        eps=0.0,
        weight_decay=0.1,
        decoupled_weight_decay=True,
    )
    assert found["decoupled decay"] == pytest.approx(-0.5 * 0.1 * 2.0)
    assert "L2 penalty" not in found


def test_nesterov_s_parts_by_hand():
    # gradient 3 and λw = 1: G = 4, M' = 0.5·8 + 4 = 8, the step -(4 + 0.5·8) = -8 = -1.5·3 - 1.5·1 - 0.25·8
    found = parts(
        torch.optim.SGD,
        gradient=3.0,
        state={"momentum_buffer": 8.0},
        lr=1.0,
        momentum=0.5,
        dampening=0.0,
        nesterov=True,
        weight_decay=0.5,
    )
    assert found == pytest.approx({"data gradient": -4.5, "L2 penalty": -1.5, "momentum memory": -2.0})


def test_dampening_spares_the_very_first_step():
    settings = {"lr": 1.0, "momentum": 0.5, "dampening": 0.25, "nesterov": False}
    assert parts(torch.optim.SGD, gradient=4.0, **settings) == {"data gradient": -4.0, "momentum memory": 0.0}
    later = parts(torch.optim.SGD, gradient=4.0, state={"momentum_buffer": 2.0}, **settings)
    assert later == {"data gradient": -3.0, "momentum memory": -1.0}


def test_rmsprop_s_parts_by_hand():
    # v = 0.75·0 + 0.25·16 = 4, so that the scale is 1/2; the buffer keeps what was scaled already
    found = parts(
        torch.optim.RMSprop,
        gradient=4.0,
        state={"square_avg": 0.0, "momentum_buffer": 3.0},
        lr=1.0,
        alpha=0.75,
        eps=0.0,
        momentum=0.5,
        centered=False,
    )
    assert found == pytest.approx({"data gradient": -2.0, "momentum memory": -1.5})


def test_climbing_turns_the_gradient_and_leaves_the_penalty():
    found = parts(torch.optim.SGD, gradient=3.0, lr=1.0, momentum=0.0, nesterov=False, weight_decay=0.5, maximize=True)
    assert found == {"data gradient": 3.0, "L2 penalty": -1.0}


class Lion(torch.optim.Optimizer):
    """Steps along the sign of the gradient: no optimiser that étude knows."""

    def __init__(self, params, lr=0.1):
        """count: of its own, which torch's way of copying would lose."""
        super().__init__(params, {"lr": lr})
        self.count = 0

    @torch.no_grad()
    def step(self, closure=None):
        """As every optimiser has it."""
        self.count += 1
        for group in self.param_groups:
            for one in group["params"]:
                one.sub_(group["lr"] * one.grad.sign())


def test_an_optimiser_that_nobody_knows_is_taken_apart_into_its_gradient_and_the_rest():
    model, batch = network(1)
    record = look(model, mse_loss, batch, Lion(model.parameters()))
    assert any("does not know how Lion makes its step" in note for note in record.notes)
    for one in record.tensors:
        assert [part.name for part in one.parts] == ["−η × gradient", "the rest"]
        assert sum(part.values for part in one.parts) == pytest.approx(one.step, abs=1e-15)


@pytest.mark.parametrize("kind", [torch.optim.Adagrad, torch.optim.NAdam, torch.optim.Rprop, torch.optim.Adafactor])
def test_the_parts_of_torch_s_other_optimisers_sum_to_their_steps_too(kind):
    model, batch = network(1)
    record = look(model, mse_loss, batch, kind(model.parameters(), lr=0.01))
    assert max(one.gap for one in record.tensors) < 1e-15
    assert record.step_norm > 0


class Halved(torch.optim.SGD):
    """Says it is plain descent, and does half of it."""

    def step(self, closure=None):
        """Half of it."""
        for one in self.param_groups[0]["params"]:
            one.grad.mul_(0.5)
        return super().step(closure)


def test_a_step_that_is_not_what_its_formula_says_is_not_explained_by_it():
    model, batch = network(2)
    record = look(model, mse_loss, batch, Halved(model.parameters(), lr=0.1))
    assert any("Halved did not step as its formula says" in note for note in record.notes)
    assert {part.name for one in record.tensors for part in one.parts} == {"−η × gradient", "the rest"}


def test_shares_along_the_step_sum_to_one_and_ratios_are_those_of_the_norms():
    model, batch = network(6)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    record = look(model, mse_loss, batch, optimizer)
    for one in record.tensors:
        assert sum(part.along for part in one.parts) == pytest.approx(1)
        assert one.ratio == pytest.approx(one.step_norm / one.weight_norm)
        assert one.rate * one.gradient_norm == pytest.approx(one.step_norm)


def test_the_first_step_of_adam_is_a_sign_step_and_that_of_plain_descent_has_no_such_scale():
    model, batch = network(6)
    adams = look(model, mse_loss, batch, torch.optim.Adam(model.parameters(), lr=RATE))
    plain = look(model, mse_loss, batch, torch.optim.SGD(model.parameters(), lr=RATE))
    assert {one.signs for one in adams.tensors} == {1.0}
    assert {one.signs for one in plain.tensors} == {None}


def test_the_strongest_coordinates_are_those_with_the_largest_steps_and_their_parts_sum_to_them():
    step = torch.tensor([[0.0, -3.0], [1.0, 2.0]], dtype=torch.float64)
    settings = {"lr": 1.0, "momentum": 0.0, "nesterov": False}
    of, _ = dissected(
        "w", Moved(step, -step, step, 1.0, {}, MappingProxyType(settings), 1), torch.optim.SGD, epsilon=1e-16
    )
    found = strongest(of, 5)
    assert [(one.index, one.step) for one in found] == [((0, 1), -3.0), ((1, 1), 2.0), ((1, 0), 1.0)]
    assert all(sum(one.parts.values()) == one.step for one in found)


def test_a_record_of_totals_has_the_norms_and_no_single_number():
    model, batch = network(7)
    step = taken(doubled(model, mse_loss, batch, torch.optim.Adam(model.parameters())))
    of, _ = dissected("0.weight", step.moved("0.weight"), torch.optim.Adam, epsilon=1e-16)
    small, whole = tensor_step(of, totals=True), tensor_step(of, totals=False)
    assert small.step is None
    assert {part.values for part in small.parts} == {None}
    assert [part.norm for part in small.parts] == [part.norm for part in whole.parts]
