"""Runs to keep, what makes two of them equal bit for bit, and processes that write."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from etude.values.curve import Curve, curve
from etude.values.recipe import Recipe
from etude.values.run import Run

RECIPE = Recipe(data={"task": "sincos", "rows": 1000, "flip": 0.05}, loss="bce", model={"hidden": [4]}, epochs=1500)
START = """
import os, runpy, sys
from pathlib import Path
from etude.records.encoding import encoded
from etude.records.store import open_store
make, batch = runpy.run_path(sys.argv[2])["make_run"], int(sys.argv[4])
def write(n):
    with open_store(Path(sys.argv[1])) as store:
        kept = store.keys()
        for i in range(0, n, batch):
            if f"key {i}" not in kept:
                runs = [encoded(f"key {k}", make(k)) for k in range(i, i + batch)]
                store.add_all(runs)
                print(*(run.key for run in runs), sep="\\n", flush=True)
        sys.stdin.read()
"""
WRITE = START + "write(int(sys.argv[3]))"
FORK = (
    START
    + """
for _ in sys.stdin:
    child = os.fork()
    if not child:
        print(os.getpid(), flush=True)
        write(10_000)
    os.waitpid(child, 0)
    print("\\ndead", flush=True)  # a line that the kill cut short ends here
"""
)


def make_run(i: int) -> Run:
    """Replicate i of a journey's arm: two objectives at every epoch, twelve scores at 101 steps, weights."""
    rng = np.random.default_rng(i)
    every, scored = np.arange(1, 1501), np.linspace(0, 1500, 101).astype(int)
    fall = np.float32(0.6 + 0.1 * np.exp(-every / 300) + 1e-4 * rng.normal(size=1500))
    curves = [curve(f"{split}/objective", every, fall, unit="nats") for split in ("train", "validation")]
    for split in ("train", "validation", "test"):
        for metric in ("log_loss", "brier", "accuracy", "calibration"):
            noise = rng.random((2, 101))
            curves.append(curve(f"{split}/{metric}", scored, noise[0], unit="nats", standard_errors=noise[1]))
    return Run(
        name=f"bce · {i}",
        curves={c.name: c for c in curves},
        ended="completed",
        last_step=1500,
        kept_step=1500,
        recipe=RECIPE,
        replicate=i,
        arrays={"weights/0.weight": rng.normal(size=(4, 2)).astype(np.float32)},
        provenance={"engine": "loop", "device": "cpu", "threads": 1, "seconds": 1.25},
    )


def plain(run: Run | None) -> object:
    """All of a run as values that are equal when every bit is."""

    def array(a: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
        return a.dtype.newbyteorder("<").str, a.shape, a.astype(a.dtype.newbyteorder("<")).tobytes()

    def parts(c: Curve) -> list[object]:
        errors = () if c.standard_errors is None else (c.standard_errors,)
        return [c.name, c.unit, *(array(part) for part in (c.steps, c.values, *errors))]

    if run is None:
        return None
    facts = [run.name, run.ended, run.last_step, run.kept_step, run.recipe, run.replicate, run.notes]
    curves = {name: parts(c) for name, c in run.curves.items()}
    arrays = {name: array(a) for name, a in run.arrays.items()}
    return [facts, curves, arrays, {name: repr(fact) for name, fact in run.provenance.items()}]


@pytest.fixture(name="make_run", scope="session")
def _make_run() -> Callable[[int], Run]:
    return make_run


@pytest.fixture(name="plain", scope="session")
def _plain() -> Callable[[Run | None], object]:
    return plain


@pytest.fixture
def writer() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a process that adds runs 0, 1, … to a store, so many at once, says so after each, and then holds it.

    Without a number of runs: one that forks such a process for each line it reads, says its pid, and "dead" after it.
    """
    started: list[subprocess.Popen[str]] = []

    def start(path: Path, n: int | None = None, *, batch: int = 1) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", FORK if n is None else WRITE, str(path), __file__, str(n), str(batch)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
