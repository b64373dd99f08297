"""Runs over processes: the same bits, and nothing left behind."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch import nn

from etude.engine.loop import train
from etude.engine.spread import IN_FLIGHT, Job, spread
from etude.values.errors import EngineError
from etude.values.model import Mlp
from etude.values.recipe import Recipe
from etude.values.run import Run


def recipe(**fields) -> Recipe:
    plain = {"data": {"task": "sincos", "rows": 50, "test_rows": 100}, "loss": "bce", "epochs": 5}
    return Recipe(**(plain | {"model": Mlp(hidden=(4,))} | fields))


def jobs_of(given: Recipe, replicates: int) -> list[Job]:
    return [Job(given, replicate) for replicate in range(replicates)]


def workers() -> list[psutil.Process]:
    """The processes of a pool; loky's resource tracker is none of them, and lives as long as we do."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]


def assert_same(one: Run, other: Run) -> None:
    assert (one.recipe, one.replicate, one.ended) == (other.recipe, other.replicate, other.ended)
    assert list(one.curves) == list(other.curves)
    assert list(one.arrays) == list(other.arrays)
    for name, curve in one.curves.items():
        assert curve.unit == other.curves[name].unit
        assert np.array_equal(curve.values, other.curves[name].values, equal_nan=True), name
        assert not curve.values.flags.writeable
    for name, array in one.arrays.items():
        assert np.array_equal(array, other.arrays[name]), name
        assert not array.flags.writeable


def test_in_this_process_it_is_train_and_the_callers_threads_stay():
    torch.set_num_threads(2)
    before = workers()  # those of an earlier test may still wait for another call
    made = dict(spread(jobs_of(recipe(), 2), workers=1))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    for job, run in made.items():
        assert_same(run, train(job.recipe, job.replicate))
    assert set(workers()) <= set(before)


@pytest.mark.slow
def test_runs_do_not_depend_on_the_process_that_made_them():
    given = [
        recipe(model=Mlp(hidden=(6,), dropout=0.2), batch_size=16),
        recipe(
            model=lambda: nn.Sequential(nn.Linear(2, 5), nn.Dropout(0.5), nn.Linear(5, 1)), loss=nn.BCEWithLogitsLoss()
        ),
    ]
    jobs = [Job(one, replicate) for one in given for replicate in range(8)]
    made = list(spread(iter(jobs), workers=2))
    assert sorted((given.index(job.recipe), job.replicate) for job, _ in made) == [
        (a, r) for a in (0, 1) for r in range(8)
    ]
    for job, run in made:
        assert_same(run, train(job.recipe, job.replicate))


@pytest.mark.slow
def test_closing_it_stops_the_workers_at_once():
    endless = recipe(epochs=10_000_000, score_every=10_000_000)
    running = spread([Job(recipe(), 0), *jobs_of(endless, 100)], workers=2)
    next(running)
    assert len(workers()) == 2
    started = time.perf_counter()
    running.close()
    assert time.perf_counter() - started < 2
    assert not workers()


@pytest.mark.slow
def test_ctrl_c_stops_the_workers_at_once():
    endless = recipe(epochs=10_000_000, score_every=10_000_000)
    running = spread([Job(recipe(), 0), *jobs_of(endless, 100)], workers=2)
    next(running)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)  # as if the keys were pressed, 0.2 s from now
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with pytest.raises(KeyboardInterrupt):
        next(running)
    signal.signal(signal.SIGALRM, before)
    assert not workers()


@pytest.mark.slow
def test_a_worker_that_is_killed_once_costs_nothing(tmp_path: Path):
    def dies_once() -> nn.Module:
        mark = tmp_path / "died"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return nn.Linear(2, 1)

    jobs = [*jobs_of(recipe(), 3), Job(recipe(model=dies_once), 0), *jobs_of(recipe(seed=1), 8)]
    made = [job for job, _ in spread(jobs, workers=2)]
    assert len(made) == len(set(made)) == len(jobs)
    assert (tmp_path / "died").exists()


@pytest.mark.slow
def test_a_job_that_kills_its_worker_twice_is_named():
    def dies() -> nn.Module:
        os.kill(os.getpid(), signal.SIGKILL)
        return nn.Linear(2, 1)

    made = []
    with pytest.raises(EngineError, match=r"replicate 3 of the recipe with model .*dies.* killed twice.*smaller"):
        made += (job for job, _ in spread([*jobs_of(recipe(), 3), Job(recipe(model=dies), 3)], workers=2))
    assert not workers()


@pytest.mark.slow
def test_an_error_in_a_worker_arrives_as_the_same_error():
    def broken() -> nn.Module:
        raise ZeroDivisionError("no layers")

    failing = Job(recipe(model=broken), 5)
    with pytest.raises(EngineError, match=r"model .*broken failed in replicate 5: ZeroDivisionError: no layers"):
        list(spread([failing], workers=1))
    with pytest.raises(EngineError, match=r"model .*broken failed in replicate 5: ZeroDivisionError: no layers"):
        list(spread([failing], workers=2))


def test_no_workers_are_refused():
    with pytest.raises(EngineError, match="workers is 0; training needs at least 1"):
        next(spread([], workers=0))


def test_no_jobs_make_no_runs():
    assert list(spread([], workers=1)) == []


@pytest.mark.slow
@pytest.mark.parametrize("n_workers", [1, 2])
def test_jobs_are_taken_as_they_are_needed(n_workers: int):
    taken = []

    def endless() -> Iterator[Job]:
        for replicate in itertools.count():
            taken.append(replicate)
            yield Job(recipe(), replicate)

    running = spread(endless(), workers=n_workers)
    next(running)
    running.close()
    assert len(taken) <= IN_FLIGHT * n_workers


SPREADING = """
from etude.engine.spread import Job, spread
from etude.values.recipe import Recipe

recipe = Recipe(data={"task": "sincos", "rows": 50, "test_rows": 100}, loss="bce", epochs=10**6)
list(spread([Job(recipe, replicate) for replicate in range(4)], workers=2))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there a process does not learn that its parent is gone")
def test_workers_end_when_whom_they_work_for_is_killed():
    parent = psutil.Popen([sys.executable, "-c", SPREADING], stdout=subprocess.DEVNULL)
    try:
        children = until(
            lambda: [one for one in parent.children(recursive=True) if "LokyProcess" in str(one.cmdline())]
        )
        until(lambda: sum(one.cpu_times().user for one in children) > 2)  # beyond their start
    finally:
        parent.kill()
    parent.wait()
    assert psutil.wait_procs(children, timeout=20)[1] == []


def until(found, *, seconds: float = 60.0):
    """What `found` gives as soon as that is something."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return value
