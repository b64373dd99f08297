"""How many whole trainings a second: étude's native engine and its peers, on the same jobs, in one run.

Every peer gets the same initial parameters, rows and orders, and must show the same losses over a short run before
anything is timed. A framework runs in a process of its own, pinned to one core before it is imported, with one
thread. Peers take turns in rounds; compilation and a warm-up are left out; medians over the rounds are shown, and of
ratios the medians of those within a round. A peer that would take long is timed over fewer epochs, or with one
replicate where it trains one after the other, and its rate is scaled up; the table says so. Linux only, for pinning
and memory. JAX comes with `pip install .[bench]`; without it, it is left out.

    python benchmarks/engine.py                     every job, some ten minutes
    python benchmarks/engine.py --quick             a minute or two: does it run? Its numbers mean little
    python benchmarks/engine.py J1 W256             these jobs only
    python benchmarks/engine.py --clock cpu         on a busy machine: count CPU time, not time passed, on one core
    python benchmarks/engine.py --markdown FILE     also as Markdown
"""

import argparse
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from peers.jobs import JOBS
from peers.machine import machine
from peers.measured import NATIVE, Measured, Memory, Standing, memory_standing, standings
from peers.measuring import Means, measure, memories
from peers.peak import fma_peak
from peers.process import Child, child
from peers.report import draw, draw_facts, draw_goals, draw_memory
from rich.console import Console

FRAMEWORKS = ("torch", "jax", NATIVE)
WIDTH = 140
"""Columns of a table."""


@dataclass(frozen=True, slots=True)
class Told:
    """All that is told in the end."""

    facts: tuple[tuple[str, str], ...]
    peak: float | None
    results: tuple[Measured, ...]
    memories: tuple[Memory, ...]


def main() -> None:
    """Measure, print, and write Markdown where it is wanted."""
    asked = arguments()
    cores = tuple(sorted(os.sched_getaffinity(0)))[:2]
    full = Means(cores, asked.rounds, budget=4.0, at_least=0.3, clock=asked.clock)
    means = replace(full, rounds=1, budget=0.0, at_least=0.02, fewer=8) if asked.quick else full
    told = measured(asked.jobs or list(JOBS), means, Console(highlight=False, width=WIDTH))
    if asked.markdown:
        page = Console(file=io.StringIO(), highlight=False, markup=False, width=2 * WIDTH)
        tell(told, page, markdown=True)
        lines = (line.rstrip() for line in page.file.getvalue().splitlines())
        asked.markdown.write_text("\n".join(lines).strip() + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"of {', '.join(JOBS)}; all where none is named")
    parser.add_argument("--quick", action="store_true", help="few replicates and epochs, one round")
    parser.add_argument("--rounds", type=int, default=5, help="how often each peer is timed; 5 where not given")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="what is counted on one core")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="where to write the tables as Markdown")
    asked = parser.parse_args()
    if unknown := [name for name in asked.jobs if name not in JOBS]:
        parser.error(f"no job {unknown[0]!r}; there are {', '.join(JOBS)}. Nothing was timed.")
    return asked


def measured(names: Sequence[str], means: Means, console: Console) -> Told:
    """Measure the jobs of those names, and print each as soon as it is measured."""
    peak = fma_peak(means.cores[0])
    with ExitStack() as stack:
        children = [stack.enter_context(child(framework, {means.cores[0]})) for framework in FRAMEWORKS]
        present = tuple(present_of(children, console))
        facts = tuple(machine(present, means, peak=peak))
        draw_facts(console, facts, markdown=False)
        results = []
        for name in names:
            results.append(measure(JOBS[name], present, means))
            draw(console, results[-1], peak=peak, markdown=False)
    told = Told(facts, peak, tuple(results), tuple(memories(results, means)))
    draw_memory(console, told.memories, markdown=False)
    draw_goals(console, tuple(goals(told)), markdown=False)
    return told


def present_of(children: Sequence[Child], console: Console) -> Iterator[Child]:
    """Those whose framework is here; of any other it is said that it is missing."""
    for one in children:
        if "missing" in one.ready:
            console.print(f"{one.framework} is left out: {one.ready['missing']}")
        else:
            yield one


def goals(told: Told) -> Iterator[Standing]:
    """Every goal of every job, and that for memory."""
    for result in told.results:
        yield from standings(result)
    yield from (memory_standing(memory) for memory in told.memories if memory.framework == NATIVE)


def tell(told: Told, console: Console, *, markdown: bool) -> None:
    """All of it, goals first."""
    draw_facts(console, told.facts, markdown=markdown)
    draw_goals(console, tuple(goals(told)), markdown=markdown)
    for result in told.results:
        draw(console, result, peak=told.peak, markdown=markdown)
    draw_memory(console, told.memories, markdown=markdown)


if __name__ == "__main__":
    main()
