"""What a record of one step costs, and how far its numbers are from the truth.

Costs are of one thread, each case in a process of its own: the time of a record once torch is loaded, and by how much
the process grew at its most. Evidence is measured over random networks and every combination of options of torch's own
optimisers; a row says how far off the worst of all was, and what is promised. Where Cockpit is installed
(`pip install cockpit-for-pytorch 'setuptools<81'`), both look at the same steps of plain gradient descent.

    python benchmarks/microscope.py             all of it, some minutes on an idle machine
    python benchmarks/microscope.py --costs     one of them: --costs, --evidence, --noise or --cockpit
"""

import argparse
import itertools
import multiprocessing
import resource
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from etude.engine.microscope.asked import Wanted
from etude.engine.microscope.double import Criterion, doubled
from etude.engine.microscope.look import look
from etude.engine.microscope.taken import Taken, taken
from etude.engine.microscope.updates.apart import Dissected, dissected
from etude.numerics.noise_scale import noise_of, signal_error
from etude.values.step_record import StepRecord

Batch = tuple[Tensor, Tensor]
Made = tuple[nn.Module, Batch, Criterion]

BARE = Wanted(path=False, pulls=False, line=False, network=False)


@dataclass(frozen=True, slots=True)
class Case:
    """A network, a batch and a loss, and how often a record of it is made."""

    name: str
    make: Callable[[], Made]
    times: int = 3


def perceptron(*widths: int, examples: int) -> Made:
    """ReLU and a yes or no."""
    layers = [layer for a, b in itertools.pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    x = torch.randn(examples, widths[0])
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1)), (x, x[:, :1] * x[:, 1:2]), mse_loss


def convnet() -> Made:
    """Two convolutions with batch norm, on small grey images."""
    model = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(24 * 9, 10)),
    )
    return model, (torch.randn(500, 1, 12, 12), torch.randint(10, (500,))), cross_entropy


class Reader(nn.Module):
    """An LSTM whose last state answers."""

    def __init__(self) -> None:
        """About 9,000 weights."""
        super().__init__()
        self.body, self.head = nn.LSTM(4, 44, batch_first=True), nn.Linear(44, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (n, positions, 4) to (n, 1)."""
        made: Tensor = self.head(self.body(x)[0][:, -1])
        return made


def reader() -> Made:
    """Sequences of ten."""
    x = torch.randn(200, 10, 4)
    return Reader(), (x, x.sum(dim=(1, 2))[:, None]), mse_loss


class Block(nn.Module):
    """Two convolutions with a way around them (He et al. 2016)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        """before, after: channels."""
        super().__init__()
        self.one, self.norm_1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.two, self.norm_2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        changes = before != after or stride != 1
        self.around = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        self.around = self.around if changes else nn.Sequential()

    def forward(self, x: Tensor) -> Tensor:
        """Shape (n, before, …) to (n, after, …)."""
        inner = torch.relu(self.norm_1(self.one(x)))
        return torch.relu(self.norm_2(self.two(inner)) + self.around(x))


def resnet() -> Made:
    """As large as a ResNet-18, on images of 32 by 32: 11 million weights."""
    widths = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2)]
    blocks = [Block(*one) for one in (*widths, (512, 512, 1))]
    start = (nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
    model = nn.Sequential(*start, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    return model, (torch.randn(32, 3, 32, 32), torch.randint(10, (32,))), cross_entropy


CASES = (
    Case("perceptron, 26 weights, 1,200 examples", lambda: perceptron(3, 5, examples=1_200)),
    Case("perceptron, 9,697 weights, 2,000 examples", lambda: perceptron(2, 96, 96, examples=2_000)),
    Case("convolutions with batch norm, 6,000 weights, 500 images", convnet),
    Case("LSTM, 8,900 weights, 200 sequences", reader),
    Case("like ResNet-18, 11 million weights, 32 images: totals", resnet, times=1),
)


def cost(case: int) -> tuple[int, float, float, float]:
    """Weights, seconds of a record and of a plain training step, and MB that the process grew for a record."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    one, (small, few, loss) = CASES[case], perceptron(2, 3, examples=4)
    look(small, loss, few, torch.optim.AdamW(small.parameters()))  # so that all is loaded
    model, batch, criterion = one.make()
    optimizer = torch.optim.AdamW(model.parameters())
    step = statistics.median(_timed(lambda: _train(model, criterion, batch, optimizer)) for _ in range(3))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = statistics.median(_timed(lambda: look(model, criterion, batch, optimizer)) for _ in range(one.times))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return sum(p.numel() for p in model.parameters()), seconds, step, grown / 1024


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _train(model: nn.Module, criterion: Criterion, batch: Batch, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    criterion(model(batch[0]), batch[1]).backward()
    optimizer.step()


def costs(console: Console) -> None:
    """A table of them."""
    table = Table("network and batch", "weights", "a record", "a training step", "memory beside", title="Costs")
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for i, case in enumerate(CASES):
            weights, seconds, step, grown = pool.apply(cost, (i,))
            table.add_row(case.name, f"{weights:,}", f"{seconds:.2f} s", f"{1e3 * step:.1f} ms", f"{grown:,.0f} MB")
    console.print(table)


def product(**levels: list[Any]) -> list[dict[str, Any]]:
    """Every combination."""
    return [dict(zip(levels, values, strict=True)) for values in itertools.product(*levels.values())]


DECAYS, SWITCH = [0.0, 0.1], [False, True]
OPTIONS: Mapping[type[torch.optim.Optimizer], list[dict[str, Any]]] = {
    torch.optim.SGD: product(momentum=[0.0], weight_decay=DECAYS, maximize=SWITCH)
    + product(momentum=[0.9], dampening=[0.0, 0.3], weight_decay=DECAYS, maximize=SWITCH)
    + product(momentum=[0.9], nesterov=[True], weight_decay=DECAYS, maximize=SWITCH),
    torch.optim.RMSprop: product(momentum=[0.0, 0.9], centered=SWITCH, weight_decay=DECAYS, maximize=SWITCH),
    torch.optim.Adam: product(amsgrad=SWITCH, weight_decay=DECAYS, decoupled_weight_decay=SWITCH, maximize=SWITCH),
    torch.optim.AdamW: product(amsgrad=SWITCH, weight_decay=DECAYS, maximize=SWITCH),
}
WAYS: tuple[dict[str, Any], ...] = ({}, {"foreach": True}, {"fused": True})
NETWORKS = 50


def network(seed: int, *, smooth: bool = False) -> tuple[nn.Module, Batch]:
    """A perceptron of random depth, widths and activation in float64, and a batch of twelve."""
    chance = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    depth = int(torch.randint(1, 4, (1,), generator=chance))
    widths = [2, *torch.randint(1, 7, (depth,), generator=chance).tolist(), 1]
    act = nn.Tanh if smooth else (nn.Tanh, nn.ReLU, nn.GELU)[seed % 3]
    layers = [layer for a, b in itertools.pairwise(widths) for layer in (nn.Linear(a, b), act())]
    x = torch.randn(12, 2, generator=chance, dtype=torch.float64)
    return nn.Sequential(*layers[:-1]).double(), (x, x[:, :1] * x[:, 1:])


def gaps(seed: int) -> Iterator[tuple[float, float]]:
    """Of two steps of every optimiser: |sum of parts − step|, and that beyond the weights' rounding over the parts.

    Parts may be thousands of times the step, where a penalty nearly outweighs the gradient.
    """
    for kind, all_options in OPTIONS.items():
        ways = WAYS[: 2 if kind is torch.optim.RMSprop else 3]
        for options, way, clip in itertools.product(all_options, ways, (None, 0.05)):
            model, batch = network(seed)
            optimizer = kind(model.parameters(), lr=0.01, **options, **way)  # type: ignore[call-arg]
            for _ in range(2):
                step = taken(doubled(model, mse_loss, batch, optimizer), clip_norm=clip)
                yield from (_gap(_by_formula(name, step, kind)) for name in step.settings)
                optimizer.zero_grad()
                mse_loss(model(batch[0]), batch[1]).backward()
                if clip:
                    nn.utils.clip_grad_norm_(model.parameters(), clip)
                optimizer.step()
                assert all(torch.equal(one, step.scene.after[name]) for name, one in model.named_parameters())


def _by_formula(name: str, step: Taken, kind: type[torch.optim.Optimizer]) -> Dissected:
    found, note = dissected(name, step.moved(name), kind, epsilon=1e-16)
    assert not note, note  # gradient and the rest sum to any step
    return found


def _gap(of: Dissected) -> tuple[float, float]:
    size = max(float(one.abs().max()) for one in (of.moved.step, *of.apart.parts.values()))
    weight = float(of.moved.weights.abs().max())
    beyond = max(of.gap - 2 * np.finfo(np.float64).eps * weight, 0.0)
    return of.gap, beyond / size if size else of.gap


def path_error(seed: int) -> tuple[float, bool]:
    """Of the path in a record: its relative error against differences, and whether a kink kept it from a check."""
    model, batch = network(seed)
    path = look(model, mse_loss, batch, torch.optim.SGD(model.parameters(), lr=0.1)).path
    assert path is not None
    assert abs(path.total - path.autograd) <= 1e-12 * max(abs(path.total), 1e-3)
    return (0.0, True) if path.error is None else (path.error, False)


RATES = np.array([0.004, 0.002, 0.001, 0.0005])


def slope(seed: int) -> float:
    """With what power of the step the error of the second-order prediction falls, for tanh."""
    model, batch = network(seed, smooth=True)
    found = [look(model, mse_loss, batch, torch.optim.SGD(model.parameters(), lr=r), BARE).worked for r in RATES]
    return float(np.polyfit(np.log(RATES), np.log([abs(one.change - one.second) for one in found]), 1)[0])


def bits(seed: int, *, looked_at: bool) -> list[Any]:
    """Everything after five steps of training with dropout and batch norm."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1))
    optimizer = list(OPTIONS)[seed % 4](model.parameters(), lr=0.01)  # type: ignore[call-arg]
    for _ in range(5):
        x = torch.randn(16, 2)
        if looked_at:
            look(model, mse_loss, (x, x[:, :1]), optimizer)
        _train(model, mse_loss, (x, x[:, :1]), optimizer)
    tensors = [*model.state_dict().values(), *(p.grad for p in model.parameters()), torch.get_rng_state()]
    states = [one for state in optimizer.state.values() for one in state.values() if isinstance(one, Tensor)]
    return [one.tolist() for one in (*tensors, *states) if one is not None]


@dataclass(frozen=True, slots=True)
class Evidence:
    """How far off the worst of all was."""

    networks: int
    tensors: int
    gap: float
    share: float
    path: float
    kinks: int
    slopes: tuple[float, float]
    alike: int


def measured(networks: int) -> Evidence:
    """Over the first so many random networks; on one thread."""
    torch.set_num_threads(1)
    seeds = range(networks)
    found = [gap for seed in seeds for gap in gaps(seed)]
    errors = [path_error(seed) for seed in seeds]
    slopes = [slope(seed) for seed in seeds]
    return Evidence(
        networks=networks,
        tensors=len(found),
        gap=max(gap for gap, _ in found),
        share=max(share for _, share in found),
        path=max(error for error, _ in errors),
        kinks=sum(kink for _, kink in errors),
        slopes=(min(slopes), max(slopes)),
        alike=sum(bits(seed, looked_at=True) == bits(seed, looked_at=False) for seed in seeds),
    )


def evidence(console: Console) -> None:
    """A table of it, at full size."""
    found = measured(NETWORKS)
    over, paths = f"{NETWORKS} networks", f"{NETWORKS} networks, {found.kinks} apart for kinks"
    table = Table("what", "over", "worst", "promised", title="Evidence")
    table.add_row("|parts − step|, float64", f"{found.tensors:,} tensors", f"{found.gap:.1e}", "1e-12")
    table.add_row("… over the largest part, beyond the weights' rounding", "the same", f"{found.share:.1e}", "1e-12")
    table.add_row("derivative along a path, against differences", paths, f"{found.path:.1e}", "1e-6")
    table.add_row("power of the second-order error", over, "{:.2f} to {:.2f}".format(*found.slopes), "3 ± 0.2")
    table.add_row("training bit for bit as without a look", over, f"{found.alike} alike", f"{NETWORKS}")
    console.print(table)


SCALES, BATCHES, BATCH, DIMENSIONS = (10.0, 50.0, 200.0), 5_000, 64, 40


@dataclass(frozen=True, slots=True)
class Simulated:
    """Of batches of gradients drawn from a normal distribution with signal 1 and a noise scale that is known.

    bias: mean of the estimated signals less 1, and its standard error
    covered: share of the batches whose nominal 95 % interval of the signal has 1 in it
    told: share of which a scale is told at all; median: of the scales told
    """

    bias: tuple[float, float]
    covered: float
    told: float
    median: float


def simulated(scale: float, batches: int = BATCHES) -> Simulated:
    """scale: the true one, in examples."""
    rng = np.random.default_rng([101, int(scale)])
    mean = np.eye(1, DIMENSIONS)[0]
    signals, scales, covered = [], [], 0
    for _ in range(batches):
        gradients = mean + rng.standard_normal((BATCH, DIMENSIONS)) * np.sqrt(scale / DIMENSIONS)
        squares, with_mean = (gradients**2).sum(axis=1), gradients @ gradients.mean(axis=0)
        noise = noise_of(squares, with_mean)
        covered += abs(noise.signal - 1) < 1.96 * signal_error(squares, with_mean)
        signals.append(noise.signal)
        scales += [] if noise.scale is None else [noise.scale]
    bias = (float(np.mean(signals)) - 1, float(np.std(signals)) / batches**0.5)
    return Simulated(bias, covered / batches, len(scales) / batches, float(np.median(scales)))


def noise(console: Console) -> None:
    """A table of them."""
    title = f"Noise scale: {BATCHES:,} batches of {BATCH} gradients of {DIMENSIONS} weights"
    table = Table("true scale", "bias of the signal", "95 % covers", "told in", "median told", title=title)
    for scale in SCALES:
        found = simulated(scale)
        bias = "{:+.4f} ± {:.4f}".format(*found.bias)
        table.add_row(f"{scale:g}", bias, f"{found.covered:.3f}", f"{found.told:.0%}", f"{found.median:.1f}")
    console.print(table)


STEPS = 20

COMPARED: Mapping[str, tuple[str, Callable[[Any], float], Callable[[StepRecord], float]]] = {
    "loss": ("Loss", float, lambda record: record.loss),
    "gradient norm": ("GradNorm", lambda norms: float(np.linalg.norm(norms)), lambda record: record.gradient_norm),
    "step norm": ("UpdateSize", lambda norms: float(np.linalg.norm(norms)), lambda record: record.step_norm),
    "largest eigenvalue": ("HessMaxEV", float, lambda record: record.curvature.eigenvalues[0]),
    "norm test √(tr S / n |g|²)": (
        "NormTest",
        float,
        lambda record: (record.noise.spread / record.examples) ** 0.5 / record.gradient_norm,
    ),
    "normalised step α = dᵀHd / |g·d| − 1": ("Alpha", float, lambda record: record.worked.ratio - 1),
}
"""Quantity → Cockpit's name and what to make of it, and the same of a record. Cockpit's α is a fit to noisy losses and
slopes at both ends of a step, ours the curvature at its start: they agree as far as the loss is a parabola."""


def small_net() -> nn.Sequential:
    """What both look at."""
    return nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 12), nn.Tanh(), nn.Linear(12, 1))


def cockpit(console: Console) -> None:
    """Both look at the same steps of plain descent; how far apart the numbers are that both have."""
    try:
        from backpack import extend
        from cockpit import Cockpit, quantities
        from cockpit.utils.schedules import linear
    except ImportError as error:
        console.print(f"Cockpit is left out: {error}")
        return
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, criterion, always = extend(small_net()), extend(nn.MSELoss()), linear(1)
    kinds = (quantities.Loss, quantities.GradNorm, quantities.UpdateSize, quantities.NormTest, quantities.Alpha)
    plan = [*(kind(always) for kind in kinds), quantities.HessMaxEV(always, use_power=False)]
    eye, records = Cockpit(model.parameters(), quantities=plan), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(128, 2)
    y = x[:, :1] * x[:, 1:] + 0.3 * torch.randn(128, 1)
    for i in range(STEPS + 1):  # what it sees of a step it knows at the next
        plain = small_net()  # Cockpit hangs what it sees on the weights, as tensors that cannot be copied
        plain.load_state_dict(model.state_dict())
        mine = torch.optim.SGD(plain.parameters(), lr=0.1)
        records.append(look(plain, mse_loss, (x, y), mine, Wanted(curvature=True, path=False)))
        optimizer.zero_grad()
        outputs = model(x)
        loss, losses = criterion(outputs, y), ((outputs - y) ** 2).mean(dim=1)
        with eye(i, info={"batch_size": len(x), "individual_losses": losses, "loss": loss, "optimizer": optimizer}):
            loss.backward(create_graph=eye.create_graph(i))  # type: ignore[no-untyped-call]
        optimizer.step()
    seen = {type(one).__name__: one.get_output() for one in plan}
    table = Table(
        "quantity", "Cockpit", "étude", "largest difference", title=f"Plain descent, {STEPS} steps: the first"
    )
    for name, (theirs, read, own) in COMPARED.items():
        pairs = [(read(seen[theirs][i]), own(records[i])) for i in range(STEPS)]
        worst = max(abs(a - b) / max(abs(a), abs(b)) for a, b in pairs)
        table.add_row(name, f"{pairs[0][0]:.6g}", f"{pairs[0][1]:.6g}", f"{worst:.1e}")
    console.print(table)


PARTS: Mapping[str, Callable[[Console], None]] = {
    "costs": costs,
    "evidence": evidence,
    "noise": noise,
    "cockpit": cockpit,
}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in PARTS:
        parser.add_argument(f"--{name}", action="store_true")
    asked = {name for name, is_asked in vars(parser.parse_args()).items() if is_asked}
    warnings.simplefilter("ignore")  # Cockpit was written for an older torch
    for name, part in PARTS.items():
        if not asked or name in asked:
            part(Console(width=120))


if __name__ == "__main__":
    main()
