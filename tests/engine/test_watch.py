"""Watching a loop: what is seen is what was there, and the training never learns of it."""

import copy
import gc
import json
import math
import pickle
import random
import signal
import subprocess
import sys
import warnings
import weakref
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.nn.functional import mse_loss

from etude.engine.activations import dead_units
from etude.engine.watch import Watch
from etude.engine.watch_options import Options
from etude.records.read import read
from etude.values.errors import EngineError


def net(*, dropout: float = 0.0) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(dropout), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)
    )


def batch(i: int, rows: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(i)
    x = torch.randn(rows, 4, generator=chance)
    return x, x[:, :1] * x[:, 1:2]


def watching(model, *optimizers, watched=True, **options):
    return Watch(model, optimizers, Options(**({"every": 1} | options))) if watched else nullcontext()


def bits(model, *optimizers) -> list[bytes]:
    """Everything that training changes: weights, buffers, states of optimisers, chance."""
    states = [model.state_dict(), *(one.state_dict() for one in optimizers)]
    tensors = [torch.get_rng_state()]

    def gather(tree):
        if isinstance(tree, torch.Tensor):
            tensors.append(tree)
        elif isinstance(tree, dict):
            for value in tree.values():
                gather(value)

    for state in states:
        gather(state)
    chance = [np.random.get_state()[1].tobytes(), repr(random.getstate()).encode()]
    return [one.detach().contiguous().numpy().tobytes() for one in tensors] + chance


def plain(*, watched):
    model = net(dropout=0.5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    with watching(model, optimizer, watched=watched) as watch:
        for i in range(12):
            x, y = batch(i)
            loss = mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if watch is not None:
                watch.loss(loss)
                watch.validation(loss)
                watch.probe(x, y, mse_loss) if i == 5 else None
    return bits(model, optimizer)


def bfloat16(*, watched):
    model = net(dropout=0.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    with watching(model, optimizer, watched=watched) as watch:
        for i in range(12):
            x, y = batch(i)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = mse_loss(model(x).float(), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if watch is not None:
                watch.loss(loss)
    return bits(model, optimizer)


def scaled(*, watched):
    """A scaler whose gradients overflow in the first steps, and which therefore leaves these out."""
    model = net(dropout=0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=4)
    with watching(model, optimizer, watched=watched) as watch:
        for i in range(12):
            x, y = batch(i)
            loss = mse_loss(model(x), y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            if watch is not None:
                watch.loss(loss)
    return bits(model, optimizer)


def accumulated(*, watched):
    model = net(dropout=0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with watching(model, optimizer, watched=watched) as watch:
        for i in range(24):
            x, y = batch(i)
            loss = mse_loss(model(x), y)
            (loss / 4).backward()
            if i % 4 == 3:
                torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
                optimizer.step()
                optimizer.zero_grad()
            if watch is not None:
                watch.loss(loss)
    return bits(model, optimizer)


def compiled(*, watched):
    torch.compiler.reset()
    model = net(dropout=0.5)
    fast = torch.compile(model, backend="aot_eager")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with watching(fast, optimizer, watched=watched) as watch:
        for i in range(8):
            x, y = batch(i)
            loss = mse_loss(fast(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if watch is not None:
                watch.loss(loss)
    return bits(model, optimizer)


def with_closure(*, watched):
    model = net()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)
    x, y = batch(0)
    with watching(model, optimizer, watched=watched) as watch:
        for _ in range(5):

            def closure():
                optimizer.zero_grad()
                loss = mse_loss(model(x), y)
                loss.backward()
                return loss

            loss = optimizer.step(closure)
            if watch is not None:
                watch.loss(loss)
    return bits(model)


def checkpointed(*, watched):
    """The forward pass runs twice, the second time within the backward pass."""
    model = net(dropout=0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with watching(model, optimizer, watched=watched) as watch:
        for i in range(8):
            x, y = batch(i)
            loss = mse_loss(torch.utils.checkpoint.checkpoint(model, x, use_reentrant=False), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if watch is not None:
                watch.loss(loss)
    return bits(model, optimizer)


@pytest.mark.parametrize(
    "loop", [plain, bfloat16, scaled, accumulated, compiled, with_closure, checkpointed], ids=lambda f: f.__name__
)
def test_training_is_bit_for_bit_the_same(loop):
    assert loop(watched=True) == loop(watched=False)


def train(watch, model, optimizer, *, steps=20, start=0, clip=None):
    for i in range(start, start + steps):
        x, y = batch(i)
        loss = mse_loss(model(x), y)
        loss.backward()
        if clip is not None:
            watch.clipped(nn.utils.clip_grad_norm_(model.parameters(), clip))
        optimizer.step()
        optimizer.zero_grad()
        watch.loss(loss)


def single_weight():
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    return model


def hooks(model, optimizer):
    """How many functions torch would call."""
    of_optimizer = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")
    of_module = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    return sum(len(vars(optimizer)[name]) for name in of_optimizer) + sum(
        len(vars(module)[name]) for module in model.modules() for name in of_module
    )


def values(watch, name):
    return watch.run.curve(name).values.tolist()


def test_gradient_weight_and_update_are_those_of_the_step():
    # loss = w x with x = 3 has gradient 3; plain descent at rate 0.1 takes w from 2 to 1.7, a change of 0.3 / 2
    model = single_weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model, optimizer) as watch:
        loss = model(torch.tensor([[3.0]])).sum()
        loss.backward()
        optimizer.step()
        watch.loss(loss)
    measured = {name: curve.values.tolist() for name, curve in watch.run.curves.items()}
    assert measured == {
        "train/objective": [6.0],
        "signals/learning_rate": [0.1],
        "signals/gradient_norm": [3.0],
        "signals/update_ratio": [pytest.approx(0.15, rel=1e-6)],
        "layers/Linear/gradient_norm": [3.0],
        "layers/Linear/weight_norm": [2.0],
        "layers/Linear/update_ratio": [pytest.approx(0.15, rel=1e-6)],
    }


def test_a_clipped_gradient_is_told_as_it_was_before():
    # gradients 3 and 0.5 against a limit of 1: one step of two is clipped
    model = single_weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model, optimizer, clip_norm=1.0, every=2) as watch:
        for slope in (0.2, 0.2, 3.0, 0.5):
            optimizer.zero_grad()
            model(torch.tensor([[slope]])).sum().backward()
            watch.clipped(nn.utils.clip_grad_norm_(model.parameters(), 1.0))
            optimizer.step()
    assert watch.run.curve("signals/clipped").steps.tolist() == [1, 2, 4]
    assert values(watch, "signals/clipped") == [0.0, 0.0, 0.5]
    assert values(watch, "signals/gradient_norm") == pytest.approx([0.2, 0.2, 0.5])


def test_the_layers_of_a_clipped_gradient_are_told_as_they_were_before():
    model = single_weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model, optimizer) as watch:
        model(torch.tensor([[3.0]])).sum().backward()
        watch.clipped(nn.utils.clip_grad_norm_(model.parameters(), 1.0))
        optimizer.step()
    assert values(watch, "layers/Linear/gradient_norm") == pytest.approx([3.0], rel=1e-5)
    assert values(watch, "layers/Linear/update_ratio") == pytest.approx([0.05], rel=1e-5)


def test_a_limit_alone_tells_whether_measured_steps_were_clipped():
    model = single_weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model, optimizer, clip_norm=1.0) as watch:
        for slope in (3.0, 0.5):
            optimizer.zero_grad()
            model(torch.tensor([[slope]])).sum().backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    assert values(watch, "signals/clipped") == [1.0, 0.0]


def test_scaled_gradients_are_told_without_their_scale():
    model = single_weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with watching(model, optimizer) as watch:
        scaler.scale(model(torch.tensor([[3.0]])).sum()).backward()
        scaler.step(optimizer)
    assert values(watch, "signals/gradient_norm") == [3.0]


def test_a_step_that_overflowed_is_none():
    model = single_weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    with watching(model, optimizer) as watch:
        for _ in range(6):
            optimizer.zero_grad()
            scaler.scale(model(torch.tensor([[3.0]])).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
    # 3 · 2^127 is beyond float32, 3 · 2^126 is not
    assert watch.step == 5


def test_losses_of_one_step_count_as_their_mean():
    model = single_weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model, optimizer) as watch:
        for loss in (1.0, 2.0, 6.0):
            watch.loss(torch.tensor(loss))
        model(torch.ones(1, 1)).sum().backward()
        optimizer.step()
        watch.loss(5.0)
        assert values(watch, "train/objective") == [3.0, 5.0]
        watch.loss(7.0)
    assert watch.run.curve("train/objective").steps.tolist() == [0, 1]
    assert values(watch, "train/objective") == [3.0, 6.0]


def test_units_that_are_zero_for_every_example_are_dead():
    # of four units two have a bias so low that no input between -1 and 1 wakes them
    model = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 1))
    nn.init.ones_(model[0].weight)
    model[0].bias.data = torch.tensor([5.0, 5.0, -5.0, -5.0])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watching(model, optimizer) as watch:
        for _ in range(3):
            model(torch.linspace(-1, 1, 9)[:, None]).sum().backward()
            optimizer.step()
    assert watch.run.curve("layers/1/dead").steps.tolist() == [2, 3]
    assert values(watch, "layers/1/dead") == [0.5, 0.5]


def test_channels_are_the_units_of_an_image():
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 9, 1))
    nn.init.zeros_(model[0].weight)
    model[0].bias.data = torch.tensor([1.0, -1.0, -1.0, -1.0])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watching(model, optimizer) as watch:
        for _ in range(2):
            model(torch.ones(5, 1, 3, 3)).sum().backward()
            optimizer.step()
    assert values(watch, "layers/1/dead") == [0.75]


class Functional(nn.Module):
    """ReLU as a function, which no hook can see."""

    def __init__(self):
        """Four units between one input and one output."""
        super().__init__()
        self.first, self.second = nn.Linear(1, 4), nn.Linear(4, 1)

    def forward(self, x):
        """Shape (n, 1) to (n, 1)."""
        return self.second(torch.relu(self.first(x)))


def test_units_without_any_gradient_are_dead_where_no_activation_can_be_seen():
    model = Functional()
    nn.init.ones_(model.first.weight)
    model.first.bias.data = torch.tensor([5.0, 5.0, 5.0, -5.0])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watching(model, optimizer) as watch:
        for _ in range(2):
            model(torch.linspace(0, 1, 9)[:, None]).sum().backward()
            optimizer.step()
    assert values(watch, "layers/first/dead") == [0.25]
    assert "layers/second/dead" not in watch.run.curves


def test_outputs_in_the_flat_parts_are_saturated():
    # tanh(5) = 0.9999 is in its flat part, tanh(0.5) = 0.46 is not
    model = nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 1))
    nn.init.zeros_(model[0].weight)
    model[0].bias.data = torch.tensor([5.0, 0.5])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watching(model, optimizer) as watch:
        for _ in range(2):
            model(torch.ones(7, 1)).sum().backward()
            optimizer.step()
    assert values(watch, "layers/1/saturated") == [0.5]


def test_a_last_sigmoid_tells_how_many_probabilities_are_confident():
    model = nn.Sequential(nn.Linear(1, 1), nn.Sigmoid())
    nn.init.ones_(model[0].weight)
    nn.init.zeros_(model[0].bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watching(model, optimizer) as watch:
        for _ in range(2):
            model(torch.tensor([[-9.0], [0.0], [1.0], [9.0]])).sum().backward()
            optimizer.step()
    assert values(watch, "signals/confident") == [0.5]


def test_validation_passes_do_not_count_as_activations():
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    nn.init.ones_(model[0].weight)
    nn.init.zeros_(model[0].bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watching(model, optimizer) as watch:
        for _ in range(3):
            model.train()
            model(torch.ones(3, 1)).sum().backward()
            optimizer.step()
            model.eval()
            with torch.no_grad():
                model(-torch.ones(3, 1))
    assert values(watch, "layers/1/dead") == [0.0, 0.0]


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_of_an_embedding_are_counted_once_they_had_a_gradient(sparse):
    model = nn.Sequential(nn.Embedding(10, 3, sparse=sparse))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model, optimizer) as watch:
        for rows in ([0, 1], [1, 2], [2]):
            optimizer.zero_grad()
            model(torch.tensor(rows)).sum().backward()
            optimizer.step()
    assert values(watch, "layers/0/rows_used") == pytest.approx([0.2, 0.3, 0.3])


def test_adam_remembers_the_rows_of_steps_that_were_not_measured():
    model = nn.Sequential(nn.Embedding(10, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    with watching(model, optimizer, every=6) as watch:
        for row in range(6):
            optimizer.zero_grad()
            model(torch.tensor([row])).sum().backward()
            optimizer.step()
    assert values(watch, "layers/0/rows_used") == pytest.approx([0.1, 0.2, 0.6])


def test_two_optimisers_take_one_step_together():
    one, two = nn.Linear(2, 2), nn.Linear(2, 1)
    model = nn.Sequential(one, two)
    optimizers = [torch.optim.SGD(part.parameters(), lr=rate) for part, rate in ((one, 0.1), (two, 0.2))]
    with watching(model, *optimizers) as watch:
        for _ in range(3):
            model(torch.ones(4, 2)).sum().backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
    assert watch.run.curve("layers/0/update_ratio").steps.tolist() == [1, 2, 3]
    assert watch.run.curve("layers/1/update_ratio").steps.tolist() == [1, 2, 3]
    assert values(watch, "signals/learning_rate") == pytest.approx([0.1] * 3)


def test_an_optimiser_that_takes_more_steps_than_the_other_counts():
    one, two = nn.Linear(2, 2), nn.Linear(2, 1)
    optimizers = [torch.optim.SGD(part.parameters(), lr=0.1) for part in (one, two)]
    model = nn.Sequential(one, two)
    with watching(model, *optimizers) as watch:
        model(torch.ones(4, 2)).sum().backward()
        for which in (0, 0, 0, 1, 0, 0, 1):
            optimizers[which].step()
    assert watch.step == 5
    assert watch.run.curve("layers/1/update_ratio").steps.tolist() == [3, 5]


def test_frozen_layers_and_shared_weights_are_told_once_and_only_where_they_learn():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    model[2].weight = model[1].weight
    model[0].requires_grad_(requires_grad=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model, optimizer) as watch:
        model(torch.ones(4, 3)).sum().backward()
        optimizer.step()
    layers = [name for name in watch.run.curves if name.endswith("/weight_norm")]
    assert layers == ["layers/1/weight_norm", "layers/2/weight_norm"]
    assert values(watch, "layers/2/weight_norm") == pytest.approx([float(model[2].bias.data.add(0.4).norm())], rel=1e-5)


def test_large_weights_are_compared_by_a_part_of_them():
    # every number is 2 and changes by 0.1: any part has the ratio 0.05, and the norm is 2 √n
    n = 3 << 20
    model = nn.Linear(n, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model, optimizer) as watch:
        model(torch.ones(1, n)).sum().backward()
        optimizer.step()
    assert values(watch, "signals/update_ratio") == pytest.approx([0.05], rel=1e-3)
    assert values(watch, "layers/Linear/weight_norm") == pytest.approx([2 * math.sqrt(n)], rel=1e-3)


def test_compiled_code_is_not_compiled_again():
    def frames(*, watched, wrapped):
        torch.compiler.reset()
        counter = CompileCounterWithBackend("aot_eager")
        model = net()
        fast = torch.compile(model, backend=counter, fullgraph=True)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        with watching(fast if wrapped else model, optimizer, watched=watched):
            for i in range(6):
                x, y = batch(i)
                mse_loss(fast(x), y).backward()
                optimizer.step()
                optimizer.zero_grad()
        return counter.frame_count

    alone = frames(watched=False, wrapped=True)
    assert frames(watched=True, wrapped=True) == alone
    assert frames(watched=True, wrapped=False) == alone  # compiled behind étude's back


def test_layers_of_a_compiled_model_have_their_own_names_and_its_activations_come_by_probe():
    torch.compiler.reset()
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    fast = torch.compile(model, backend="aot_eager")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with watching(fast, optimizer) as watch:
        train(watch, fast, optimizer, steps=3)
        watch.probe(*batch(0), nn.MSELoss())
    assert "layers/0/gradient_norm" in watch.run.curves
    assert watch.run.curve("layers/0/dead").steps.tolist() == [2, 3]
    assert watch.run.curve("layers/1/dead").steps.tolist() == [3]
    assert any("compiled" in note for note in watch.run.notes)


def test_an_exception_of_the_loop_passes_and_the_record_is_kept(tmp_path):
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    mistake = ValueError("of the loop")
    watch = watching(model, optimizer, path=tmp_path / "run.jsonl")

    def loop():
        with watch:
            train(watch, model, optimizer, steps=3)
            raise mistake

    with pytest.raises(ValueError, match="of the loop") as raised:
        loop()
    assert raised.value is mistake
    assert watch.run.curve("train/objective").steps.tolist() == [1, 2, 3]
    assert "the loop ended with ValueError after step 3: of the loop" in watch.run.notes
    assert read([tmp_path / "run.jsonl"]).runs[0].last_step == 3


class Broken:
    """A number that cannot be read, for a reason that is not its kind."""

    def __float__(self):
        """As where a device is lost."""
        raise RuntimeError("device lost")


def test_an_error_of_etudes_own_is_told_once_and_training_goes_on():
    model, twin = net(), net()
    optimizer, alone = (torch.optim.Adam(one.parameters()) for one in (model, twin))
    with watching(model, optimizer) as watch:
        train(watch, model, optimizer, steps=2)
        with pytest.warns(RuntimeWarning, match="étude stopped watching") as told:
            watch.loss(Broken())
        train(watch, model, optimizer, steps=3, start=2)
    with watching(twin, alone) as other:
        train(other, twin, alone, steps=5)
    assert len(told) == 1
    assert bits(model, optimizer)[1:] == bits(twin, alone)[1:]
    assert watch.run.curve("train/objective").steps.tolist() == [1, 2]
    assert hooks(model, optimizer) == 0


def test_an_error_in_a_hook_lets_pytorch_go_through_the_hooks_of_others():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    calls = []
    with watching(model, optimizer):
        optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
        optimizer.param_groups[0]["lr"] = Broken()  # étude reads it before SGD does
        with pytest.warns(RuntimeWarning, match="stopped watching after step 1: RuntimeError: device lost"):
            optimizer.step()
        optimizer.step()
    assert calls == ["before", "before"]
    assert hooks(model, optimizer) == 1


def test_activations_that_cannot_be_counted_stop_the_watch_and_not_the_loop():
    model = nn.Sequential(nn.Linear(4, 8, dtype=torch.complex64), nn.Sigmoid())  # no complex number is above another
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model, optimizer):
        optimizer.step()
        output = model(batch(0)[0].to(torch.complex64))
        with pytest.warns(RuntimeWarning, match="étude stopped watching after step 2"):
            optimizer.step()
    assert output.shape == (16, 8)


def test_a_single_number_is_one_unit():
    count, units = dead_units(torch.tensor(0.0), -1)
    assert (int(count), units) == (1, 1)


def test_the_gradient_is_read_before_an_optimiser_changes_it():
    class Halving(torch.optim.Optimizer):
        def step(self, closure=None):
            for one in self.param_groups[0]["params"]:
                one.grad /= 2

    model = single_weight()
    optimizer = Halving(model.parameters(), {"lr": 0.1})
    with watching(model, optimizer) as watch:
        model.weight.grad = torch.full_like(model.weight, 3.0)
        optimizer.step()
    assert values(watch, "signals/gradient_norm") == pytest.approx([3.0])


def test_where_warnings_are_errors_the_loop_still_goes_on():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with watching(model, optimizer) as watch:
            watch.loss("not a number")
            watch.loss(Broken())
    assert watch.failure.startswith("étude stopped watching after step 0: RuntimeError")


def test_a_listener_that_fails_is_dropped_and_the_record_goes_on():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())

    def listener(watch):
        raise KeyError("verdict")

    watch = Watch(model, [optimizer], Options(every=1), listener)
    watch.open()
    with pytest.warns(RuntimeWarning, match="judges this run no more: KeyError"):
        train(watch, model, optimizer, steps=4)
    watch.close()
    assert watch.run.curve("signals/gradient_norm").steps.tolist() == [1, 2, 3, 4]


def test_nothing_stays_hooked_and_nothing_keeps_the_model():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    with watching(model, optimizer) as watch:
        train(watch, model, optimizer, steps=3)
        assert hooks(model, optimizer) == 4  # two of the optimiser, and those of ReLU and tanh, ready for step 4
    assert hooks(model, optimizer) == 0
    gone = weakref.ref(model)
    gc.disable()
    try:
        del model, optimizer
        assert gone() is None
    finally:
        gc.enable()
    assert watch.run.curve("layers/0/gradient_norm").values.size == 3


def test_a_model_is_saved_and_copied_as_if_it_were_not_watched():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    with watching(model, optimizer) as watch:
        train(watch, model, optimizer, steps=3)
        kept, double = pickle.dumps(model), copy.deepcopy(model)
        copy.deepcopy(optimizer)
        pickle.dumps(optimizer)
        before = watch.run.curve("layers/1/dead").values.size
        double.train()
        double(batch(0)[0]).sum().backward()
    assert b"etude" not in kept
    loaded = pickle.loads(kept)
    x = batch(0)[0]
    assert torch.equal(loaded.eval()(x), model.eval()(x))
    assert watch.run.curve("layers/1/dead").values.size == before


def test_the_record_is_bounded_and_says_so():
    model = single_weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watching(model, optimizer, every=50) as watch:
        for i in range(100_000):
            optimizer.step()
            watch.loss(float(i == 77_777))
    loss, norm = watch.run.curve("train/objective"), watch.run.curve("signals/gradient_norm")
    assert 16_384 <= loss.values.size <= 32_768
    assert 512 <= norm.values.size <= 1_024
    assert loss.steps[loss.values == 1.0].tolist() == [77_778]
    assert "of train/objective the smallest and the largest of every 8 values are kept" in watch.run.notes


def test_the_file_is_read_back_as_the_same_curves(tmp_path):
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    with watching(model, optimizer, path=tmp_path / "run.jsonl", every=3) as watch:
        for epoch in range(3):
            train(watch, model, optimizer, steps=5, start=5 * epoch)
            watch.validation(loss=0.5 / (epoch + 1), accuracy=0.7)
        watch.loss(float("nan"))
        watch.probe(*batch(0), nn.MSELoss())
    run, found = watch.run, read([tmp_path / "run.jsonl"]).runs[0]
    assert set(found.curves) == set(run.curves)
    assert {"validation/accuracy", "probes/one_batch_loss", "layers/1/dead"} < set(found.curves)
    for name, curve in run.curves.items():
        assert found.curves[name].steps.tolist() == curve.steps.tolist(), name
        np.testing.assert_array_equal(found.curves[name].values, curve.values)
    assert found.lost == ()


def test_layers_are_in_the_order_of_the_network(tmp_path):
    model = nn.Sequential()
    for i in range(11):
        model.add_module(str(10 - i), nn.Linear(2, 2))
    optimizer = torch.optim.Adam(model.parameters())
    with watching(model, optimizer, path=tmp_path / "run.jsonl") as watch:
        watch.loss(1.0)
        model(torch.ones(2, 2)).sum().backward()
        optimizer.step()
    wanted = [f"layers/{10 - i}/weight_norm" for i in range(11)]
    for run in (watch.run, read([tmp_path / "run.jsonl"]).runs[0]):
        assert [name for name in run.curves if name.endswith("weight_norm")] == wanted


def test_an_earlier_record_is_not_touched(tmp_path):
    path = tmp_path / "made" / "run.jsonl"
    for name in ("run.jsonl", "run-2.jsonl", "run-3.jsonl"):
        model = single_weight()
        with watching(model, torch.optim.SGD(model.parameters(), lr=0.1), path=path) as watch:
            watch.loss(1.0)
        assert watch.run.files == (str(path.with_name(name)),)


def test_a_file_that_cannot_be_written_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    model = single_weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(EngineError, match=r"cannot be written.*Nothing was trained"):
        watching(model, optimizer, path=tmp_path / "file" / "run.jsonl").open()
    assert hooks(model, optimizer) == 0


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from torch import nn
from etude.engine.watch import Watch
from etude.engine.watch_options import Options
model = nn.Linear(4, 1)
optimizer = torch.optim.Adam(model.parameters())
with Watch(model, [optimizer], Options(path=Path(sys.argv[1]), every=10)) as watch:
    for i in range(1, 61):
        loss = model(torch.ones(2, 4)).pow(2).mean()
        loss.backward(); optimizer.step(); optimizer.zero_grad()
        watch.loss(loss)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_what_it_had_measured(tmp_path):
    path = tmp_path / "run.jsonl"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    run = read([path]).runs[0]
    # the loss of step 60 is given after it was measured, and waits for the next sample
    assert run.curve("train/objective").steps.tolist() == list(range(1, 60))
    assert run.curve("signals/gradient_norm").steps.tolist() == [1, 2, *range(10, 61, 10)]
    assert all(json.loads(line) for line in path.read_text().splitlines())
    assert run.lost == ()


def rise(epoch):
    """Falls until epoch 10, then rises."""
    return abs(epoch - 10) / 10 + 1


def test_stopping_keeps_the_best_epoch_and_puts_it_back():
    model = single_weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watching(model, optimizer, stop=True) as watch:
        for epoch in range(1, 60):
            model.weight.data.fill_(epoch)
            model(torch.ones(1, 1)).sum().backward()
            optimizer.step()
            watch.validation(rise(epoch))
            if watch.should_stop:
                break
    assert 12 <= epoch <= 25
    assert (watch.best.step, watch.best.validation, watch.best.value) == (10, 10, 1.0)
    assert watch.ended == "stopped early"
    assert model.weight.item() == epoch
    assert watch.restore_best() == 10
    assert model.weight.item() == 10


def test_nothing_stops_that_was_not_asked_to():
    model = single_weight()
    with watching(model, torch.optim.SGD(model.parameters(), lr=0.1)) as watch:
        for epoch in range(1, 60):
            watch.validation(rise(epoch))
            assert not watch.should_stop
    assert watch.ended == "completed"
    with pytest.raises(EngineError, match="kept only with keep_best=True"):
        watch.restore_best()


def test_a_loss_that_is_no_number_stops_at_once():
    model = single_weight()
    with watching(model, torch.optim.SGD(model.parameters(), lr=0.1), stop=True) as watch:
        watch.loss(1.0)
        watch.validation(1.0)
        assert not watch.should_stop
        watch.loss(math.nan)
        watch.validation(1.0)
        assert watch.should_stop
    assert watch.ended == "diverged"


def test_the_record_says_how_it_was_measured():
    model = single_weight()
    with watching(model, torch.optim.SGD(model.parameters(), lr=0.1), every=7) as watch:
        pass
    assert watch.run.provenance["measured"] == "every 7 steps"
    assert watch.run.provenance["measured steps"] == 0


def test_best_weights_that_were_not_kept_are_not_blamed_on_validation():
    model = single_weight()
    watch = watching(model, torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(EngineError, match="kept only with keep_best=True or stop=True"):
        watch.restore_best()


def test_best_weights_without_a_finite_validation_say_which_is_missing():
    model = single_weight()
    with watching(model, torch.optim.SGD(model.parameters(), lr=0.1), keep_best=True) as watch:
        with pytest.raises(EngineError, match="no validation loss was given"):
            watch.restore_best()
        watch.validation(math.nan)
        with pytest.raises(EngineError, match="of 1 validation losses none was a finite number"):
            watch.restore_best()


VECTOR = torch.ones(3)


@pytest.mark.parametrize(
    ("tell", "says"),
    [
        (lambda w: w.loss(VECTOR), r"`loss` of watch\.loss\(\).* a tensor of shape \(3,\).*value\.mean\(\)"),
        (lambda w: w.loss(None), r"`loss` of watch\.loss\(\).* None"),
        (lambda w: w.loss("0.5"), r"`loss` of watch\.loss\(\).* the text '0\.5'"),
        (lambda w: w.loss(np.ones(2)), r"`loss` of watch\.loss\(\).* an array of shape \(2,\)"),
        (lambda w: w.loss(torch.tensor(1j)), r"`loss` of watch\.loss\(\).* a tensor of torch\.complex64"),
        (lambda w: w.loss(10**400), r"`loss` of watch\.loss\(\).* of type int"),
        (lambda w: w.validation({"loss": 1.0}), r"`loss` of watch\.validation\(\).* of type dict.*by name"),
        (lambda w: w.validation(2.0, acc=VECTOR), r"`acc` of watch\.validation\(\).* shape \(3,\)"),
        (lambda w: w.clipped(VECTOR), r"`norm` of watch\.clipped\(\).* shape \(3,\)"),
        (lambda w: w.probe(VECTOR, VECTOR, 3), r"`criterion` of watch\.probe\(\).* type int, not a function"),
    ],
)
def test_one_bad_value_is_left_out_with_one_warning_and_watching_goes_on(tell, says):
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    with watching(model, optimizer) as watch:
        train(watch, model, optimizer, steps=2)
        with pytest.warns(RuntimeWarning, match=says) as told:
            tell(watch)
        tell(watch)  # a second warning would be an error
        train(watch, model, optimizer, steps=2, start=2)
        watch.validation(3.0)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert watch.failure == ""
    assert watch.run.curve("train/objective").steps.tolist() == [1, 2, 3, 4]
    assert watch.run.curve("signals/gradient_norm").steps.tolist() == [1, 2, 3, 4]
    assert values(watch, "validation/objective")[-1] == 3.0
    assert any(note.startswith("2 values of `") for note in watch.run.notes)


def test_an_array_of_one_number_is_a_loss():
    model = single_weight()
    with watching(model, torch.optim.SGD(model.parameters(), lr=0.1)) as watch:
        watch.loss(np.array([0.5], dtype=np.float32))
        watch.validation(np.float64(0.25))
    assert values(watch, "train/objective") == [0.5]
    assert values(watch, "validation/objective") == [0.25]


def test_without_an_optimiser_each_loss_is_a_step_and_what_is_missing_is_said_once():
    model = single_weight()
    with pytest.warns(RuntimeWarning, match=r"no optimiser was given.*etude\.watch\(model, optimizer\)") as told:
        watch = watching(model)
    with watch:
        for epoch in range(1, 4):
            watch.loss(1 / epoch)
            watch.loss(1 / epoch)
            watch.validation(2 / epoch)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert watch.run.curve("train/objective").steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert watch.run.curve("validation/objective").steps.tolist() == [2, 4, 6]
    assert any(note.startswith("no optimiser was given") for note in watch.run.notes)


def test_validations_alone_are_steps_too():
    with pytest.warns(RuntimeWarning, match="no optimiser was given"):
        watch = watching(single_weight())
    with watch:
        watch.validation(2.0)
        watch.validation(1.0)
    assert watch.run.curve("validation/objective").steps.tolist() == [1, 2]


def test_the_optimiser_of_another_model_is_told_once():
    model, other = single_weight(), single_weight()
    with pytest.warns(RuntimeWarning, match="SGD holds no weight of this Linear") as told:
        watch = watching(model, torch.optim.SGD(other.parameters(), lr=0.1))
    with watch:
        for _ in range(3):
            watch.loss(1.0)
    assert len(told) == 1
    assert watch.step == 3
    assert any("holds no weight of this Linear" in note for note in watch.run.notes)


def test_steps_of_the_optimiser_of_another_model_count_once_they_are_seen():
    model, other = single_weight(), single_weight()
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    with pytest.warns(RuntimeWarning, match="holds no weight"):
        watch = watching(model, optimizer)
    with watch:
        for _ in range(3):
            optimizer.step()
            watch.loss(1.0)
            watch.loss(1.0)
    assert watch.step == 3


def test_the_second_of_two_optimisers_is_named():
    model = single_weight()
    mine, other = (torch.optim.SGD(one.parameters(), lr=0.1) for one in (model, single_weight()))
    with pytest.warns(RuntimeWarning, match="SGD, optimiser 2 of 2, holds no weight"):
        watching(model, mine, other)
