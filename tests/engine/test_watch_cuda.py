"""Watching a loop on a GPU: the same bits, no waiting but where it is measured, and memory that stays as it is."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from etude.engine.watch import Watch
from etude.engine.watch_options import Options

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

SIDE, CLASSES = 12, 5


def net() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(8 * (SIDE - 2) ** 2, 32),
        nn.Tanh(),
        nn.Linear(32, CLASSES),
    ).cuda()


@pytest.fixture(autouse=True)
def deterministic():
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    yield
    torch.backends.cudnn.deterministic = before


def batches(n):
    chance = torch.Generator().manual_seed(0)
    for _ in range(n):
        x = torch.randn(32, 1, SIDE, SIDE, generator=chance)
        yield x.cuda(), torch.randint(CLASSES, (32,), generator=chance).cuda()


def trained(*, watched: bool, half: bool, fused: bool) -> list[torch.Tensor]:
    """Weights, buffers, the optimiser's state and the device's chance after some steps."""
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
    scaler = torch.amp.GradScaler("cuda", enabled=half, init_scale=2.0**24, growth_interval=5)
    eye = Watch(model, [optimizer], Options(every=1)) if watched else nullcontext()
    with eye as watch:
        for i, (x, y) in enumerate(batches(20)):
            with torch.autocast("cuda", dtype=torch.float16, enabled=half):
                loss = cross_entropy(model(x), y)
            scaler.scale(loss).backward()
            if i % 2:
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            if watch is not None:
                watch.loss(loss)
            if watch is not None and i == 10:
                watch.probe(x, y, nn.CrossEntropyLoss())
    if watch is not None:
        assert watch.failure == ""
        assert watch.run.notes == ()
        assert torch.isfinite(torch.tensor(watch.run.curve("signals/gradient_norm").values)).all()
    state = [value for one in optimizer.state.values() for value in one.values()]
    return [*model.state_dict().values(), *state, torch.cuda.get_rng_state()]


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_training_is_bit_for_bit_the_same(half, fused):
    with_it, without = (trained(watched=watched, half=half, fused=fused) for watched in (True, False))
    assert all(torch.equal(one, other) for one, other in zip(with_it, without, strict=True))


def test_a_fused_step_that_overflowed_leaves_no_sample():
    model = nn.Linear(1, 1, bias=False).cuda()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    scaler = torch.amp.GradScaler("cuda", init_scale=2.0**127)
    x = torch.full((1, 1), 3.0, device="cuda")
    with Watch(model, [optimizer], Options(every=1)) as watch:
        for _ in range(4):
            optimizer.zero_grad()
            scaler.scale(model(x).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
    # 3 · 2^127 overflows, 3 · 2^126 does not; the gradient is 3 without its scale
    norms = watch.run.curve("signals/gradient_norm")
    assert norms.steps.tolist() == [2, 3, 4]
    assert norms.values.tolist() == pytest.approx([3.0] * 3)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_nothing_waits_for_the_device_but_where_it_is_measured():
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    given = list(batches(4))
    with Watch(model, [optimizer], Options(every=500, clip_norm=1.0)) as watch:
        for i in range(60):
            if i == 5:  # the first two steps are measured
                torch.cuda.set_sync_debug_mode("error")
            x, y = given[i % 4]
            loss = cross_entropy(model(x), y)
            loss.backward()
            watch.clipped(nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True))
            optimizer.step()
            optimizer.zero_grad()
            watch.loss(loss)
        torch.cuda.set_sync_debug_mode("default")
    assert watch.failure == ""
    assert watch.run.curve("train/objective").steps.tolist() == list(range(1, 61))


def test_a_loss_that_is_overwritten_was_taken_before():
    model = nn.Linear(1, 1).cuda()
    place = torch.zeros((), device="cuda")
    with Watch(model, [torch.optim.SGD(model.parameters(), lr=0.1)], Options()) as watch:
        for value in (1.0, 3.0):
            place.fill_(value)
            watch.loss(place)
        place.fill_(100.0)
    assert watch.run.curve("train/objective").values.tolist() == [2.0]


def test_memory_stays_as_it_is():
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    given = list(batches(4))
    weights = sum(4 * one.numel() for one in model.parameters())
    held = []
    with Watch(model, [optimizer], Options(every=10)) as watch:
        for i in range(2_000):
            x, y = given[i % 4]
            loss = cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            watch.loss(loss)
            if i % 500 == 499:
                held.append(torch.cuda.memory_allocated())
    assert len(set(held[1:])) == 1
    assert held[-1] - held[0] <= weights
