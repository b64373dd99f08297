"""Where the time of a whole study goes: the journey with few replicates, from drawing rows to the report on disk.

Runs the real study on the native engine, on one core with one thread and then on two with two, in a store that is
thrown away, with a stopwatch on each part. A part's CPU time is its thread's own; its seconds on the wall also hold
what it waited for: the interpreter's lock, the disk, other processes. A part never counts what another one of the
table does inside it. Trainings run beside the writing of earlier ones, so the parts add up to more than the study.

    python benchmarks/journey.py                    3 replicates of every arm, half a minute
    python benchmarks/journey.py --replicates 32    the journey as it is
"""

import argparse
import functools
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Column, Table

from etude.engine.course import Course
from etude.engine.native import pool, replicate
from etude.engine.native.training import Training
from etude.engine.scoring import Scoring
from etude.faces.report import write_report
from etude.records.store import Store, open_store
from etude.studies import collect
from etude.studies import execute as studies
from etude.studies.journey import JOURNEY
from etude.values.study import Plan

PARTS: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("check every arm", collect, ("check", "check_data")),
    ("name every run", collect, ("run_keys", "fingerprint")),
    ("draw the rows", replicate, ("rows_of",)),
    ("initialise", replicate, ("started",)),
    ("open and close the core", Training, ("__init__", "close")),
    ("train, with outputs", Training, ("advance", "outputs", "outputs_of_all")),
    ("score", Scoring, ("add", "curves")),
    ("make the run", Course, ("note_epochs", "run")),
    ("the rest of a training", pool, ("train",)),
    ("encode", collect, ("encoded",)),
    ("store", Store, ("add_all",)),
    ("judge", studies, ("conclude",)),
)
"""What is timed: its name, then where which functions of it are."""

ONCE = ("check every arm", "judge", "report")
"""Parts of the study and not of its runs."""


@dataclass(slots=True)
class Stopwatch:
    """Parts with their seconds on the wall and of the CPU, each without those of the parts inside it."""

    took: list[tuple[str, float, float]] = field(default_factory=list)
    inside: threading.local = field(default_factory=threading.local)

    def on(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, timed as that part."""

        @functools.wraps(work)
        def timed(*given: object, **named: object) -> object:
            outer = getattr(self.inside, "seconds", [0.0, 0.0])
            self.inside.seconds = own = [0.0, 0.0]
            began = time.perf_counter(), time.thread_time()
            try:
                return work(*given, **named)
            finally:
                took = time.perf_counter() - began[0], time.thread_time() - began[1]
                self.took.append((part, took[0] - own[0], took[1] - own[1]))
                outer[0], outer[1] = outer[0] + took[0], outer[1] + took[1]
                self.inside.seconds = outer

        return timed

    def seconds(self, clock: int) -> Counter[str]:
        """Of every part, by the clock on the wall, 1, or of the CPU, 2."""
        total: Counter[str] = Counter()
        for took in self.took:
            total[took[0]] += took[clock]
        return total


@dataclass(frozen=True, slots=True)
class Timed:
    """One whole study: its runs, the seconds it took on the wall and of the CPU, and those of its parts."""

    runs: int
    wall: float
    cpu: float
    parts: Stopwatch


def main() -> None:
    """Time the study on one core and on two, print both, and what the whole journey would take."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--replicates", type=int, default=3, help="of every arm; 3 where not given")
    plan = Plan(**{**dict(JOURNEY), "replicates": parser.parse_args().replicates})
    console, cores = Console(highlight=False, width=110), sorted(os.sched_getaffinity(0))[:2]
    console.print(f"load when it began: {os.getloadavg()[0]:.1f}")
    for n in range(1, len(cores) + 1):
        os.sched_setaffinity(0, cores[:n])
        draw(console, study(plan, workers=n), plan, f"{n} core{'s'[: n - 1]}, as many threads")


def study(plan: Plan, *, workers: int) -> Timed:
    """The study from nothing to its report."""
    watch = Stopwatch()
    with ExitStack() as stack:
        for part, owner, names in PARTS:
            for name in names:
                stack.enter_context(patch.object(owner, name, watch.on(part, vars(owner)[name])))
        began = time.perf_counter(), time.process_time()
        with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "runs.sqlite") as store:
            means = collect.Means(engine="native", workers=workers)
            result = studies.execute(plan, store, means=means, watch=lambda _: None)
            watch.on("report", write_report)(result, Path(folder) / "report.html", command="etude run journey")
        took = time.perf_counter() - began[0], time.process_time() - began[1]
    runs = [run for arm in result.runs.values() for run in arm]
    assert all(run.provenance["engine"] == "native" for run in runs), "an arm fell back on the loop"
    return Timed(len(runs), *took, watch)


def draw(console: Console, timed: Timed, plan: Plan, title: str) -> None:
    """Milliseconds a run by part, then the whole, then the whole journey reckoned from it."""
    runs, whole = timed.runs, timed.runs // int(plan.replicates) * int(JOURNEY.replicates)
    columns = (Column(name, justify="right") for name in ("ms a run, CPU", "ms a run, wall", "share of CPU"))
    table = Table("part", *columns, title=f"{title}: {runs:,} runs in {timed.wall:.1f} s", title_justify="left")
    wall, cpu = timed.parts.seconds(1), timed.parts.seconds(2)
    rows = [(part, cpu[part], f"{1e3 * wall[part] / runs:.3f}") for part in (*(name for name, *_ in PARTS), "report")]
    rows += [("everything else", timed.cpu - cpu.total(), ""), ("all", timed.cpu, f"{1e3 * timed.wall / runs:.3f}")]
    for part, worked, passed in rows:
        table.add_row(part, f"{1e3 * worked / runs:.3f}", passed, f"{worked / timed.cpu:.0%}")
    console.print(table)
    totals = ((timed.wall, sum(wall[part] for part in ONCE)), (timed.cpu, sum(cpu[part] for part in ONCE)))
    passed, worked = ((total - once) / runs * whole + once for total, once in totals)
    console.print(f"So the journey, {whole:,} runs: {passed:.0f} s; {worked:.0f} s of CPU time\n")


if __name__ == "__main__":
    main()
