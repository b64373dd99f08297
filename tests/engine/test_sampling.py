"""Which steps are measured."""

import pytest

from etude.engine.sampling import LONGEST, SHORTEST, Sampling


def due(sampling: Sampling, *, steps: int, step_seconds: float, cost: float) -> list[int]:
    """The steps that are measured where every step and every measurement takes the same."""
    found = []
    for step in range(1, steps + 1):
        is_due = sampling.next_after(step - 1) == step
        sampling.note_step(step_seconds)
        if is_due:
            sampling.note_sample(step, cost)
            found.append(step)
    return found


def test_an_interval_that_was_asked_for_is_kept():
    assert due(Sampling(every=7), steps=30, step_seconds=0.001, cost=9.0) == [1, 2, 7, 14, 21, 28]


def test_measuring_takes_its_share_of_the_time():
    # 1.5 ms on steps of 1 ms are 0.5 % every 300 steps
    assert due(Sampling(), steps=1000, step_seconds=0.001, cost=0.0015) == [1, 2, 12, 312, 612, 912]


@pytest.mark.parametrize(("cost", "interval"), [(0.0, SHORTEST), (1.0, LONGEST)])
def test_the_interval_has_bounds(cost, interval):
    found = due(Sampling(), steps=3 * LONGEST, step_seconds=0.001, cost=cost)
    assert found[3] - found[2] == found[4] - found[3] == interval


def test_a_pause_is_hardly_taken_for_a_step():
    sampling = Sampling()
    for _ in range(50):
        sampling.note_step(0.001)
    sampling.note_step(600.0)
    assert sampling.step_seconds == pytest.approx(0.0011)  # a tenth of the way to twice as long


def test_the_record_says_how_often():
    asked, told = Sampling(every=5), Sampling()
    due(told, steps=500, step_seconds=0.001, cost=0.0015)
    assert str(asked) == "every 5 steps"
    assert str(told) == "every 10 to 300 steps, so that it takes about 0.5% of the time"
