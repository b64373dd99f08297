"""Trains every layer, loss and optimiser of one build of the core, on two threads; for a sanitizer to watch.

Called with the path of the build. Imports no torch, so that what a sanitizer sees is the core. Prints the last training
objective of each training.
"""

import itertools
import sys
import threading
from pathlib import Path

import numpy as np

from etude.engine.native.library import ACTIVATIONS, KINDS, Layer, loaded
from etude.engine.native.training import CoreJob, Rows, Stop, Training
from etude.values.optimizer import Adam, AdamW, EarlyStopping, Rmsprop, Sgd

ROWS, EPOCHS = 37, 3
"""Not a multiple of any number of lanes."""

OPTIMIZERS = (
    Sgd(momentum=0.9, nesterov=True, coupled_weight_decay=0.1),
    Rmsprop(momentum=0.5),
    Adam(coupled_weight_decay=0.1),
    AdamW(),
)
LOSSES = (
    ("bce", 1),
    ("squared probability", 1),
    ("mse", 1),
    ("l1", 1),
    ("huber", 1),
    ("cross_entropy", 3),
    ("squared probabilities", 3),
)


def layer(name: str, **fields: object) -> Layer:
    """One layer, whose pairs are (1, 1) or (0, 0) where nothing else is said."""
    pairs = {"step": (1, 1)} if "kernel" in fields else {}
    return Layer(kind=KINDS[name], **(pairs | fields))


def dropout(position: int) -> Layer:
    return layer("dropout", position=position, scale=2.0, key=77, threshold=2**52)


def perceptron(activation: str, hidden: tuple[int, ...], outputs: int) -> tuple[list[Layer], tuple[int, int, int], int]:
    """Layers, the form of an example, and the parameters; a layer norm and dropout after each hidden layer."""
    sizes, layers, n = (9, *hidden, outputs), [], 0
    for i, (inputs, units) in enumerate(itertools.pairwise(sizes)):
        layers.append(layer("linear", units=units, has_bias=1))
        n += units * (inputs + 1)
        if i < len(hidden):
            layers += [layer("layer_norm", epsilon=1e-5), layer(activation, slope=0.01), dropout(i)]
            n += 2 * units
    return layers, (9, 1, 1), n


def image_networks(outputs: int) -> list[tuple[list[Layer], tuple[int, int, int], int]]:
    """Uneven kernels, strides and paddings; overlapping windows; batch norm; what is in place and what is not."""
    norm = {"epsilon": 1e-5, "momentum": 0.1}
    first = [  # 2 x 7 x 6 → 5 x 4 x 7 → 5 x 4 x 7 → 5 x 2 x 3
        layer("convolution", units=5, kernel=(2, 4), step=(2, 1), padding=(1, 2), has_bias=1),
        layer("batch_norm", **norm),
        layer("relu"),
        layer("max_pool", kernel=(3, 3), step=(2, 2), padding=(1, 0)),
        layer("gelu"),
        dropout(0),
        layer("convolution", units=7, kernel=(1, 1), step=(3, 2), padding=(0, 0), has_bias=0),  # → 7 x 1 x 2
        layer("leaky_relu", slope=0.1),
        layer("linear", units=outputs, has_bias=1),
    ]
    second = [  # a pool first; 2 x 7 x 6 → 2 x 4 x 3 → 6 x 2 x 2
        layer("average_pool", kernel=(2, 3), step=(2, 2), padding=(1, 1), counts_padding=1),
        layer("convolution", units=6, kernel=(3, 2), step=(1, 1), padding=(0, 0), has_bias=1),
        layer("relu"),
        layer("convolution", units=3, kernel=(2, 2), step=(2, 3), padding=(2, 1), has_bias=1),  # → 3 x 3 x 1
        layer("tanh"),
        layer("average_pool", kernel=(2, 1), step=(1, 1), padding=(1, 0), counts_padding=0),  # → 3 x 4 x 1
        layer("linear", units=20, has_bias=0),
        layer("batch_norm", **norm),
        layer("sigmoid"),
        layer("linear", units=outputs, has_bias=1),
    ]
    in_first = 5 * (2 * 8 + 1) + 2 * 5 + 7 * 5 + outputs * (14 + 1)
    in_second = 6 * (2 * 6 + 1) + 3 * (6 * 4 + 1) + 20 * 12 + 2 * 20 + outputs * (20 + 1)
    return [(first, (2, 7, 6), in_first), (second, (2, 7, 6), in_second)]


def start(n: int, layers: list[Layer], form: tuple[int, int, int]) -> np.ndarray:
    """Parameters, and from the next multiple of 8 on running statistics: means of 0, variances of 1."""
    chance = np.random.default_rng(n)
    channels, running = form[0], []
    for one in layers:
        channels = one.units or channels
        if one.kind == KINDS["batch_norm"]:
            running += [0.0] * channels + [1.0] * channels
    parameters = chance.uniform(-0.5, 0.5, n)
    return np.concatenate([parameters, np.zeros(-n % 8), running]).astype(np.float32)


def rows(form: tuple[int, int, int], outputs: int, n: int) -> Rows:
    chance = np.random.default_rng(n)
    inputs = chance.normal(size=(n, int(np.prod(form)))).astype(np.float32)
    return Rows(inputs, chance.integers(0, max(2, outputs), n).astype(np.float32))


def cases() -> list[tuple[CoreJob, np.ndarray]]:
    """Every network with the optimisers and losses in turn, in full batches and in small ones."""
    made = []
    turns = itertools.cycle(itertools.product(OPTIMIZERS, LOSSES))
    batches = itertools.cycle((ROWS, 8, 16, 5))
    for i in range(28):
        optimizer, (loss, outputs) = next(turns)
        hidden = ((), (1,), (33, 7), (5, 64, 3))[i % 4]
        networks = [perceptron(ACTIVATIONS[i % 5], hidden, outputs), *image_networks(outputs)]
        for layers, form, n in networks:
            aimed = i % 2 and loss not in ("mse", "l1", "huber")
            job = CoreJob(
                form, outputs, layers, loss, optimizer, next(batches),
                clip_norm=0.5 if i % 2 else None, early_stopping=EarlyStopping(patience=2) if i % 3 else None,
                smoothing=0.1 if aimed else 0.0, class_weights=(0.5, 1.0, 3.0)[: max(2, outputs)] if aimed else (),
            )  # fmt: skip
            made.append((job, start(n, layers, form)))
    return made


def train(core: object, job: CoreJob, state: np.ndarray) -> float:
    """Train, take outputs in every way, go back to what is kept; the last training objective."""
    parts = {name: rows(job.form, job.outputs, n) for name, n in (("train", ROWS), ("validation", 13), ("test", 21))}
    order = np.stack([np.random.default_rng(e).permutation(ROWS) for e in range(EPOCHS)]).astype(np.int32)
    steps = -(-ROWS // job.batch)
    with Training(core, job, parts, state, stop=Stop()) as training:
        losses, _ = training.advance(
            EPOCHS,
            order=None if job.batch == ROWS else order,
            rates=np.linspace(1e-3, 1e-4, EPOCHS * steps),
            every=2,
        )
        training.outputs_of_all()
        training.outputs(parts["test"].inputs)
        training.restore()
        training.state()
        return float(losses[0, -1])


def main() -> None:
    """Both threads train everything, one from the front and one from the back; they must agree."""
    core, found = loaded(Path(sys.argv[1]).resolve()), [[], []]
    jobs = cases()
    orders = (jobs, jobs[::-1])
    threads = [
        threading.Thread(target=lambda i=i: found[i].extend(train(core, *case) for case in orders[i])) for i in (0, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if found[0] != found[1][::-1] or len(found[0]) != len(jobs):
        sys.exit("two threads do not agree")
    sys.stdout.write("".join(f"{value:.7g}\n" for value in found[0]))


if __name__ == "__main__":
    main()
