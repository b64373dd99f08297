"""The pool of threads: the same bits whoever trains beside whom, and an end whenever it is wanted."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from torch import nn

from etude.engine.native.pool import IN_FLIGHT, cohort
from etude.engine.native.replicate import train
from etude.engine.native.training import Stop
from etude.engine.spread import Job
from etude.values.errors import EngineError
from etude.values.model import Mlp
from etude.values.recipe import Recipe
from etude.values.run import Run


def recipe(**fields) -> Recipe:
    plain = {"data": {"task": "sincos", "rows": 60, "test_rows": 100}, "loss": "bce", "model": Mlp(hidden=(4,))}
    return Recipe(**(plain | {"epochs": 4, "seed": 8} | fields))


def image_network() -> nn.Sequential:
    return nn.Sequential(
        nn.Unflatten(1, (1, 1, 2)), nn.Conv2d(1, 3, (1, 2), padding=(0, 1)), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(),
        nn.MaxPool2d((1, 2)), nn.Flatten(), nn.Linear(3, 1)
    )  # fmt: skip


MIXED = (
    recipe(),
    recipe(model=Mlp(hidden=(33, 9), activation="gelu", dropout=0.3), batch_size=7),
    recipe(model=image_network, batch_size=16, schedule={"name": "cosine"}),
    recipe(data={"task": "sincos", "rows": 900, "test_rows": 300}, early_stopping={"patience": 1}, clip_norm=0.1),
)


def bits(run: Run) -> tuple:
    curves = [(name, curve.steps.tobytes(), curve.values.tobytes()) for name, curve in run.curves.items()]
    return run.ended, run.last_step, run.kept_step, curves, [array.tobytes() for array in run.arrays.values()]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_run_has_the_same_bits_alone_as_beside_others_in_any_order(core, workers):
    jobs = [Job(one, replicate) for replicate in range(5) for one in MIXED]
    alone = {job: bits(train(core, job.recipe, job.replicate, stop=Stop())) for job in jobs}
    for order in (jobs, jobs[::-1]):
        beside = {job: bits(run) for job, run in cohort(order, workers=workers)}
        assert beside == alone


def test_a_run_has_the_same_bits_alone_as_among_a_thousand(core):
    among = {job.replicate: bits(run) for job, run in cohort([Job(recipe(), i) for i in range(1000)], workers=2)}
    assert len(among) == 1000
    for replicate in range(0, 1000, 83):
        assert among[replicate] == bits(train(core, recipe(), replicate, stop=Stop()))


def test_each_build_repeats_its_own_bits(builds, native, rows):
    for build in builds.values():
        once, again = (native(MIXED[1], rows("binary"), 2, build=build) for _ in range(2))
        assert bits(once) == bits(again)


BIG = recipe(data={"task": "sincos", "rows": 40_000, "test_rows": 100}, model=Mlp(hidden=(1024, 1024)), epochs=3)
"""A scoring takes some 4e10 multiplications, a step three times as many: seconds."""


@pytest.mark.parametrize(
    ("batch_size", "after"), [(None, 1.0), (None, 3.0), (16_000, 3.0)], ids=["scoring", "full batch", "batches"]
)
def test_closing_the_generator_stops_a_long_step_within_a_second(batch_size, after):
    big = Recipe(**dict(BIG) | {"batch_size": batch_size})
    running = cohort([Job(recipe(), 0), Job(big, 0)], workers=2)
    assert next(running)[0].recipe == recipe()
    time.sleep(after)
    assert [thread for thread in threading.enumerate() if thread.name.startswith("etude")]
    began = time.perf_counter()
    running.close()
    assert time.perf_counter() - began < 5  # a second when nothing else runs; the training would take minutes
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("etude")]


INTERRUPTED = """
from etude.engine.native.pool import cohort
from etude.engine.spread import Job
from etude.values.model import Mlp
from etude.values.recipe import Recipe
rows = {"task": "sincos", "rows": 40_000, "test_rows": 100}
big = Recipe(data=rows, loss="bce", model=Mlp(hidden=(1024, 1024)), epochs=3)
small = Recipe(data=rows | {"rows": 50}, loss="bce", epochs=1)
try:
    for job, _ in cohort([Job(small, 0), Job(big, 0), Job(big, 1)], workers=2):
        print(job.replicate, flush=True)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


def test_ctrl_c_ends_it_within_a_second():
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE) as asked:
        assert asked.stdout.readline() == b"0\n"
        time.sleep(1.5)
        began = time.perf_counter()
        asked.send_signal(signal.SIGINT)
        assert asked.stdout.readline() == b"stopped\n"
        assert time.perf_counter() - began < 5


def test_an_error_ends_the_cohort_after_what_finished():
    def broken() -> nn.Module:
        raise ZeroDivisionError("no layers")

    jobs = [Job(recipe(), 0), Job(recipe(), 1), Job(recipe(model=broken), 2), *(Job(BIG, i) for i in range(9))]
    running, seen = cohort(jobs, workers=1), []
    with pytest.raises(EngineError, match=r"broken failed in replicate 2: ZeroDivisionError: no layers"):
        seen.extend(job.replicate for job, _ in running)
    assert seen == [0, 1]
    assert list(running) == []


def test_jobs_are_taken_as_they_are_needed(core):
    taken = []

    def jobs():
        for i in range(50):
            taken.append(i)
            yield Job(recipe(), i)

    running = cohort(jobs(), workers=2)
    next(running)
    assert len(taken) <= (2 + 1) * IN_FLIGHT + 1  # there is a thread more than workers
    running.close()


@pytest.mark.parametrize(
    ("means", "says"),
    [
        ({"workers": 0}, r"workers is 0; training needs at least 1 thread\. Nothing was trained"),
        ({"device": "cuda"}, r"trains on the cpu\. Use engine='loop'\. Nothing was trained"),
    ],
)
def test_means_that_it_lacks_are_refused(means, says):
    with pytest.raises(EngineError, match=says):
        next(cohort([Job(recipe(), 0)], **means))


def test_nothing_to_train_is_nothing():
    assert list(cohort([], workers=2)) == []


def test_a_run_of_the_pool_is_the_run_of_a_replicate_with_its_recipe():
    ((job, run),) = cohort([Job(recipe(), 3)], workers=1)
    assert (run.name, run.replicate, run.recipe) == ("replicate 3", 3, job.recipe)
    assert (run.provenance["engine"], run.provenance["threads"]) == ("native", 1)
    assert np.isfinite(run.provenance["seconds"])
