"""Steps of a small network, taken with numpy alone: what the pictures and faces of a step are tested on.

Two inputs, four and three rectified units, one logit; binary cross-entropy; AdamW with clipping, or what is asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, product

import numpy as np

from etude.numerics.step_regime import regime
from etude.values.step_record import (
    Boundary,
    Coordinate,
    Curvature,
    Factor,
    Hop,
    LayerSeen,
    LossLine,
    LossSurface,
    NetworkSeen,
    Noise,
    Part,
    Path,
    Pull,
    Pulls,
    Route,
    StepRecord,
    TensorStep,
    UnitLine,
    Worked,
)

RATE, BETA1, BETA2, EPS, DECAY, CLIP = 0.05, 0.9, 0.999, 1e-8, 0.1, 0.1
SIZES = (2, 4, 3, 1)
ROWS = 24
HOSTILE = "<script>alert(1)</script>"

X = np.random.default_rng(1).normal(size=(ROWS, 2)).round(3)
Y = (np.sin(2 * X[:, 0]) > X[:, 1]).astype(float)
FLIPPED = np.arange(ROWS) == 5
LABELS = np.where(FLIPPED, 1 - Y, Y)


@dataclass
class Taken:
    """Where Adam stands: the weights and biases, and both of its memories."""

    weights: dict
    first: dict
    second: dict
    count: int = 0


def begun() -> Taken:
    """A network before its first step."""
    rng = np.random.default_rng(3)
    weights = {}
    for i, (before, after) in enumerate(pairwise(SIZES)):
        weights[f"{2 * i}.weight"] = rng.normal(size=(after, before)) / np.sqrt(before / 2)
        weights[f"{2 * i}.bias"] = np.full(after, 0.1) if i else np.array([0.1, 0.1, 0.1, -9.0])  # unit 3 is dead
    zeros = {name: np.zeros_like(value) for name, value in weights.items()}
    return Taken(weights, dict(zeros), dict(zeros))


def forward(weights: dict, x: np.ndarray) -> list[np.ndarray]:
    """What each layer says, inputs first: (examples, units)."""
    said = [x]
    for i in (0, 2, 4):
        said.append(said[-1] @ weights[f"{i}.weight"].T + weights[f"{i}.bias"])
        if i < 4:
            said.append(np.maximum(said[-1], 0))
    return said


def losses(weights: dict, x: np.ndarray = X, y: np.ndarray = LABELS) -> np.ndarray:
    """Cross-entropy of each example, in nats."""
    logit = forward(weights, x)[-1][:, 0]
    return np.logaddexp(0, logit) - y * logit


def backward(weights: dict, x: np.ndarray, y: np.ndarray) -> tuple[dict, list[np.ndarray]]:
    """The gradient of the mean loss by the weights, and by what each layer says."""
    said = forward(weights, x)
    error = (1 / (1 + np.exp(-said[-1])) - y[:, None]) / len(x)
    errors, gradient = [error], {}
    for i in (4, 2, 0):
        gradient[f"{i}.weight"], gradient[f"{i}.bias"] = error.T @ said[i], error.sum(0)
        error = error @ weights[f"{i}.weight"]
        errors.insert(0, error)
        if i:
            error = error * (said[i - 1] > 0)
            errors.insert(0, error)
    return {name: gradient[name] for name in weights}, errors


def flat(of: dict) -> np.ndarray:
    """All numbers in one vector."""
    return np.concatenate([value.ravel() for value in of.values()])


def moved(weights: dict, by: dict, times: float = 1.0) -> dict:
    """Weights further on."""
    return {name: value + times * by[name] for name, value in weights.items()}


def taken(at: Taken) -> tuple[Taken, StepRecord]:
    """One step, and all that is told of it."""
    gradient, errors = backward(at.weights, X, LABELS)
    norm = float(np.linalg.norm(flat(gradient)))
    clip = min(1.0, CLIP / norm)
    count = at.count + 1
    one, two = 1 - BETA1**count, 1 - BETA2**count
    tensors, step, first, second, factors = [], {}, {}, {}, {}
    for name, g in gradient.items():
        first[name] = BETA1 * at.first[name] + (1 - BETA1) * clip * g
        second[name] = BETA2 * at.second[name] + (1 - BETA2) * (clip * g) ** 2
        scale = 1 / (np.sqrt(second[name] / two) + EPS)
        parts = {
            "data gradient": -RATE * scale * (1 - BETA1) * g,
            "clipping": -RATE * scale * (1 - BETA1) * (clip - 1) * g,
            "momentum memory": -RATE * scale * BETA1 * at.first[name],
        }
        parts["bias correction"] = sum(parts.values()) * (1 / one - 1)
        parts["decoupled decay"] = -RATE * DECAY * at.weights[name]
        step[name] = sum(parts.values())
        factors[name] = {
            "learning rate": RATE, "1/(√v̂+ε)": scale, "bias correction of m": 1 / one,
            "bias correction of v": 1 / two, "clipping": clip,
        }  # fmt: skip
        tensors.append(_tensor(name, at.weights[name], g, step[name], (parts, factors[name])))
    after = Taken(moved(at.weights, step), first, second, count)
    length = float(np.linalg.norm(flat(step)))
    record = StepRecord(
        step=count,
        optimizer="AdamW",
        rate=RATE,
        settings={"betas": f"({BETA1}, {BETA2})", "eps": EPS, "weight_decay": DECAY, "clip_norm": CLIP},
        examples=ROWS,
        precision="float64",
        loss=float(losses(at.weights).mean()),
        penalty=0.0,
        gradient_norm=norm,
        step_norm=length,
        layers=_layers(at.weights, gradient, errors),
        tensors=tuple(tensors),
        strongest=_strongest(tensors, factors),
        worked=_worked(at.weights, gradient, step),
        path=_path(at.weights, *_asked(at.weights)),
        pulls=_pulls(at.weights, step),
        noise=_noise(at.weights),
        curvature=Curvature((2.1, 0.4, 0.05), (1e-9, 1e-7, 1e-4), 18.0, 760.0, "(2 + 2 β₁)/((1 − β₁) η)", 20),
        line=_line(at.weights, gradient, step),
        boundary=_boundary(at.weights),
        network=_network(at.weights, _asked(at.weights)[0]),
        notes=("a functional relu could not be seen",),
        provenance={"torch": "none: numpy alone"},
    )
    return after, record


def taken_steps(n: int) -> tuple[StepRecord, ...]:
    """The first so many steps; the last has a surface with the way that all of them took."""
    at, records, way = begun(), [], []
    for _ in range(n):
        way.append(flat(at.weights))
        at, record = taken(at)
        records.append(record)
    way.append(flat(at.weights))
    records[-1] = replace(records[-1], surface=_surface(at.weights, np.array(way)))
    return tuple(records)


def _tensor(name, weights, gradient, step, made) -> TensorStep:
    parts, factors = made
    whole = float((step * step).sum())
    signs = np.abs(np.abs(step) / RATE - 1) < 0.1
    return TensorStep(
        name=name,
        shape=weights.shape,
        parts=tuple(Part(n, float(np.linalg.norm(p)), float((p * step).sum()) / whole, p) for n, p in parts.items()),
        factors=tuple(
            Factor(n, *(float(q) for q in np.quantile(f, (0, 0.5, 1))), f if np.ndim(f) else None)
            for n, f in factors.items()
        ),
        weight_norm=float(np.linalg.norm(weights)),
        gradient_norm=float(np.linalg.norm(gradient)),
        step_norm=float(np.linalg.norm(step)),
        ratio=float(np.linalg.norm(step) / np.linalg.norm(weights)),
        rate=float(np.linalg.norm(step) / np.linalg.norm(gradient)) if gradient.any() else float("nan"),
        signs=float(signs[step != 0].mean()),
        gap=0.0,
        weights=weights,
        gradient=gradient,
        step=step,
    )


def _strongest(tensors, factors) -> tuple[Coordinate, ...]:
    found = [
        Coordinate(
            tensor.name,
            index,
            float(tensor.weights[index]),
            float(tensor.gradient[index]),
            float(step),
            {part.name: float(part.values[index]) for part in tensor.parts},
            {n: float(f[index]) if np.ndim(f) else float(f) for n, f in factors[tensor.name].items()},
        )
        for tensor in tensors
        for index, step in np.ndenumerate(tensor.step)
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.step))[:6])


def _layers(weights, gradient, errors) -> tuple[LayerSeen, ...]:
    said = forward(weights, X)
    whole = float((flat(gradient) ** 2).sum())
    layers = []
    for i, kind in enumerate(("Linear", "ReLU", "Linear", "ReLU", "Linear")):
        out, error = said[i + 1], float(np.linalg.norm(errors[i + 1]))
        own = kind == "Linear" and float(
            np.linalg.norm(np.append(gradient[f"{i}.weight"].ravel(), gradient[f"{i}.bias"]))
        )
        dead = int((out == 0).all(0).sum()) if kind == "ReLU" else None
        layers.append(
            LayerSeen(
                str(i),
                kind,
                out.shape,
                float(out.mean()),
                float(out.std()),
                float((out == 0).mean()),
                None,
                out.shape[1],
                dead,
                dead,
                error,
                float(np.linalg.norm(errors[i])) / error,
                own or None,
                own**2 / whole if own else None,
            )
        )
    return tuple(layers)


def _worked(weights, gradient, step) -> Worked:
    def slope(times: float) -> float:
        by, _ = backward(moved(weights, step, times), X, LABELS)
        return float(flat(by) @ flat(step))

    first, curved = float(flat(gradient) @ flat(step)), (slope(1e-5) - slope(-1e-5)) / 2e-5
    before, after = forward(weights, X), forward(moved(weights, step), X)
    crossed = sum(int(((before[i] > 0) != (after[i] > 0)).sum()) for i in (1, 3))
    change = float(losses(moved(weights, step)).mean() - losses(weights).mean())
    limited = regime(change, first, first + curved / 2, kinks=crossed)
    start = float(losses(weights).mean())
    return Worked(
        start, start + change, first, first + curved / 2, curved, curved / abs(first), crossed, ROWS * 7, limited
    )


def _asked(weights) -> tuple[int, tuple[str, tuple[int, ...]]]:
    """The worst example, and the weight of the first layer that it pulls most."""
    worst = int(losses(weights).argmax())
    pull = backward(weights, X[worst : worst + 1], LABELS[worst : worst + 1])[0]["0.weight"]
    unit, inlet = np.unravel_index(np.abs(pull).argmax(), pull.shape)
    return worst, ("0.weight", (int(unit), int(inlet)))


def _path(weights, example, weight) -> Path:
    _, (unit, inlet) = weight
    x = X[example : example + 1]
    said = [layer[0] for layer in forward(weights, x)]
    target = float(1 / (1 + np.exp(-said[-1][0])) - LABELS[example])
    routes = []
    for k in range(SIZES[2]):
        links = (
            ("0", unit, said[0][inlet]), ("1", unit, float(said[1][unit] > 0)),
            ("2", k, weights["2.weight"][k, unit]), ("3", k, float(said[3][k] > 0)),
            ("4", 0, weights["4.weight"][0, k]),
        )  # fmt: skip
        hops = tuple(Hop(layer, (at,), float(by), float(said[1 + i][at])) for i, (layer, at, by) in enumerate(links))
        routes.append(Route(hops, float(np.prod([hop.derivative for hop in hops]))))
    routes.sort(key=lambda route: -abs(route.product))
    total = sum(route.product for route in routes)
    kept, left = tuple(routes[:2]), routes[2:]
    return Path(
        example, (0,), weight, target, kept, len(left), sum(route.product for route in left), total, total,
        total * (1 + 1e-9), 1e-9, (),
    )  # fmt: skip


def _pulls(weights, step) -> Pulls:
    own = [flat(backward(weights, X[i : i + 1], LABELS[i : i + 1])[0]) for i in range(ROWS)]
    d = flat(step)
    pulls = np.array([g @ d for g in own])
    each = losses(weights)

    def told(i: int) -> Pull:
        cosine = -float(pulls[i]) / float(np.linalg.norm(own[i]) * np.linalg.norm(d))
        return Pull(i, float(each[i]), float(pulls[i]), cosine, f"class {LABELS[i]:.0f}", bool(FLIPPED[i]))

    order = np.argsort(pulls).tolist()
    helped = tuple(told(i) for i in order[:5] if pulls[i] < 0)
    hurt = tuple(told(i) for i in order[::-1][:5] if pulls[i] > 0)
    return Pulls(pulls, helped, hurt, float((pulls < 0).mean()))


def _noise(weights) -> Noise:
    own = np.array([flat(backward(weights, X[i : i + 1], LABELS[i : i + 1])[0]) for i in range(ROWS)])
    spread = float(own.var(axis=0, ddof=1).sum())
    signal = float((own.mean(0) ** 2).sum()) - spread / ROWS
    return Noise(signal, spread, ROWS, signal * ROWS / spread, spread / signal, "")


def _line(weights, gradient, step) -> LossLine:
    at = np.linspace(-0.5, 2.5, 25)
    g = flat(gradient)
    down = {name: -value * np.linalg.norm(flat(step)) / np.linalg.norm(g) for name, value in gradient.items()}
    worked = _worked(weights, gradient, step)
    along, opposite = (np.array([losses(moved(weights, by, t)).mean() for t in at.tolist()]) for by in (step, down))
    return LossLine(at, along, opposite, worked.before + at * worked.first + at**2 * worked.curvature / 2)


def _grid(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    across, up = np.linspace(-2.5, 2.5, n), np.linspace(-2.5, 2.5, n)
    return across, up, np.array([(x, y) for y, x in product(up, across)])


def _boundary(weights) -> Boundary:
    across, up, points = _grid(31)
    p = 1 / (1 + np.exp(-forward(weights, points)[-1][:, 0])).reshape(31, 31)
    bayes = np.where(np.sin(2 * points[:, 0]) > points[:, 1], 0.95, 0.05).reshape(31, 31)
    return Boundary(across, up, p, bayes, tuple(_unit_lines(weights)), X, LABELS)


def _unit_lines(weights) -> Iterator[UnitLine]:
    alive = (forward(weights, X)[1] > 0).any(0)
    for i, ((a, b), c) in enumerate(zip(weights["0.weight"], weights["0.bias"], strict=True)):
        yield UnitLine(i, float(a), float(b), float(c), bool(alive[i]))


def _network(weights, example) -> NetworkSeen:
    x, y = X[example : example + 1], LABELS[example : example + 1]
    gradient, errors = backward(weights, x, y)
    said = forward(weights, x)
    kept = (0, 2, 4, 5)
    linear = ("0.weight", "2.weight", "4.weight")
    return NetworkSeen(
        example,
        tuple(said[i][0] for i in kept),
        tuple(errors[i][0] for i in kept),
        tuple(weights[name] for name in linear),
        tuple(gradient[name] for name in linear),
        ("inputs", "1", "3", "4"),
    )


def _surface(weights, way) -> LossSurface:
    centre = way[-1]
    one = way[0] - centre
    one = one / np.linalg.norm(one)
    other = np.random.default_rng(0).normal(size=centre.size)
    other = other - (other @ one) * one
    other = other / np.linalg.norm(other)
    across, up = np.linspace(-1, 1.5, 21), np.linspace(-1, 1, 21)
    shapes = [(name, value.shape, value.size) for name, value in weights.items()]

    def at(x: float, y: float) -> float:
        point, place, given = centre + x * one + y * other, 0, {}
        for name, shape, size in shapes:
            given[name], place = point[place : place + size].reshape(shape), place + size
        return float(losses(given).mean())

    found = np.array([[at(x, y) for x in across] for y in up])
    trajectory = np.array([((p - centre) @ one, (p - centre) @ other) for p in way])
    steps = tuple(range(len(way)))
    return LossSurface(across, up, found, trajectory, steps, "the way from the first step, and a random direction")
