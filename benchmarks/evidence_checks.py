"""How often the checks of one run see what is not there, and how often they see what is.

Each row gives a check runs in which its symptom is absent and runs in which it was seeded: real trainings with étude's
engine wherever it can make the symptom, and simulated curves otherwise. Constants were set on the tuning seeds
(`--tune`, which writes nothing) and then judged once on others. Writes docs/evidence/checks.md.
"""

import argparse
import importlib
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.data.load import load
from etude.diagnosis.case import case_of
from etude.engine.engines import Job, check, engine_called
from etude.numerics.trends import roughness
from etude.values.curve import Curve, curve
from etude.values.data import Arrays, Bundled, Data, Task
from etude.values.finding import Finding, NotRun
from etude.values.model import Mlp
from etude.values.optimizer import Adam, Schedule, Sgd
from etude.values.recipe import Recipe, changed
from etude.values.run import Run

PAGE = Path(__file__).parent.parent / "docs" / "evidence" / "checks.md"
TUNING, JUDGING = 2_000_000, 3_000_000
"""Seeds; no other simulation of ours uses these millions."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """One check on trial. `absent` and `present` make runs from a seed and a number of them."""

    symptom: str
    without: str
    absent: Callable[[int, int], Iterable[Run]]
    seeded: str
    present: Callable[[int, int], Iterable[Run]]
    runs: int = 200


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many; `unable`: further ones that the check could not judge."""

    seen: int
    of: int
    unable: int

    def __str__(self) -> str:
        """As a share with its 95 % Wilson interval."""
        if not self.of:
            return "none could be judged"
        low, high = wilson(self.seen, self.of)
        unable = f"; {self.unable} could not be judged" if self.unable else ""
        return f"{self.seen} of {self.of}: {self.seen / self.of:.1%} ({low:.1%} to {high:.1%}){unable}"


def wilson(seen: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share. Source: Wilson (1927), doi:10.1080/01621459.1927.10502953."""
    centre, scale = (seen + z * z / 2) / (of + z * z), z / (of + z * z)
    half = scale * math.sqrt(seen * (of - seen) / of + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def rate(symptom: str, runs: Iterable[Run]) -> Rate:
    """How many of the runs the check finds something in."""
    look = importlib.import_module(f"etude.diagnosis.checks.{symptom.replace(' ', '_')}").CHECK.look
    seen = [look(case_of(run)) for run in runs]
    unable = sum(isinstance(one, NotRun) for one in seen)
    return Rate(sum(isinstance(one, Finding) for one in seen), len(seen) - unable, unable)


# Real trainings


def task(name: str, rows: int, **settings: float) -> Task:
    """A synthetic task with a small test set."""
    return Task.model_validate({"task": name, "rows": rows, "test_rows": 2000, **settings})


DATA: Mapping[str, tuple[Data, str]] = MappingProxyType(
    {
        "moons": (task("moons", 500, flip=0.05), "bce"),
        "rings": (task("rings", 500, flip=0.05), "bce"),
        "sincos": (task("sincos", 800, features=3, flip=0.05), "bce"),
        "waves": (task("waves", 500), "mse"),
        "wine": (Bundled(bundled="wine", test=0.4), "cross_entropy"),
        "digits": (Bundled(bundled="digits", test=0.4), "cross_entropy"),
    }
)
HEALTHY: tuple[tuple[str, Mlp, float, int], ...] = (
    ("moons", Mlp(hidden=(16,)), 0.02, 40),
    ("moons", Mlp(hidden=(24, 24), activation="tanh"), 0.01, 40),
    ("rings", Mlp(hidden=(16,)), 0.02, 40),
    ("rings", Mlp(hidden=(24, 24, 24)), 0.005, 30),
    ("sincos", Mlp(hidden=(16,)), 0.02, 60),
    ("sincos", Mlp(hidden=(24, 24), activation="tanh"), 0.01, 60),
    ("waves", Mlp(hidden=(16,)), 0.02, 60),
    ("waves", Mlp(hidden=(24, 24), activation="tanh"), 0.01, 60),
    ("wine", Mlp(hidden=(16,)), 0.01, 30),
    ("wine", Mlp(hidden=(24, 24, 24)), 0.005, 20),
    ("digits", Mlp(hidden=(16,)), 0.01, 25),
    ("digits", Mlp(hidden=(24, 24), activation="tanh"), 0.005, 20),
)
"""(data, network, learning rate of Adam, epochs) that train well, found by hand; batches of 32."""


def recipes(names: Sequence[str] = tuple(DATA)) -> Iterator[Recipe]:
    """The healthy recipes on those data."""
    for name, model, learning_rate, epochs in HEALTHY:
        data, loss = DATA[name]
        if name in names:
            optimizer = Adam(learning_rate=learning_rate)
            yield Recipe(data=data, model=model, loss=loss, optimizer=optimizer, epochs=epochs, batch_size=32)


def trained(made: Sequence[Recipe], seed: int, runs: int) -> Iterator[Run]:
    """About so many trainings, as many of each recipe."""
    for recipe in made:
        engine = engine_called(check(recipe).engine)
        jobs = [Job(changed(recipe, {"seed": seed}), replicate) for replicate in range(-(-runs // len(made)))]
        yield from (run for _, run in engine(iter(jobs), workers=1))


def healthy(*names: str) -> Callable[[int, int], Iterator[Run]]:
    """Runs of the healthy recipes on those data, or on all."""
    return lambda seed, runs: trained(list(recipes(names or tuple(DATA))), seed, runs)


def with_settings(*names: str, **settings: object) -> Callable[[int, int], Iterator[Run]]:
    """The same with some fields set anew; "__" stands for the point of a path."""
    named = {name.replace("__", "."): value for name, value in settings.items()}
    return lambda seed, runs: trained([changed(one, named) for one in recipes(names or tuple(DATA))], seed, runs)


def memorising(seed: int, runs: int) -> Iterator[Run]:
    """Few rows with many wrong labels, a wide network, many epochs."""
    named = {"data.rows": 200, "data.flip": 0.15, "epochs": 300, "model.hidden": (64, 64)}
    return trained([changed(one, named) for one in recipes(("moons", "rings"))], seed, runs)


def imbalanced(seed: int, runs: int, *, informative: bool) -> Iterator[Run]:
    """Nine of ten rows are of one class; the inputs tell it, or they do not."""
    for number in range(runs):
        rng = np.random.default_rng((seed, number))
        labels = (rng.random(600) < 0.1).astype(np.int64)
        inputs = rng.normal(size=(600, 3)) + 2.5 * informative * labels[:, None]
        data = Arrays(inputs=inputs, targets=labels)
        yield from trained([Recipe(data=data, model=Mlp(hidden=(8,)), loss="bce", optimizer=Adam(
            learning_rate=0.01 if informative else 0.001, coupled_weight_decay=0 if informative else 0.1),
            epochs=20, batch_size=32)], seed, 1)  # fmt: skip


def unused(seed: int, runs: int) -> Iterator[Run]:
    """Inputs that were shuffled apart from their targets, with weight decay so that nothing is learned by heart."""
    for number in range(runs):
        rng = np.random.default_rng((seed, number))
        data = Arrays(inputs=rng.normal(size=(500, 3)), targets=(rng.random(500) < 0.5).astype(np.int64))
        optimizer = Adam(learning_rate=0.005, coupled_weight_decay=0.1)
        recipe = Recipe(data=data, model=Mlp(hidden=(8,)), loss="bce", optimizer=optimizer, epochs=20, batch_size=32)
        yield from trained([recipe], seed, 1)


def tables(seed: int, runs: int, *, leak: str = "") -> Iterator[Run]:
    """Tables of the user's own, of measurements, counts or categories; with copied rows or the target among inputs."""
    for number in range(runs):
        rng = np.random.default_rng((seed, number))
        inputs = np.column_stack([rng.normal(size=(400, 3)), rng.poisson(3, 400), rng.integers(0, 4, 400)])
        logits = 2 * inputs[:, 0] - inputs[:, 1] + 0.3 * (inputs[:, 3] - 3)
        targets = (rng.random(400) < 1 / (1 + np.exp(-logits))).astype(np.int64)
        if leak == "copies":
            again = rng.integers(0, 400, 120)
            inputs, targets = np.vstack([inputs, inputs[again]]), np.concatenate([targets, targets[again]])
        if leak == "target":
            inputs = np.column_stack([inputs, targets + rng.normal(0, 0.15, targets.size)])
        data = Arrays(inputs=inputs, targets=targets)
        yield from trained([Recipe(data=data, model=Mlp(hidden=(4,)), loss="bce", epochs=2, batch_size=64)], seed, 1)


def leaking(seed: int, runs: int) -> Iterator[Run]:
    """Validation scores that are those of rows learned by heart."""
    for run in memorising(seed, runs):
        names = {name: f"validation/{name.partition('/')[2]}" for name in run.curves if name.startswith("train/")}
        yield replace(run, curves={**run.curves, **{new: run.curves[old] for old, new in names.items()}})


def overconfident(seed: int, runs: int) -> Iterator[Run]:
    """Wide networks on few rows, trained for long: their answers stay, their probabilities become worse."""
    named = {"epochs": 200, "model.hidden": (64, 64)}
    made = [changed(one, named) for one in recipes(("wine", "digits"))]
    made += [changed(one, {**named, "data.rows": 150}) for one in recipes(("moons",))]
    return trained(made, seed, runs)


def zigzag(seed: int, runs: int) -> Iterator[Run]:
    """Whole-batch gradient descent at rates above 2 / curvature, and Adam at twenty times a healthy rate."""
    descent = [changed(one, {"optimizer": Sgd(learning_rate=rate), "batch_size": None, "epochs": 80})
               for one in recipes(("moons", "sincos")) for rate in (3.0, 4.0)]  # fmt: skip
    wild = [changed(one, {"optimizer.learning_rate": 0.4, "batch_size": 8}) for one in recipes(("moons",))]
    return trained([*descent, *wild], seed, runs)


def cosine(seed: int, runs: int, *, epochs: float, rate: float) -> Iterator[Run]:
    """Healthy recipes with a full cosine, of another length or rate."""
    made = [
        changed(one, {
            "schedule": Schedule(name="cosine", final=0.0),
            "epochs": max(16, round(one.epochs * epochs)),
            "optimizer.learning_rate": one.optimizer.learning_rate * rate,
        })
        for one in recipes()
    ]  # fmt: skip
    return trained(made, seed, runs)


# Signals of trained networks, computed anew from their final weights


def with_signals(runs: Iterable[Run]) -> Iterator[Run]:
    """Runs with the signals of their layers on 64 training rows at the end, as a watched loop would sample them."""
    for run in runs:
        assert run.recipe is not None
        assert run.replicate is not None
        part = load(run.recipe.data, seed=run.recipe.seed, replicate=run.replicate).train
        signals = signals_of(run, part.inputs[:64].astype(np.float64), part.targets[:64])
        made = {name: curve(name, [run.last_step], [value]) for name, value in signals.items()}
        yield replace(run, curves={**run.curves, **made})


ACTIVATIONS: Mapping[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = MappingProxyType(
    {
        "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(np.float64)),
        "tanh": (np.tanh, lambda a: 1 - a * a),
        "sigmoid": (lambda z: 1 / (1 + np.exp(-np.clip(z, -500, 500))), lambda a: a * (1 - a)),
    }
)
"""Function and, of its value, its slope."""


def signals_of(run: Run, inputs: Floats, targets: Floats) -> dict[str, float]:
    """Dead and saturated shares and gradient norms by layer, of an MLP's kept weights on some rows."""
    assert run.recipe is not None
    assert isinstance(run.recipe.model, Mlp)
    kind = run.recipe.model.activation
    function, slope = ACTIVATIONS[kind]
    weights, biases = (
        [np.asarray(array, dtype=np.float64) for name, array in run.arrays.items() if name.endswith(end)]
        for end in (".weight", ".bias")
    )
    values = [inputs]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        values.append(function(values[-1] @ weight.T + bias))
    outputs = values[-1] @ weights[-1].T + biases[-1]
    back = _error_of(outputs, targets, run.recipe.loss) / len(inputs)
    found: dict[str, float] = {}
    for i in reversed(range(len(weights))):
        found[f"layers/layer_{i + 1}/gradient_norm"] = float(np.linalg.norm(back.T @ values[i]))
        if i:
            back = (back @ weights[i]) * slope(values[i])
    for i, activation in enumerate(values[1:]):
        name = f"layers/activation_{i + 1}"
        if kind == "relu":
            found[f"{name}/dead"] = float((activation == 0).all(axis=0).mean())
        else:
            low, high = (0.03, 0.97) if kind == "sigmoid" else (-0.97, 0.97)
            found[f"{name}/saturated"] = float(((activation < low) | (activation > high)).mean())
    return dict(sorted(found.items()))


def _error_of(outputs: Floats, targets: Floats, loss: object) -> Floats:
    """The derivative of each row's loss by its raw outputs."""
    if loss == "cross_entropy":
        p: Floats = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(p)), targets.astype(np.int64)] -= 1
        return p
    if loss == "bce":
        return np.asarray(1 / (1 + np.exp(-np.clip(outputs, -500, 500))) - targets[:, None])
    return 2 * (outputs - targets[:, None])


def dying(seed: int, runs: int) -> Iterator[Run]:
    """ReLU networks that one hundred times a healthy rate threw off, and deep narrow ones."""
    thrown = [
        changed(one, {"optimizer.learning_rate": 1.0, "model.hidden": (16, 16)}) for one in recipes(("moons", "rings"))
    ]
    relu = [changed(one, {"model.activation": "relu"}) for one in thrown]
    deep = [changed(one, {"model.hidden": (4,) * 12, "model.activation": "relu"}) for one in recipes(("sincos",))]
    return with_signals(trained([*relu, *deep], seed, runs))


def fading(seed: int, runs: int) -> Iterator[Run]:
    """Sigmoid in eight layers."""
    named = {"model.hidden": (16,) * 8, "model.activation": "sigmoid", "epochs": 5}
    return with_signals(trained([changed(one, named) for one in recipes(("moons", "rings", "digits"))], seed, runs))


def saturated(seed: int, runs: int) -> Iterator[Run]:
    """Tanh at fifty times a healthy rate: large weights, flat units."""
    named = {"model.hidden": (16, 16), "model.activation": "tanh", "optimizer.learning_rate": 0.5}
    return with_signals(trained([changed(one, named) for one in recipes(("moons", "rings", "sincos"))], seed, runs))


# Simulated curves


def simulated(make: Callable[[np.random.Generator], Mapping[str, Curve]]) -> Callable[[int, int], Iterator[Run]]:
    """Runs of simulated curves, each from a stream of its own."""

    def runs_of(seed: int, runs: int) -> Iterator[Run]:
        for number in range(runs):
            curves = make(np.random.default_rng((seed, number)))
            yield Run(f"simulated {number}", curves, provenance={"x": "step"})

    return runs_of


def falling(rng: np.random.Generator, n: int) -> tuple[Floats, float]:
    """A loss that falls ever more slowly, by a power of time or exponentially, and the standard deviation of noise."""
    t = np.arange(1, n + 1)
    shape = t ** -rng.uniform(0.2, 1.2) if rng.random() < 0.5 else np.exp(-t / (n * rng.uniform(0.05, 0.5)))
    return np.asarray(shape + rng.uniform(0, 0.5), dtype=np.float64), float(
        np.exp(rng.uniform(np.log(0.002), np.log(0.08)))
    ) * float(np.ptp(shape))


def smooth_fall(rng: np.random.Generator) -> Mapping[str, Curve]:
    """Such a loss with independent noise."""
    n = int(rng.integers(20, 300))
    values, noise = falling(rng, n)
    return _train(values + rng.normal(0, noise, n))


def after_plateau(rng: np.random.Generator) -> Mapping[str, Curve]:
    """The same after a flat part of 15 to 50 % of the run."""
    n = int(rng.integers(30, 300))
    values, noise = falling(rng, n)
    flat = int(n * rng.uniform(0.15, 0.5))
    held = np.concatenate([np.full(flat, values[0]), values[: n - flat]])
    return _train(held + rng.normal(0, noise / 2, n))


def bumped(rng: np.random.Generator) -> Mapping[str, Curve]:
    """A jump by 30 to 100 % of what was learned, which decays over 5 to 20 % of the run."""
    n = int(rng.integers(40, 300))
    values, noise = falling(rng, n)
    at = int(n * rng.uniform(0.3, 0.7))
    size = rng.uniform(0.3, 1) * (values[0] - values[at])
    later = np.arange(n) - at
    bump = np.where(later >= 0, size * np.exp(-np.maximum(later, 0) / (n * rng.uniform(0.05, 0.2))), 0)
    return _train(values + bump + rng.normal(0, min(noise, size / 10), n))


def spiky(rng: np.random.Generator) -> Mapping[str, Curve]:
    """A falling loss with heavy-tailed noise and a few spikes of one or two points."""
    n = int(rng.integers(40, 300))
    values, noise = falling(rng, n)
    values = values + noise * rng.standard_t(3, n)
    for at in rng.integers(5, n - 5, 3):
        values[at : at + int(rng.integers(1, 3))] += rng.uniform(0.3, 2)
    return _train(values)


def batches(*, shuffled: bool) -> Callable[[np.random.Generator], Mapping[str, Curve]]:
    """The loss of each batch of a logistic regression, trained in a fresh order each epoch or always in the same."""

    def make(rng: np.random.Generator) -> Mapping[str, Curve]:
        per_epoch, size, epochs = int(rng.integers(8, 40)), int(rng.choice([8, 16, 32])), int(rng.integers(6, 20))
        rows, features = per_epoch * size, 5
        inputs = rng.normal(size=(rows, features))
        labels = rng.random(rows) < 1 / (1 + np.exp(-inputs @ rng.normal(size=features)))
        weights, losses, rate = np.zeros(features), [], float(rng.uniform(0.02, 0.2))
        order = np.arange(rows)
        for _ in range(epochs):
            order = rng.permutation(rows) if shuffled else order
            for batch in order.reshape(per_epoch, size):
                logits = inputs[batch] @ weights
                losses.append(float(np.mean(np.logaddexp(0, logits) - labels[batch] * logits)))
                weights -= rate * (1 / (1 + np.exp(-logits)) - labels[batch]) @ inputs[batch] / size
        ends = np.arange(1, epochs + 1) * per_epoch
        held = curve("validation/objective", ends, np.interp(ends, np.arange(len(losses)), losses))
        return {**_train(np.array(losses), start=1), held.name: held}

    return make


def norms(*, exploding: bool) -> Callable[[np.random.Generator], Mapping[str, Curve]]:
    """Gradient norms that fall ten- to a thousandfold with lognormal noise; or with jumps of 300 times and more."""

    def make(rng: np.random.Generator) -> Mapping[str, Curve]:
        n = int(rng.integers(10, 300))
        values = np.exp(-np.linspace(0, rng.uniform(2, 7), n) + rng.normal(0, rng.uniform(0.1, 0.9), n))
        if exploding:
            at = rng.integers(n // 2, n, int(rng.integers(1, 4)))
            values[at] *= np.exp(rng.uniform(np.log(300), np.log(1e5)))
        return {"signals/gradient_norm": curve("signals/gradient_norm", np.arange(n) * 10, values)}

    return make


def _train(values: Floats, start: int = 0) -> dict[str, Curve]:
    return {"train/objective": curve("train/objective", np.arange(start, start + values.size), values, unit="nats")}


def started(*, scale: float) -> Callable[[np.random.Generator], Mapping[str, Curve]]:
    """The log loss before the first step, of logits with usual spread or with far too large a one, 3 to 20 classes."""

    def make(rng: np.random.Generator) -> Mapping[str, Curve]:
        classes, rows = int(rng.integers(3, 21)), int(rng.integers(100, 1000))
        logits = rng.normal(0, rng.uniform(0.1, 0.6) * scale, (rows, classes))
        labels = rng.integers(0, classes, rows)
        losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(rows), labels]
        error = losses.std(ddof=1) / math.sqrt(rows)
        name = "train/log_loss"
        made = curve(name, [0, 10], [losses.mean(), 0.1], unit="nats", standard_errors=[error, error])
        return {name: made, "classes": curve("classes", [0], [classes])}

    return make


def starts(*, scale: float) -> Callable[[int, int], Iterator[Run]]:
    """Runs of `started`, with the number of classes where a log has it."""
    for_one = simulated(started(scale=scale))
    return lambda seed, runs: (
        replace(run, provenance={"num_classes": int(run.curves["classes"].values[0])}) for run in for_one(seed, runs)
    )


def relu_networks(seed: int, runs: int) -> Iterator[Run]:
    """Healthy recipes with ReLU, and their signals."""
    return with_signals(trained(_activated("relu"), seed, runs))


def tanh_networks(seed: int, runs: int) -> Iterator[Run]:
    """Healthy recipes with tanh, and their signals."""
    return with_signals(trained(_activated("tanh"), seed, runs))


def deep_networks(seed: int, runs: int) -> Iterator[Run]:
    """Healthy recipes with three layers, and their signals."""
    made = [changed(one, {"model.hidden": (24, 24, 24)}) for one in recipes()]
    return with_signals(trained(made, seed, runs))


def _activated(activation: str) -> list[Recipe]:
    return [one for one in recipes() if isinstance(one.model, Mlp) and one.model.activation == activation]


def short(seed: int, runs: int) -> Iterator[Run]:
    """Healthy recipes of classes, stopped after a quarter of their epochs: nothing has turned yet."""
    classes = recipes(("moons", "rings", "sincos", "wine", "digits"))
    return trained([changed(one, {"epochs": max(9, one.epochs // 4)}) for one in classes], seed, runs)


ROWS: tuple[Row, ...] = (
    Row(
        "plateau then drop",
        "simulated: falls ever more slowly, with noise",
        simulated(smooth_fall),
        "simulated: the same after a flat 15 to 50 % of the run",
        simulated(after_plateau),
        1000,
    ),
    Row(
        "oscillation",
        "trained: healthy recipes",
        healthy(),
        "trained: whole-batch descent at rates of 3 and 4; Adam at 0.4 with batches of 8",
        zigzag,
        300,
    ),
    Row(
        "resume bump",
        "simulated: falls, with heavy-tailed noise and spikes",
        simulated(spiky),
        "simulated: a jump by 30 to 100 % of what was learned, which decays",
        simulated(bumped),
        1000,
    ),
    Row("resume bump", "trained: healthy recipes", healthy(), "as above", simulated(bumped), 300),
    Row(
        "data order",
        "simulated: each batch's loss of a logistic regression, a fresh order each epoch",
        simulated(batches(shuffled=True)),
        "simulated: the same, always in one order",
        simulated(batches(shuffled=False)),
        400,
    ),
    Row(
        "schedule",
        "trained: healthy recipes with a full cosine, three times the epochs",
        lambda seed, runs: cosine(seed, runs, epochs=3, rate=1),
        "trained: a third of the epochs at a tenth of the rate",
        lambda seed, runs: cosine(seed, runs, epochs=1 / 3, rate=0.1),
        300,
    ),
    Row(
        "bad initialisation",
        "simulated: first logits with a standard deviation of 0.1 to 0.6",
        starts(scale=1),
        "simulated: ten times as large",
        starts(scale=10),
        1000,
    ),
    Row("bad initialisation", "trained: healthy recipes", healthy(), "as above", starts(scale=10), 300),
    Row(
        "dying relu",
        "trained: healthy recipes with ReLU",
        relu_networks,
        "trained: a rate of 1; 12 layers of 4 units",
        dying,
    ),
    Row(
        "vanishing gradients",
        "trained: healthy recipes with three hidden layers",
        deep_networks,
        "trained: sigmoid in 8 layers",
        fading,
    ),
    Row(
        "exploding gradients",
        "simulated: norms that fall up to a thousandfold, lognormal noise",
        simulated(norms(exploding=False)),
        "simulated: the same with jumps of 300 times and more",
        simulated(norms(exploding=True)),
        1000,
    ),
    Row(
        "saturation",
        "trained: healthy recipes with tanh",
        tanh_networks,
        "trained: tanh at a rate of 0.5",
        saturated,
    ),
    Row(
        "saturation",
        "trained: healthy recipes of two classes",
        healthy("moons", "rings", "sincos"),
        "trained: 160 rows, 15 % flips, two layers of 64, 300 epochs; from scores alone",
        memorising,
    ),
    Row(
        "overconfident",
        "trained: healthy recipes of classes, a quarter of the epochs",
        short,
        "trained: wide, on few rows, 200 epochs",
        overconfident,
    ),
    Row(
        "validation better",
        "trained: healthy recipes",
        healthy(),
        "trained: with dropout 0.5",
        with_settings("moons", "rings", "digits", "waves", model__dropout=0.5),
        300,
    ),
    Row(
        "label noise memorised",
        "trained: healthy recipes with 5 % flips",
        healthy("moons", "rings", "sincos"),
        "trained: 160 rows, 15 % flips, two layers of 64, 300 epochs",
        memorising,
    ),
    Row(
        "better than possible",
        "trained: healthy recipes whose limit is known",
        healthy("moons", "rings", "sincos", "waves"),
        "trained: rows learned by heart are scored as validation",
        leaking,
    ),
    Row(
        "leakage",
        "tables without a leak",
        tables,
        "30 % of the rows copied before the split",
        lambda seed, runs: tables(seed, runs, leak="copies"),
        100,
    ),
    Row(
        "leakage",
        "tables without a leak",
        tables,
        "the target among the inputs, blurred",
        lambda seed, runs: tables(seed, runs, leak="target"),
        100,
    ),
    Row(
        "leakage",
        "trained: healthy recipes",
        healthy(),
        "the target among the inputs, blurred",
        lambda seed, runs: tables(seed, runs, leak="target"),
        240,
    ),
    Row(
        "class imbalance",
        "trained: 1 row in 10 of a class that the inputs tell",
        lambda seed, runs: imbalanced(seed, runs, informative=True),
        "trained: of a class that they do not tell",
        lambda seed, runs: imbalanced(seed, runs, informative=False),
        100,
    ),
    Row(
        "inputs not used",
        "trained: healthy recipes",
        healthy(),
        "trained: inputs shuffled apart from their targets",
        unused,
        100,
    ),
)


def stopped_sooner(run: Run, _: Finding) -> bool:
    """Whether the weights of the best validation step have a lower log loss on the large test set than the last."""
    held, test = run.curves["validation/log_loss"], run.curves["test/log_loss"]
    return bool(test.at(int(held.steps[int(np.nanargmin(held.values))])) < test.values[-1])


def treated(run: Run, named: Mapping[str, object]) -> Run:
    """The same replicate with some fields set anew."""
    assert run.recipe is not None
    assert run.replicate is not None
    recipe = changed(run.recipe, named)
    return next(run for _, run in engine_called(check(recipe).engine)(iter([Job(recipe, run.replicate)]), workers=1))


def stretched(run: Run, finding: Finding) -> bool:
    """Whether twice the epochs, with the cosine stretched alike, lower the training loss by what was predicted."""
    assert run.recipe is not None
    assert finding.prediction is not None
    longer = treated(run, {"epochs": 2 * run.recipe.epochs})
    before, after = (one.curves["train/objective"].values[-1] for one in (run, longer))
    return bool(before - after >= finding.prediction.low)


def slowed(run: Run, finding: Finding) -> bool:
    """Whether a third of the rate makes the swings smaller by what was predicted."""
    assert run.recipe is not None
    assert finding.prediction is not None
    slower = treated(run, {"optimizer.learning_rate": run.recipe.optimizer.learning_rate / 3})
    before, after = (
        roughness(one.curves["train/objective"].values[-run.recipe.epochs // 2 :]) for one in (run, slower)
    )
    return before - after >= finding.prediction.low


@dataclass(frozen=True, slots=True)
class Trial:
    """A treatment on trial. `confirms`: whether it did what the finding predicts of it."""

    symptom: str
    treatment: str
    runs: Callable[[int, int], Iterable[Run]]
    confirms: Callable[[Run, Finding], bool]


TRIALS: tuple[Trial, ...] = (
    Trial("oscillation", "a third of the learning rate: smaller swings", zigzag, slowed),
    Trial(
        "schedule",
        "twice the epochs, stretched: a lower training loss",
        lambda seed, runs: cosine(seed, runs, epochs=1 / 3, rate=0.1),
        stretched,
    ),
    Trial(
        "overconfident",
        "the weights of the best validation step: a lower log loss on the test set",
        overconfident,
        stopped_sooner,
    ),
    Trial(
        "label noise memorised",
        "the weights of the best validation step: a lower log loss on the test set",
        memorising,
        stopped_sooner,
    ),
)
"""Findings whose treatment can be tried at once."""


def trial_line(trial: Trial, seed: int, runs: int) -> str:
    """How often the treatment did what was predicted, beside the probability that was stated."""
    look = importlib.import_module(f"etude.diagnosis.checks.{trial.symptom.replace(' ', '_')}").CHECK.look
    found = [(run, seen) for run in trial.runs(seed, runs) if isinstance(seen := look(case_of(run)), Finding)]
    held = [trial.confirms(run, seen) for run, seen in found]
    stated = float(np.mean([seen.probability for _, seen in found])) if found else math.nan
    return f"| `{trial.symptom}` | {trial.treatment} | {stated:.0%} | {Rate(sum(held), len(held), 0)} |"


def page(lines: Sequence[str], trials: Sequence[str], seed: int) -> str:
    """The published page."""
    return PAGE_TEXT.format(rows="\n".join(lines), trials="\n".join(trials), judging=seed)


PAGE_TEXT = """# Evidence: the checks of one run

Each row gives a check runs in which its symptom is absent, and runs in which it was seeded. Shares are followed by
their 95 % Wilson interval.

| check | absent | false alarms | seeded | detected |
|---|---|---|---|---|
{rows}

Where a finding's treatment can be tried at once, this is how often it did what the finding predicts of it, on the same
replicate, beside the probability that the findings state on average.

| check | treatment and prediction | stated | confirmed |
|---|---|---|---|
{trials}

- Made by `make evidence-checks`. Constants were set on seeds from 2,000,000 on; this page was measured on seeds from
  {judging:,} on.
- "Trained" are real trainings with étude's engine on the tasks moons, rings, sincos and waves and the bundled sets wine
  and digits; the others are simulated curves.
- The treatments were tried on seeded runs. Among runs of which nothing is known fewer findings would be confirmed,
  which is why the stated probabilities are below the confirmed shares.
- What a seeded cause does to one training is left to chance: a rate that is too large for most draws is not so for all.
  A row's detections are a lower bound of what the check sees of the symptom.
- The checks of probes (`batch_mixing`, `evaluation_mode`, `one_batch`), of counted steps and rows (`clipping_always`,
  `unused_embedding_rows`) and of standard errors (`validation_too_small`) compare one number with one bound. Their rate
  is that of the measurement, and no simulation would say more.
"""


def measured(row: Row, seed: int, *, share: float) -> tuple[Rate, Rate]:
    """False alarms and detections of a row."""
    runs = max(12, round(row.runs * share))
    absent, present = rate(row.symptom, row.absent(seed, runs)), rate(row.symptom, row.present(seed + 1, runs))
    return absent, present


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every row; say it, and write the page unless this is for tuning or of some rows only."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="the tuning seeds; writes nothing")
    parser.add_argument("--only", default="", help="rows of this check; writes nothing")
    parser.add_argument("--share", type=float, default=1.0, help="of the runs of each row; below 1 writes nothing")
    asked = parser.parse_args(arguments)
    base, lines = TUNING if asked.tune else JUDGING, []
    for number, row in enumerate(ROWS):
        if asked.only not in row.symptom:
            continue
        start = time.perf_counter()
        absent, present = measured(row, base + 10 * number, share=asked.share)
        lines.append(f"| `{row.symptom}` | {row.without} | {absent} | {row.seeded} | {present} |")
        print(f"{row.symptom}: false alarms {absent}; detected {present}  [{time.perf_counter() - start:.1f} s]",
              flush=True)  # fmt: skip
    trials = []
    for number, trial in enumerate(TRIALS):
        if asked.only in trial.symptom:
            trials.append(trial_line(trial, base + 1000 + 10 * number, max(12, round(100 * asked.share))))
            print(trials[-1], flush=True)
    if not asked.tune and not asked.only and asked.share >= 1:
        PAGE.write_text(page(lines, trials, base), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
