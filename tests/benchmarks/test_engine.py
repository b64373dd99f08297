"""The benchmark of the engines: its arithmetic, its refusal of other work, and a run without JAX."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def peers(monkeypatch):
    """The benchmark's package, of which only the parts that need neither torch nor JAX are imported here."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    from peers import job, jobs, measured, timing

    yield type("Peers", (), {"job": job, "jobs": jobs.JOBS, "measured": measured, "timing": timing})
    for name in [name for name in sys.modules if name.partition(".")[0] == "peers"]:
        del sys.modules[name]


def measured_of(peers, **rates):
    """J1 with the given rates of the plain loop, both JAX forms and the engine."""
    goals = {"plain": "plain", "vmap": "vmap", "best": "best", "native": None}
    speeds = tuple(
        peers.measured.Speed(name, peers.job.Told(name, goals[name], alone=False, whole=True), found, "")
        for name, found in rates.items()
    )
    return peers.measured.Measured(peers.jobs["J1"], 256, speeds, {"native": (150.0, 150.0, 150.0)})


def test_the_operations_of_a_training_are_those_of_its_products(peers):
    # 2-4-1: 12 multiply-adds a row forward, 12 for the weights' gradients, 4 for the second layer's inputs' gradient;
    # 800 rows, then 200 forward only; two operations each; 1,500 epochs
    assert peers.job.flops(peers.jobs["J1"]) == 1500 * 2 * (800 * (12 + 12 + 4) + 200 * 12)


def test_a_ratio_is_the_median_of_the_ratios_within_rounds(peers):
    # the second round met a machine half as fast; the medians of the rates alone would give 250
    assert peers.measured.ratio((200.0, 100.0, 300.0), (1.0, 0.5, 1.2)) == 200


def test_the_best_form_may_be_any_and_a_goal_just_missed_is_missed(peers):
    measured = measured_of(
        peers, plain=(1.0, 1.0, 1.0), vmap=(9.0, 9.0, 9.0), best=(90.0,) * 3, native=(179.0, 180.5, 179.9)
    )
    assert peers.measured.against(measured, "best").peer.name == "best"
    verdicts = {standing.goal: standing.reached for standing in peers.measured.standings(measured)}
    assert verdicts["J1 against plain"] is False  # 179.9 of 210
    assert verdicts["J1 against vmap"] is True  # 20 of 15
    assert verdicts["J1 against the best JAX form, best"] is False  # 1.999 of 2
    assert verdicts["J1, one replicate against 256"] is True  # 0.83 of 0.7


def test_what_was_not_measured_is_neither_reached_nor_missed(peers):
    measured = measured_of(peers, plain=(1.0, 1.0, 1.0), native=(200.0, 200.0, 200.0))
    verdicts = {standing.goal: standing.reached for standing in peers.measured.standings(measured)}
    assert verdicts["J1 against JAX"] is None


def test_a_replicate_is_the_same_however_many_there_are(peers):
    job = replace(peers.jobs["J2"], rows_of=lambda _: None)
    few, many = (peers.job.cohort(job, replicates, 2) for replicates in (2, 3))
    assert np.array_equal(few.parameters, many.parameters[:2])
    assert np.array_equal(few.orders, many.orders[:2])


def test_a_peer_whose_losses_are_others_is_not_timed(peers):
    reference = {"train": [[0.5]], "validation": [[0.6]]}
    with pytest.raises(SystemExit, match=r"J1, one: train losses are 0\.01 off .* Nothing was timed"):
        peers.timing.agree(reference, {**reference, "train": [[0.51]]}, "J1, one")
    with pytest.raises(SystemExit, match="validation losses are nan off"):
        peers.timing.agree(reference, {**reference, "validation": [[float("nan")]]}, "J1, one")


@pytest.mark.slow
def test_a_quick_run_without_jax_says_so_and_measures_the_others(tmp_path):
    (tmp_path / "jax.py").write_text("raise ImportError('no jax here')")
    table = tmp_path / "table.md"
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "engine.py", "--quick", "J1", "--markdown", table],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "jax is left out: no jax here" in done.stdout
    told = table.read_text(encoding="utf-8")
    assert "| plain PyTorch " in told
    assert "| J1 against JAX " in told
