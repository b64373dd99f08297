"""What watching costs a step: a bare loop, étude's watch, hooks like those of wandb.watch, and Cockpit, in one process.

All train the same network on the same batches with Adam and one thread, in short blocks that take turns in rounds,
each round in another order. Shown is the time of all blocks over that of the bare loop's, with a 95 % interval from
resampled rounds. The wandb-like loop is what wandb.watch(log="gradients") does, written out: a hook on every weight
that makes a histogram of its gradient every 100 steps; sending it anywhere is left out. Cockpit (its economy
configuration, at every step and at every 100th) is left out where it is not installed:
`pip install cockpit-for-pytorch 'setuptools<81'`.

    python benchmarks/watch.py                  three sizes of steps, a few minutes on an idle machine
    python benchmarks/watch.py --clock cpu      on a busy machine: CPU time instead of time passed
    python benchmarks/watch.py --stopping       online stopping against patience, on simulated and on trained curves
"""

import argparse
import itertools
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from etude.engine.engines import engine_called
from etude.engine.online_stopping import OnlineStopping
from etude.engine.spread import Job
from etude.faces.watching import watch
from etude.values.recipe import Recipe

CLOCKS: Mapping[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
LOGGED = 100
"""Steps between two histograms, wandb's own default."""


@dataclass(frozen=True, slots=True)
class Size:
    """A network and a batch whose steps take about so long on one core of 2024."""

    name: str
    width: int
    layers: int
    rows: int
    steps: int


SIZES = (
    Size("1 ms", 64, 3, 128, 50),
    Size("5 ms", 256, 3, 256, 20),
    Size("20 ms", 512, 4, 512, 10),
)
INPUTS = 32


def network(size: Size) -> nn.Sequential:
    """A perceptron of that size, always with the same weights."""
    torch.manual_seed(0)
    widths = [INPUTS] + [size.width] * size.layers
    hidden = [layer for a, b in itertools.pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(size.width, 1))


def batches(size: Size) -> list[tuple[Tensor, Tensor]]:
    """Eight batches, over and over."""
    chance = torch.Generator().manual_seed(1)
    inputs = [torch.randn(size.rows, INPUTS, generator=chance) for _ in range(8)]
    return [(x, x[:, :1] * x[:, 1:2]) for x in inputs]


Steps = Callable[[int], None]
"""Takes so many steps."""


def bare(size: Size, stack: ExitStack) -> Steps:
    """The loop of a user."""
    return loop(size, network(size))


def watched(size: Size, stack: ExitStack) -> Steps:
    """The same within etude.watch, as it is by default but for the verdicts."""
    model = network(size)
    optimizer = torch.optim.Adam(model.parameters())
    eye = stack.enter_context(watch(model, optimizer, quiet=True))
    return loop(size, model, optimizer, told=eye.loss)


def hooked(size: Size, stack: ExitStack) -> Steps:
    """The same with a hook on every weight, as wandb.watch has them."""
    model = network(size)
    logged: dict[str, list[float]] = {}

    def hook_of(name: str) -> Callable[[Tensor], None]:
        calls = 0

        def hook(gradient: Tensor) -> None:
            nonlocal calls
            calls += 1
            if calls % LOGGED == 0:
                flat = gradient.detach().flatten()
                low, high = flat.min().item(), flat.max().item()
                logged[name] = torch.histc(flat.float(), bins=64, min=low, max=high).cpu().tolist()

        return hook

    for name, parameter in model.named_parameters():
        parameter.register_hook(hook_of(name))
    return loop(size, model)


def loop(
    size: Size,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    told: Callable[[Tensor], None] | None = None,
) -> Steps:
    """A training loop that goes on where it was left."""
    optimizer = optimizer or torch.optim.Adam(model.parameters())
    given = batches(size)
    criterion = nn.MSELoss()

    def steps(count: int) -> None:
        for i in range(count):
            x, y = given[i % len(given)]
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if told is not None:
                told(loss)

    return steps


def cockpit(interval: int) -> Callable[[Size, ExitStack], Steps]:
    """The same with Cockpit."""

    def made(size: Size, stack: ExitStack) -> Steps:
        from backpack import extend
        from cockpit import Cockpit
        from cockpit.utils import schedules
        from cockpit.utils.configuration import configuration

        model, criterion = extend(network(size)), extend(nn.MSELoss())
        single = nn.MSELoss(reduction="none")
        optimizer = torch.optim.Adam(model.parameters())
        plan = configuration("economy", track_schedule=schedules.linear(interval))
        eye = Cockpit(model.parameters(), quantities=plan)
        given, done = batches(size), 0

        def steps(count: int) -> None:
            nonlocal done
            for i in range(count):
                x, y = given[i % len(given)]
                outputs = model(x)
                loss = criterion(outputs, y)
                info = {"batch_size": len(x), "individual_losses": single(outputs, y).mean(1), "loss": loss}
                with eye(done, info={**info, "optimizer": optimizer}):
                    loss.backward(create_graph=eye.create_graph(done))
                optimizer.step()
                optimizer.zero_grad()
                done += 1

        return steps

    return made


LOOPS: Mapping[str, Callable[[Size, ExitStack], Steps]] = {
    "bare loop": bare,
    "etude.watch": watched,
    "wandb.watch-like hooks": hooked,
    "Cockpit, every 100 steps": cockpit(100),
    "Cockpit, every step": cockpit(1),
}
SLOW: Mapping[str, int] = {"Cockpit, every step": 10}
"""Loops of which a part of the steps is taken, and counted so many times."""


def seconds(
    size: Size, *, rounds: int, clock: Callable[[], float], console: Console
) -> Mapping[str, NDArray[np.float64]]:
    """Of each loop the seconds of its block in each round, shape (rounds,)."""
    chance = np.random.default_rng(0)
    with ExitStack() as stack:
        loops = {}
        for name, make in LOOPS.items():
            try:
                loops[name] = make(size, stack)
                loops[name](size.steps // SLOW.get(name, 1))  # what is loaded and allocated once
            except ImportError as error:
                console.print(f"left out: {name}, because {error}")
        spent: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(rounds):
            for name in chance.permutation(list(loops)):
                steps = size.steps // SLOW.get(name, 1)
                began = clock()
                loops[name](steps)
                spent[name].append((clock() - began) * size.steps / steps)
    return {name: np.array(times) for name, times in spent.items()}


def ratio(times: NDArray[np.float64], base: NDArray[np.float64]) -> tuple[float, float, float]:
    """Of all times over all of the base, with its 95 % interval from resampled rounds."""
    chance = np.random.default_rng(0)
    drawn = chance.integers(times.size, size=(4000, times.size))
    low, high = np.quantile(times[drawn].sum(axis=1) / base[drawn].sum(axis=1), [0.025, 0.975])
    return float(times.sum() / base.sum()), float(low), float(high)


def overhead(sizes: Sequence[Size], rounds: int, clock: str, console: Console) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    table = Table(
        title=f"time of a step over that of the bare loop ({clock} time, {rounds} rounds, torch {torch.__version__})"
    )
    for column in ("loop", *(size.name for size in sizes)):
        table.add_column(column)
    cells: dict[str, list[str]] = {name: [] for name in LOOPS}
    for size in sizes:
        spent = seconds(size, rounds=rounds, clock=CLOCKS[clock], console=console)
        for name in LOOPS:
            if name not in spent:
                cells[name].append("not installed")
            elif name == "bare loop":
                cells[name].append(f"{1e3 * np.median(spent[name]) / size.steps:.2f} ms a step")
            else:
                whole, low, high = ratio(spent[name], spent["bare loop"])
                cells[name].append(f"{whole:.3f} ({low:.3f} to {high:.3f})")
    for name, row in cells.items():
        table.add_row(name, *row)
    console.print(table)


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A validation loss as it comes in, and what it is a noisy measurement of, shape (epochs,) each."""

    seen: NDArray[np.float64]
    truth: NDArray[np.float64]


KINDS = ("turns and rises", "falls to a plateau", "keeps falling slowly", "rises a while, then falls further")


def simulated(kind: str, chance: np.random.Generator) -> Course:
    """A course of 40, 100 or 300 epochs; noise of 0.2 to 8 % of its floor, which half of the time lasts some epochs."""
    n = int(chance.choice([40, 100, 300]))
    epoch = np.arange(1.0, n + 1)
    floor, fall = chance.uniform(0.1, 0.6), chance.uniform(0.3, 1.5)
    truth = floor + fall * np.exp(-epoch / (n * chance.uniform(0.03, 0.15)))
    if kind == KINDS[0]:
        late = np.maximum(0, epoch / n - chance.uniform(0.1, 0.4))
        truth += chance.uniform(0.1, 1.0) * floor * late ** chance.choice([0.7, 1.0, 1.5])
    elif kind == KINDS[2]:
        truth = floor + fall / np.sqrt(epoch + 5)
    elif kind == KINDS[3]:
        centre = chance.uniform(0.25, 0.4) * n
        truth += 0.06 * floor * np.exp(-(((epoch - centre) / (0.06 * n)) ** 2))
        truth -= 0.15 * floor / (1 + np.exp(-(epoch - 1.5 * centre) / (0.05 * n)))
    size, lasting = floor * chance.choice([0.002, 0.01, 0.03, 0.08]), chance.choice([0.0, 0.5])
    noise = chance.standard_normal(n)
    for i in range(1, n):
        noise[i] = lasting * noise[i - 1] + np.sqrt(1 - lasting**2) * noise[i]
    return Course(truth + size * noise, truth)


def trained(epochs: int = 200) -> Iterator[Course]:
    """Networks of étude's native engine on small tables: validation loss on some 40 to 300 rows, truth on 5,000."""
    recipes = [
        Recipe(
            data={"task": "sincos", "rows": rows, "flip": flip},
            model={"name": "mlp", "hidden": hidden},
            loss="bce",
            optimizer={"name": "adam", "learning_rate": rate},
            epochs=epochs,
            batch_size=32,
            score_every=1,
            seed=23,
        )
        for rows in (200, 500, 1500)
        for flip in (0.05, 0.2)
        for hidden, rate in (((64, 64), 3e-3), ((32,), 1e-2), ((8,), 3e-3))
    ]
    jobs = [Job(recipe, replicate) for recipe in recipes for replicate in range(3)]
    with closing(engine_called("native")(iter(jobs), workers=1)) as runs:
        for _, run in runs:
            truth = run.curve("test/log_loss").values[1:]
            yield Course(run.curve("validation/objective").values, truth)


Rule = Callable[[NDArray[np.float64]], tuple[int, int]]
"""Where it stops, which is the last epoch where it does not, and which it keeps, both counted from 0."""


def patience(most: int) -> Rule:
    """Stop after so many epochs without a new lowest loss."""

    def rule(seen: NDArray[np.float64]) -> tuple[int, int]:
        best = 0
        for i, loss in enumerate(seen):
            if loss < seen[best]:
                best = i
            elif i - best >= most:
                return i, best
        return seen.size - 1, best

    return rule


def online(seen: NDArray[np.float64]) -> tuple[int, int]:
    """étude's."""
    stopping = OnlineStopping()
    for i, loss in enumerate(seen):
        if stopping.note(float(loss)):
            return i, stopping.best
    return seen.size - 1, stopping.best


RULES: Mapping[str, Rule] = {"etude.watch": online} | {
    f"patience {most}": patience(most) for most in (5, 10, 20, 40, 80)
}


def stopping(console: Console, *, courses: int = 300) -> None:
    """Measure and print: for each kind of course every rule."""
    chance = np.random.default_rng(2026)
    groups = {kind: [simulated(kind, chance) for _ in range(courses)] for kind in KINDS}
    groups["trained networks"] = list(trained())
    for kind, group in groups.items():
        table = Table(title=f"{kind}: {len(group)} courses")
        for column in (
            "rule",
            "stopped",
            "before the best",
            "delay after it",
            "regret, mean",
            "regret, 95th",
            "epochs used",
        ):
            table.add_column(column)
        for name, rule in RULES.items():
            table.add_row(name, *judged(rule, group))
        console.print(table)


def judged(rule: Rule, group: list[Course]) -> Iterator[str]:
    """How a rule does: the regret is how far the kept epoch is above the best one, of the best one's loss."""
    ends = [rule(course.seen) for course in group]
    bests = [int(np.argmin(course.truth)) for course in group]
    stopped = np.array([end < course.seen.size - 1 for (end, _), course in zip(ends, group, strict=True)])
    delays = np.array([end - best for (end, _), best in zip(ends, bests, strict=True)])
    regrets = np.array(
        [course.truth[kept] / course.truth.min() - 1 for (_, kept), course in zip(ends, group, strict=True)]
    )
    used = np.mean([(end + 1) / course.seen.size for (end, _), course in zip(ends, group, strict=True)])
    late = delays[stopped & (delays >= 0)]
    yield f"{stopped.mean():.0%}"
    yield f"{(stopped & (delays < 0)).mean():.0%}"
    yield f"{np.median(late):.0f} epochs" if late.size else "–"
    yield f"{regrets.mean():.1%}"
    yield f"{np.quantile(regrets, 0.95):.1%}"
    yield f"{used:.0%}"


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=[size.name for size in SIZES], help="steps that take about so long, alone")
    parser.add_argument("--rounds", type=int, default=80)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--stopping", action="store_true", help="online stopping instead of overhead")
    asked = parser.parse_args()
    console = Console(highlight=False, width=140)
    if asked.stopping:
        stopping(console)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Cockpit was written for an older torch
        sizes = [size for size in SIZES if asked.size in (None, size.name)]
        overhead(sizes, asked.rounds, asked.clock, console)


if __name__ == "__main__":
    main()
