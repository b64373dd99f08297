"""The evidence of the gradient microscope at a reduced size: the benchmark runs, and what is promised is kept."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from etude.engine.microscope.updates import apart, sgd

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def microscope(monkeypatch):
    """The benchmark; the number of threads it sets is put back."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import microscope

    threads = torch.get_num_threads()
    yield microscope
    torch.set_num_threads(threads)


@pytest.mark.slow
def test_three_networks_keep_every_promise_of_the_evidence(microscope):
    found = microscope.measured(networks=3)
    assert found.tensors > 10_000  # every option, plain, foreach and fused, clipped or not, two steps of each
    assert found.gap < 1e-12
    assert found.share < 1e-12
    assert found.path < 1e-6
    assert found.kinks < 3
    assert found.slopes == pytest.approx((3, 3), abs=0.2)
    assert found.alike == 3


def test_a_step_that_is_not_by_its_formula_is_no_evidence(microscope, monkeypatch):
    def doubled(moved):
        found = sgd.update(moved)
        return replace(found, parts={name: 2 * one for name, one in found.parts.items()})

    monkeypatch.setattr(apart, "UPDATES", {**apart.UPDATES, torch.optim.SGD: doubled})
    with pytest.raises(AssertionError, match="SGD did not step as its formula says"):
        list(microscope.gaps(0))


def test_a_simulated_noise_scale_is_told_about_right(microscope):
    found = microscope.simulated(10.0, batches=500)
    assert abs(found.bias[0]) < 3 * found.bias[1]
    assert found.covered == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / 500) ** 0.5)
    assert found.told > 0.99
    assert found.median == pytest.approx(10, rel=0.1)
