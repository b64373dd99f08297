"""Runs over a real cluster of two nodes on loopback: the same bits, each once, whatever is killed."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from torch import nn

from etude.engine.chunk import Answer
from etude.engine.cluster import LARGEST_ANSWER, LARGEST_CHUNK, _next_size, spread_over_cluster
from etude.engine.loop import train
from etude.engine.spread import Job, spread
from etude.values.errors import EngineError
from etude.values.model import Mlp
from etude.values.recipe import Recipe
from etude.values.run import Run

TOKEN = "0123456789abcdef" * 4
HEAD, SECOND, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"
START = ("--num-cpus=1", "--object-store-memory=80000000", "--min-worker-port=0", "--max-worker-port=0")
ENDLESS = 10_000_000


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a cluster's head answers, and what its processes have in their environment."""

    address: str
    folder: str
    environment: Mapping[str, str]

    def start(self, host: str, *what: str, **more: str) -> None:
        """Start a node of one processor."""
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", f"--node-ip-address={host}", *START, *what]
        environment = {**self.environment, **more}
        done = subprocess.run(command, env=environment, timeout=60, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def raylet(self, host: str) -> psutil.Process:
        """The process that is the node: its workers are its children."""
        [found] = [
            process
            for process, words in self.processes()
            if words[0].endswith("raylet") and f"--node_ip_address={host}" in words
        ]
        return found

    def kill(self, host: str) -> None:
        """The node and its workers, as a lost machine takes them."""
        raylet = self.raylet(host)
        for process in (raylet, *raylet.children(recursive=True)):
            killed(process)

    def processes(self) -> Iterator[tuple[psutil.Process, list[str]]]:
        """All that were started by name for this cluster, and their command lines."""
        for process in psutil.process_iter():
            with_words = words_of(process)
            if any(self.folder in word for word in with_words):
                yield process, with_words

    def workers(self) -> list[psutil.Process]:
        """Processes that train at this moment."""
        raylets = [process for process, words in self.processes() if words[0].endswith("raylet")]
        children = [child for raylet in raylets for child in raylet.children(recursive=True)]
        return [child for child in children if words_of(child)[:1] == ["ray::work"]]


def words_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has just ended, or is somebody else's
        return []


def killed(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()


@contextmanager
def head_alone(**more: str) -> Iterator[Cluster]:
    """A cluster of one node, and nothing left of it."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:  # short: sockets are in it
        with socket.create_server((HEAD, 0)) as server:
            port = server.getsockname()[1]
        tokens = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
        own = {"RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0", "HOME": folder}
        cluster = Cluster(f"{HEAD}:{port}", folder, {**os.environ, **own, **tokens, **more})
        try:
            cluster.start(HEAD, "--head", f"--port={port}", "--include-dashboard=false")
            yield cluster
        finally:
            family = [process for process, _ in cluster.processes()]
            family += [child for process in family for child in process.children(recursive=True)]
            for process in family:
                killed(process)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two nodes of one processor each."""
    with pytest.MonkeyPatch.context() as ours, head_alone() as made:
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_TMPDIR", "RAY_USAGE_STATS_ENABLED"):
            ours.setenv(name, made.environment[name])
        made.start(SECOND, f"--address={made.address}")
        yield made


def recipe(**fields) -> Recipe:
    plain = {"data": {"task": "sincos", "rows": 50, "test_rows": 100}, "loss": "bce", "epochs": 5}
    return Recipe(**(plain | {"model": Mlp(hidden=(4,))} | fields))


def jobs_of(given: Recipe, replicates: int) -> list[Job]:
    return [Job(given, replicate) for replicate in range(replicates)]


def assert_same(one: Run, other: Run) -> None:
    assert (one.recipe, one.replicate, one.ended, one.kept_step) == (
        other.recipe,
        other.replicate,
        other.ended,
        other.kept_step,
    )
    assert list(one.curves) == list(other.curves)
    assert list(one.arrays) == list(other.arrays)
    for name, curve in one.curves.items():
        assert curve.values.tobytes() == other.curves[name].values.tobytes(), name
        assert not curve.values.flags.writeable
    for name, array in one.arrays.items():
        assert np.array_equal(array, other.arrays[name]), name
        assert not array.flags.writeable


def eventually(is_so) -> bool:
    """Whether it is so within a minute, which a busy machine may need."""
    end = time.monotonic() + 60
    while not is_so() and time.monotonic() < end:
        time.sleep(0.05)
    return is_so()


@pytest.mark.slow
def test_a_node_killed_midway_costs_no_run_and_changes_none(cluster: Cluster, tmp_path: Path):
    mark = str(tmp_path / "died")

    def dies_once() -> nn.Module:
        if not os.path.exists(mark):  # noqa: PTH110 - it is sent, and Path would be sent with it
            os.mkdir(mark)  # noqa: PTH102
            os.kill(os.getpid(), signal.SIGKILL)
        return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Dropout(0.5), nn.Linear(3, 1))

    inputs = np.random.default_rng(3).standard_normal((20_000, 2)).astype(np.float32)  # 160 KB: it is sent once
    arrays = recipe(data=(inputs, inputs.sum(axis=1) > 0), batch_size=4000, epochs=2)
    dead, jobs, made = threading.Event(), [], []

    def handed_out() -> Iterator[Job]:
        until_it_is_dead = itertools.takewhile(lambda _: not dead.is_set(), jobs_of(recipe(epochs=60), 5000))
        for job in itertools.chain(until_it_is_dead, jobs_of(arrays, 6), jobs_of(recipe(model=dies_once), 6)):
            jobs.append(job)
            yield job

    for job, run in spread_over_cluster(handed_out(), address=cluster.address, train=spread):
        made.append((job, run))
        if len(made) >= 10 and not dead.is_set() and len(cluster.workers()) == 2:  # both nodes are at work
            cluster.kill(SECOND)
            dead.set()
    cluster.start(SECOND, f"--address={cluster.address}")
    assert dead.is_set()
    assert Path(mark).exists()
    assert len(made) == len({job for job, _ in made}) == len(jobs)  # each once
    for job, run in made:
        assert_same(run, train(job.recipe, job.replicate))


@pytest.mark.slow
def test_a_job_that_kills_its_worker_twice_is_named(cluster: Cluster):
    def dies() -> nn.Module:
        os.kill(os.getpid(), signal.SIGKILL)
        return nn.Linear(2, 1)

    jobs = [*jobs_of(recipe(), 3), Job(recipe(model=dies), 3)]
    with pytest.raises(EngineError, match=r"replicate 3 of the recipe with model .*dies.* killed twice.*smaller"):
        list(spread_over_cluster(jobs, address=cluster.address, train=spread))


@pytest.mark.slow
def test_an_error_in_a_task_arrives_as_the_same_error_after_what_finished(cluster: Cluster):
    def broken() -> nn.Module:
        raise ZeroDivisionError("no layers")

    made = []
    jobs = [*jobs_of(recipe(), 20), Job(recipe(model=broken), 5)]
    with pytest.raises(EngineError, match=r"model .*broken failed in replicate 5: ZeroDivisionError: no layers"):
        made += (job for job, _ in spread_over_cluster(jobs, address=cluster.address, train=spread))
    assert 0 < len(made) == len(set(made)) <= 20


@pytest.mark.slow
def test_a_recipe_that_cannot_travel_is_named(cluster: Cluster):
    with socket.socket() as held:

        def holds_a_socket() -> nn.Module:
            return nn.Linear(2, held.family)

        with pytest.raises(EngineError, match=r"holds_a_socket.* cannot be sent to another machine: TypeError.*hold"):
            list(spread_over_cluster([Job(recipe(model=holds_a_socket), 0)], address=cluster.address, train=spread))


@pytest.mark.slow
def test_closing_it_ends_the_tasks_and_leaves_the_cluster(cluster: Cluster):
    endless = recipe(epochs=ENDLESS, score_every=ENDLESS)
    taken = []

    def jobs() -> Iterator[Job]:
        for job in (Job(recipe(), 0), *jobs_of(endless, 1000)):
            taken.append(job)
            yield job

    running = spread_over_cluster(jobs(), address=cluster.address, train=spread)
    next(running)
    assert len(taken) < 10  # as they are needed
    assert eventually(cluster.workers)
    running.close()
    assert eventually(lambda: not cluster.workers())
    assert cluster.raylet(HEAD).is_running()
    assert cluster.raylet(SECOND).is_running()


@pytest.mark.slow
def test_ctrl_c_ends_the_tasks_and_leaves_the_cluster(cluster: Cluster):
    endless = recipe(epochs=ENDLESS, score_every=ENDLESS)

    def press_the_keys() -> None:
        eventually(cluster.workers)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press_the_keys).start()
    with pytest.raises(KeyboardInterrupt):
        next(spread_over_cluster(jobs_of(endless, 100), address=cluster.address, train=spread))
    assert eventually(lambda: not cluster.workers())
    assert cluster.raylet(HEAD).is_running()
    assert cluster.raylet(SECOND).is_running()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")  # for the token in the environment
def test_a_first_node_that_is_killed_ends_it_and_is_named():
    with head_alone() as alone:
        running = spread_over_cluster(jobs_of(recipe(), 100_000), address=alone.address, train=spread)
        next(running)
        [killed(process) for process, words in alone.processes() if words[0].endswith("gcs_server")]
        with pytest.raises(EngineError, match=rf"first node at {alone.address} no longer answers.*the same command"):
            list(running)


@pytest.mark.slow
def test_a_node_with_another_version_is_refused(cluster: Cluster, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.metadata as known\n"
        "real = known.version\n"
        "known.version = lambda name: '0.0.7' if name == 'etude' else real(name)\n"
    )
    cluster.start(THIRD, f"--address={cluster.address}", PYTHONPATH=str(tmp_path))
    try:
        with pytest.raises(EngineError, match=r"etude 0\.0\.7 instead of .*: its runs would not be bit for bit"):
            list(spread_over_cluster(jobs_of(recipe(epochs=100), 400), address=cluster.address, train=spread))
    finally:
        cluster.kill(THIRD)


@pytest.mark.slow
def test_a_wrong_token_is_refused(cluster: Cluster):
    join = (
        "import sys\nfrom etude.engine.connection import connected\nwith connected(sys.argv[1]): print('it let me in')"
    )
    environment = {**cluster.environment, "RAY_AUTH_TOKEN": TOKEN[::-1]}
    done = subprocess.run(
        [sys.executable, "-c", join, cluster.address], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == ""
    assert f"EngineError: the cluster at {cluster.address} refuses this machine, which has no token" in done.stderr


@pytest.mark.slow
def test_a_cluster_without_tokens_is_refused():
    ask = (
        "import sys\n"
        "from etude.engine.cluster import spread_over_cluster\n"
        "from etude.engine.spread import Job, spread\n"
        "from etude.values.recipe import Recipe\n"
        "job = Job(Recipe(data={'task': 'sincos'}, loss='bce', epochs=1), 0)\n"
        "print(list(spread_over_cluster([job], address=sys.argv[1], train=spread)))\n"
    )
    with head_alone(RAY_AUTH_MODE="disabled") as open_to_all:
        done = subprocess.run(
            [sys.executable, "-c", ask, open_to_all.address],
            env=dict(open_to_all.environment),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout == ""
    assert "EngineError" in done.stderr


def test_no_jobs_need_no_cluster():
    assert list(spread_over_cluster([], address="nowhere:1", train=spread)) == []


def test_a_chunk_takes_its_time_and_no_more_memory_than_it_may():
    def size(n_jobs: int, seconds: float, n_bytes: int = 1, processors: int = 2) -> int:
        return _next_size(n_jobs, Answer(seconds=seconds), n_bytes=n_bytes, processors=processors)

    assert size(6, 0.6) == 3  # 0.1 s each, 0.3 s together
    assert size(1, 60.0) == 1
    assert size(100, 0.001) == 200  # no more than twice as many
    assert size(LARGEST_CHUNK, 0.001) == LARGEST_CHUNK
    assert size(10, 0.001, n_bytes=2 * LARGEST_ANSWER) == 5
    assert size(100, 1.0, processors=1000) == 200  # 5 s each, for 1,000 of them: 200 chunks a second in all
