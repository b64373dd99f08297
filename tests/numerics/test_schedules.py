"""Learning-rate schedules against torch's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from etude.numerics.schedules import is_constant, rate_factor
from etude.values.optimizer import Schedule

STEPS_PER_EPOCH, EPOCHS = 4, 30


def ours(schedule: Schedule) -> list[float]:
    steps = range(STEPS_PER_EPOCH * EPOCHS)
    return [rate_factor(schedule, step, steps_per_epoch=STEPS_PER_EPOCH, epochs=EPOCHS) for step in steps]


def torchs(build) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = build(optimizer)
    rates = []
    for _ in range(STEPS_PER_EPOCH * EPOCHS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_a_constant_schedule_is_one_at_every_step():
    assert set(ours(Schedule())) == {1.0}
    assert is_constant(Schedule())


def test_a_step_schedule_is_torchs_step_lr():
    # torch counts scheduler steps, ours counts epochs: 7 epochs are 28 steps
    theirs = torchs(lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=7 * STEPS_PER_EPOCH, gamma=0.1))
    assert ours(Schedule(name="step", every=7, factor=0.1)) == pytest.approx(theirs, rel=1e-12)


def test_a_cosine_is_torchs_cosine_annealing():
    steps = STEPS_PER_EPOCH * EPOCHS
    theirs = torchs(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=steps, eta_min=0.1))
    assert ours(Schedule(name="cosine", final=0.1)) == pytest.approx(theirs, rel=1e-9)


def test_a_warm_up_is_torchs_linear_lr_from_one_step_up():
    # ours is (s + 1)/W: from 1/W at the first step to 1 at the W-th
    w = 5 * STEPS_PER_EPOCH
    theirs = torchs(lambda o: torch.optim.lr_scheduler.LinearLR(o, start_factor=1 / w, total_iters=w - 1))
    assert ours(Schedule(warm_up=5)) == pytest.approx(theirs, rel=1e-9)


def test_after_a_warm_up_the_schedule_proper_begins():
    # W = 8 steps, T = 120: halfway between them, at step 64, a cosine to 0 is at one half
    factors = ours(Schedule(name="cosine", warm_up=2))
    assert factors[:8] == pytest.approx([1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8, 1])
    assert factors[8] == pytest.approx(1)
    assert factors[64] == pytest.approx(0.5)


def test_a_step_schedule_counts_its_epochs_after_the_warm_up():
    factors = ours(Schedule(name="step", every=1, factor=0.5, warm_up=1))
    assert factors[4:13] == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25]


def test_a_warm_up_longer_than_the_run_never_reaches_the_schedule():
    assert max(ours(Schedule(name="cosine", warm_up=2 * EPOCHS))) == pytest.approx(0.5)


@given(
    schedule=st.builds(
        Schedule, name=st.just("cosine"), final=st.floats(0, 0.99), warm_up=st.floats(0, 40, allow_subnormal=False)
    ),
    step=st.integers(0, STEPS_PER_EPOCH * EPOCHS - 1),
)
def test_a_factor_is_never_below_zero_nor_above_one(schedule, step):
    assert 0 <= rate_factor(schedule, step, steps_per_epoch=STEPS_PER_EPOCH, epochs=EPOCHS) <= 1 + 1e-12
