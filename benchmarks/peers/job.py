"""A timed job, and what every peer is given of it: the same initial parameters, rows and orders. Numpy only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Losses = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Train loss, the mean over the batches of an epoch, and validation loss after it, each (replicates, epochs)."""
Goal = Literal["plain", "vmap", "best", "products"]
"""Whom the native engine is held against: the plain PyTorch loop, JAX's jit(vmap(scan)), the fastest JAX form, and
torch's matrix products of such a training with nothing between them."""
LEARNING_RATE = 1e-3


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of training, trained R times with other chance; Adam at `LEARNING_RATE`, no weight decay."""

    name: str
    title: str
    loss: Literal["bce", "cross_entropy"]
    tensors: tuple[tuple[int, ...], ...]
    """Shapes of weight, bias, weight, bias…, as torch orders them; a replicate's parameters are their flat vector."""
    products: tuple[int, ...]
    """Multiply-adds of each layer for one row, forward."""
    rows: int
    validation_rows: int
    batch_size: int
    epochs: int
    replicates: int
    check_epochs: int
    """Epochs over which every peer's losses are compared: long enough for a mistake, too short for rounding to grow."""
    goals: Mapping[Goal, float]
    aim: float | None
    """Beyond the goals: how many times as fast as the plain loop."""
    rows_of: "Callable[[int], Rows]"
    """The rows of a cohort of that many replicates."""


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """What is learned from: inputs (…, rows, *shape) and targets (…, rows, 1), or class numbers (…, rows).

    The first axis is the replicate where each has its own rows; it is absent where all share them.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32] | NDArray[np.int64]
    validation_inputs: NDArray[np.float32]
    validation_targets: NDArray[np.float32] | NDArray[np.int64]
    shared: bool


@dataclass(frozen=True, eq=False, slots=True)
class Cohort:
    """R replicates of a job, ready to train."""

    job: Job
    parameters: NDArray[np.float32]
    """Initial ones, shape (replicates, parameters)."""
    rows: Rows
    orders: NDArray[np.int32]
    """The order of the rows in each epoch, shape (replicates, epochs, rows); no epochs where a batch is all rows."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to train a cohort: (cohort, epochs) → losses; `native` takes threads= too."""

    name: str
    train: Callable[..., Losses]
    goal: Goal | None = None
    """Against which goal it stands; the vmap of JAX stands for the best form too."""
    alone: bool = False
    """Trains one replicate after the other in Python: timed on one, as each costs the same."""
    whole: bool = True
    """Trains; otherwise it computes a part of what a training does, and its losses say nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the parent knows of a peer."""

    name: str
    goal: Goal | None
    alone: bool
    whole: bool


def cohort(job: Job, replicates: int, epochs: int) -> Cohort:
    """The first `replicates` replicates of a job; each is the same however many there are."""
    parameters = np.empty((replicates, sum(map(prod, job.tensors))), np.float32)
    orders = np.empty((replicates, epochs if job.batch_size < job.rows else 0, job.rows), np.int32)
    for replicate in range(replicates):
        parameters[replicate] = _initial(job, chance("parameters", replicate))
        rng = chance("order", replicate)
        for epoch in range(orders.shape[1]):
            orders[replicate, epoch] = rng.permutation(job.rows)
    parameters.flags.writeable = False  # who trains in place must copy
    return Cohort(job, parameters, job.rows_of(replicates), orders)


def chance(purpose: Literal["parameters", "order", "rows"], replicate: int = 0) -> np.random.Generator:
    """A generator of random numbers of its own for each purpose and replicate.

    >>> chance("rows").integers(100) == chance("rows").integers(100)
    True
    """
    return np.random.default_rng([replicate, ("parameters", "order", "rows").index(purpose)])


def split_parameters(job: Job, flat: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The tensors of flat parameters (replicates, parameters), each (replicates, *shape); views."""
    ends = np.cumsum([prod(shape) for shape in job.tensors])
    parts = np.split(flat, ends[:-1], axis=1)
    return [part.reshape(-1, *shape) for part, shape in zip(parts, job.tensors, strict=True)]


def flops(job: Job) -> float:
    """Floating-point operations of one whole training, as every peer must do them; a multiply-add is two.

    A row that is trained on costs, in each layer: the forward product, as much for the gradient of the weights, and
    as much for the gradient of the inputs, which nobody needs in the first layer. A validation row costs the forward
    product. Left out, so that the share of peak is never flattered: biases, activations, the loss's exponential and
    logarithm, pooling, Adam.
    """
    forward = sum(job.products)
    trained = job.rows * (3 * forward - job.products[0])
    return 2.0 * job.epochs * (trained + job.validation_rows * forward)


def _initial(job: Job, rng: np.random.Generator) -> NDArray[np.float32]:
    """As torch initialises Linear and Conv2d: weight and bias uniform within ±1/√(inputs of a unit)."""
    bounds = [prod(weight[1:]) ** -0.5 for weight in job.tensors[::2] for _ in ("weight", "bias")]
    drawn = [rng.uniform(-b, b, prod(shape)) for b, shape in zip(bounds, job.tensors, strict=True)]
    return np.concatenate(drawn).astype(np.float32)
