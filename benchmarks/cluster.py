"""How cost grows with replicates: seconds, tasks and memory of the driver, on this machine and over a cluster of it.

Trains 10², 10³ and 10⁴ replicates of a small recipe with the `loop` engine, in processes of this machine and over an
"auto" cluster; then 10⁴ and 10⁵ runs that nobody trains (one is made, and given for every job), so that what is left is
the cost of sending, receiving and counting them. From the last two it reckons 10⁶. Every measurement is a process of
its own, whose largest memory is the driver's. Linux only.

    python benchmarks/cluster.py             about ten minutes on two cores
    python benchmarks/cluster.py --quick     the first row of each kind
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from etude.engine import chunk, cluster
from etude.engine.loop import train
from etude.engine.sending import stripped
from etude.engine.spread import Job, spread
from etude.records.encoding import encoded
from etude.values.model import Mlp
from etude.values.recipe import Recipe
from etude.values.run import Run

RECIPE = Recipe(
    data={"task": "sincos", "rows": 50, "test_rows": 100},
    model=Mlp(hidden=(4,)),
    loss="bce",
    epochs=5,
    score_every=5,
)
TRAINED = (100, 1_000, 10_000)
GIVEN = (10_000, 100_000)
GOAL = 1_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What some runs cost: all seconds and those until the first run, tasks, the driver's MB, bytes of a run kept."""

    where: str
    n_runs: int
    seconds: float
    first: float
    tasks: int
    megabytes: float
    run_bytes: int


def main() -> None:
    """Measure each row in a process of its own, print it, and reckon."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the first row of each kind")
    parser.add_argument("--one", nargs=2, metavar=("WHERE", "RUNS"), help="one row, as JSON")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(cost(asked.one[0], int(asked.one[1]))))
        return
    print("where              runs   seconds   first run   runs/s   tasks   runs a task   driver MB   bytes a run kept")
    given: list[Cost] = []
    for where, sizes in (("processes", TRAINED), ("cluster", TRAINED), ("given, cluster", GIVEN)):
        for n_runs in sizes[: 1 if asked.quick else None]:
            row = apart(where, n_runs)
            show(row)
            given += [row] if where.startswith("given") else []
    if len(given) > 1:
        reckon(*given[-2:])


def apart(where: str, n_runs: int) -> Cost:
    """The cost, measured in another process."""
    command = [sys.executable, __file__, "--one", where, str(n_runs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Cost(**json.loads(done.stdout))


def cost(where: str, n_runs: int) -> dict[str, str | int | float]:
    """What that many runs cost in this process; the first one is encoded as the store would."""
    jobs = (Job(RECIPE, replicate) for replicate in range(n_runs))
    tasks: list[int] = []
    count_tasks(tasks)
    began = time.perf_counter()
    first, n_seen, run_bytes = 0.0, 0, 0
    for _, run in runs_of(where, jobs):
        n_seen += 1
        first = first or time.perf_counter() - began
        run_bytes = run_bytes or len(encoded("0" * 64, run).body)
    assert n_seen == n_runs
    seconds = time.perf_counter() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "where": where,
        "n_runs": n_runs,
        "seconds": seconds,
        "first": first,
        "tasks": len(tasks) or n_runs,
        "megabytes": megabytes,
        "run_bytes": run_bytes,
    }


def runs_of(where: str, jobs: Iterator[Job]) -> Iterator[tuple[Job, Run]]:
    """The runs of the jobs, made there."""
    if where == "processes":
        return spread(jobs)
    if where == "cluster":
        return cluster.spread_over_cluster(jobs, address="auto", train=spread)
    return cluster.spread_over_cluster(jobs, address="auto", train=partial(given, stripped(train(RECIPE, 0))))


def given(run: Run, jobs: Iterator[Job], *, workers: int, device: str) -> Iterator[tuple[Job, Run]]:
    """That run for every job: an engine that costs nothing."""
    del workers, device
    for job in jobs:
        yield job, replace(run, replicate=job.replicate)


def count_tasks(tasks: list[int]) -> None:
    """Note how many jobs each task of the cluster had, as its answer comes."""
    opened = cluster.opened

    def noted(answer: bytes, jobs: tuple[Job, ...]) -> tuple[list[tuple[Job, Run]], chunk.Answer]:
        tasks.append(len(jobs))
        return opened(answer, jobs)

    cluster.opened = noted


def show(row: Cost) -> None:
    """One line of the table."""
    print(
        f"{row.where:<15} {row.n_runs:>7,} {row.seconds:>9.1f} {row.first:>11.1f} {row.n_runs / row.seconds:>8.0f} "
        f"{row.tasks:>7,} {row.n_runs / row.tasks:>13.1f} {row.megabytes:>11.0f} {row.run_bytes:>18,}",
        flush=True,
    )


def reckon(few: Cost, many: Cost) -> None:
    """A straight line through the last two rows, at a million runs."""
    more = many.n_runs - few.n_runs
    seconds = (many.seconds - few.seconds) / more
    growth = (many.megabytes - few.megabytes) / more
    print(f"\nreckoned for {GOAL:,} runs, from the last two rows and nothing else:")
    print(f"  driver, seconds    {many.seconds + seconds * (GOAL - many.n_runs):>9,.0f}   at {1 / seconds:,.0f} runs/s")
    print(
        f"  driver, MB         {many.megabytes + growth * (GOAL - many.n_runs):>9,.0f}   {1e6 * growth:+,.0f} B a run"
    )
    for size in (10_000, 20_000, many.run_bytes):
        print(f"  store, MB          {size * GOAL / 1e6:>9,.0f}   at {size:,} bytes a run")


if __name__ == "__main__":
    main()
