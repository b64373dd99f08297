"""What was measured, as tables: for a terminal, or the same as Markdown."""

from collections.abc import Iterator, Sequence

from peers.job import Goal
from peers.measured import Measured, Memory, Speed, Standing, against, gflops, native, ratio
from rich import box
from rich.console import Console
from rich.table import Table

GOALS: tuple[Goal, ...] = ("plain", "vmap", "best")
VERDICTS = {True: "reached", False: "missed", None: "not measured"}
LEFT = ("", "timed", "étude native", "fact")


def draw_facts(console: Console, facts: Sequence[tuple[str, str]], *, markdown: bool) -> None:
    """The machine."""
    table = _table(("fact", ""), markdown=markdown)
    for fact in facts:
        table.add_row(*fact)
    console.print(table)


def draw(console: Console, measured: Measured, *, peak: float | None, markdown: bool) -> None:
    """One job: who trained how fast on one core, then two cores and the share of peak in sentences."""
    _heading(
        console, f"{measured.job.name}: {measured.job.title}; R = {measured.replicates}, one core", markdown=markdown
    )
    names = ("", "trainings/s", "× plain", "× JAX vmap", "× best JAX", "R = 1", "GFLOP/s", "timed")
    table = _table(names, markdown=markdown)
    for speed in measured.speeds:
        table.add_row(*_cells(measured, speed))
    console.print(table)
    for sentence in _sentences(measured, peak):
        console.print(f"- {sentence}" if markdown else sentence)


def draw_memory(console: Console, memories: Sequence[Memory], *, markdown: bool) -> None:
    """The most memory that each took."""
    if memories:
        _heading(console, f"Memory above imports: J1, R = {memories[0].replicates:,}", markdown=markdown)
        table = _table(("", "MiB", "epochs"), markdown=markdown)
        for memory in memories:
            table.add_row(memory.peer, f"{memory.mib:.0f}", f"{memory.epochs:,}")
        console.print(table)


def draw_goals(console: Console, standings: Sequence[Standing], *, markdown: bool) -> None:
    """Every goal with what was measured."""
    _heading(console, "Goals", markdown=markdown)
    table = _table(("étude native", "wanted", "measured", ""), markdown=markdown)
    for standing in standings:
        table.add_row(standing.goal, standing.wanted, standing.measured, VERDICTS[standing.reached])
    console.print(table)


def _heading(console: Console, title: str, *, markdown: bool) -> None:
    console.print(f"\n### {title}\n" if markdown else f"\n[bold]{title}[/bold]")


def _table(names: tuple[str, ...], *, markdown: bool) -> Table:
    table = Table(box=box.MARKDOWN if markdown else box.SIMPLE_HEAD)
    for name in names:
        table.add_column(name, justify="left" if name in LEFT else "right", no_wrap=markdown)
    return table


def _cells(measured: Measured, speed: Speed) -> Iterator[str]:
    yield speed.peer.name
    yield f"{speed.rate:.3g}"
    for goal in GOALS:
        other = against(measured, goal)
        yield f"{ratio(speed.rates, other.rates):.3g}" if other else ""
    single = measured.single.get(speed.peer.name)
    yield f"{ratio(single, (1.0,) * len(single)):.3g}" if single else ""
    yield f"{gflops(speed, measured.job):.3g}"
    yield speed.timed or "all"


def _sentences(measured: Measured, peak: float | None) -> Iterator[str]:
    best, ours, two = against(measured, "best"), native(measured), measured.two_cores
    if ours and peak:
        share = gflops(ours, measured.job) / peak
        yield f"étude native computes {share:.0%} of the core's FMA peak in products of matrices alone."
    if two and two.two_threads:
        threads, factor = Speed("", ours.peer, two.two_threads, "").rate, ratio(two.two_threads, two.one_thread)
        yield f"Two cores: étude native with two threads {threads:.3g} trainings/s, {factor:.3g} times one thread."
    for who, rates in ((ours, two.own_processes), (best, two.processes)) if two else ():
        if who and rates:
            rate = Speed("", who.peer, rates, "").rate
            yield f"Two cores: two processes of {who.peer.name}, a core each, {rate:.3g} trainings/s together."
