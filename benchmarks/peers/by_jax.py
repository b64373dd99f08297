"""JAX: each training one lax.scan, all replicates by vmap or lax.map, everything compiled; and the best form by hand.

Each job is trained over `(parameters, rows, orders)` of one replicate; `over_all` compiles that for a whole cohort.
"""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from peers.jax_losses import Parameters, cnn_loss, mlp_loss, patches, pool_by_halves, replicate_last_loss
from peers.job import LEARNING_RATE, Cohort, Losses, Peer, split_parameters

VERSION = jax.__version__
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""torch's defaults."""
CHUNK = 32
"""Replicates side by side in the replicate-last form of J1; the fastest of 8 to 256 on AVX2."""

Data = tuple[Array, ...]
"""Train inputs and targets, then validation inputs and targets."""
LossOf = Callable[[Parameters, Array, Array], Array]
Spread = Callable[[Callable[..., Data], tuple[object, ...]], Data]


def over_vmap(train: Callable[..., Data], arguments: tuple[object, ...]) -> Data:
    """All replicates in step, as one batched program."""
    return jax.vmap(train)(*arguments)


def over_map(train: Callable[..., Data], arguments: tuple[object, ...]) -> Data:
    """One replicate after the other, inside one compiled program."""
    return jax.lax.map(lambda one: train(*one), arguments)


def adam(state: tuple[Parameters, ...], gradients: Parameters, step: Array) -> tuple[Parameters, ...]:
    """Parameters and both moments after one step, the first being step 1. Source: Kingma & Ba, arXiv:1412.6980."""
    parameters, first, second = state
    first = [BETA_1 * m + (1 - BETA_1) * g for m, g in zip(first, gradients, strict=True)]
    second = [BETA_2 * v + (1 - BETA_2) * g * g for v, g in zip(second, gradients, strict=True)]
    rate, scale = LEARNING_RATE / (1 - BETA_1**step), 1 / (1 - BETA_2**step)
    moved = zip(parameters, first, second, strict=True)
    return [p - rate * m / (jnp.sqrt(v * scale) + EPSILON) for p, m, v in moved], first, second


def full_batch(loss: LossOf, parameters: Parameters, data: Data, *, epochs: int) -> Data:
    """Train and validation losses, each (epochs,), or (epochs, replicates) where `loss` has one for each."""
    x, y, validation_x, validation_y = data

    def total(now: Parameters) -> tuple[Array, Array]:
        losses = loss(now, x, y)
        return losses.sum(), losses

    def epoch(state: tuple[Parameters, ...], step: Array) -> tuple[tuple[Parameters, ...], Data]:
        (_, losses), gradients = jax.value_and_grad(total, has_aux=True)(state[0])
        state = adam(state, gradients, step)
        return state, (losses, loss(state[0], validation_x, validation_y))

    zeros = [jnp.zeros_like(p) for p in parameters]
    return jax.lax.scan(epoch, (parameters, zeros, zeros), jnp.arange(1.0, epochs + 1))[1]


def mini_batch(loss: LossOf, parameters: Parameters, data: Data, orders: Array, *, batch_size: int) -> Data:
    """Train and validation losses, each (epochs,), of batches taken in `orders`, (epochs, rows); the last may be short.

    A train loss is the mean over the batches of an epoch, each at the parameters that it met.
    """
    x, y, validation_x, validation_y = data
    n_rows = orders.shape[1]
    whole = n_rows - n_rows % batch_size

    def step(state: tuple, batch: Array) -> tuple[tuple, Array]:
        *moments, steps = state
        value, gradients = jax.value_and_grad(loss)(moments[0], x[batch], y[batch])
        return (*adam(tuple(moments), gradients, steps + 1), steps + 1), value

    def epoch(state: tuple, order: Array) -> tuple[tuple, Data]:
        state, losses = jax.lax.scan(step, state, order[:whole].reshape(-1, batch_size))
        if whole < n_rows:
            state, last = step(state, order[whole:])
            losses = jnp.append(losses, last)
        return state, (losses.mean(), loss(state[0], validation_x, validation_y))

    zeros = [jnp.zeros_like(p) for p in parameters]
    return jax.lax.scan(epoch, (parameters, zeros, zeros, jnp.float32(0)), orders)[1]


def j1(spread: Spread) -> Callable[[Cohort, int], Losses]:
    """J1 with its replicates spread in that way."""

    @partial(jax.jit, static_argnames="epochs")
    def compiled(parameters: Parameters, data: Data, *, epochs: int) -> Data:
        return spread(partial(full_batch, mlp_loss, epochs=epochs), (parameters, data))

    def train(cohort: Cohort, epochs: int) -> Losses:
        return _losses(compiled(split_parameters(cohort.job, cohort.parameters), _data(cohort), epochs=epochs))

    return train


def j1_replicate_last(cohort: Cohort, epochs: int) -> Losses:
    """J1 in chunks of replicates that are the SIMD lanes."""
    replicates = len(cohort.parameters)
    chunk = min(CHUNK, replicates)

    def chunks(array: np.ndarray) -> np.ndarray:
        padded = np.resize(array, (-(-replicates // chunk) * chunk, *array.shape[1:]))
        return np.moveaxis(padded.reshape(-1, chunk, *array.shape[1:]), 1, -1)

    parameters = [chunks(part) for part in split_parameters(cohort.job, cohort.parameters)]
    losses = _losses(_replicate_last(parameters, tuple(map(chunks, _data(cohort))), epochs=epochs))
    train, validation = (np.moveaxis(one, 1, -1).reshape(-1, epochs)[:replicates] for one in losses)
    return train, validation


def mini_batches(spread: Spread, loss: LossOf) -> Callable[..., Data]:
    """Parameters and orders of each replicate, and data that all share, to the losses of all; compiled."""

    @partial(jax.jit, static_argnames="batch_size")
    def compiled(parameters: Parameters, data: Data, orders: Array, *, batch_size: int) -> Data:
        def one(own: Parameters, order: Array) -> Data:
            return mini_batch(loss, own, data, order, batch_size=batch_size)

        return spread(one, (parameters, orders))

    return compiled


def j2(spread: Spread) -> Callable[[Cohort, int], Losses]:
    """J2 with its replicates spread in that way."""
    compiled = mini_batches(spread, mlp_loss)

    def train(cohort: Cohort, _: int) -> Losses:
        parameters = split_parameters(cohort.job, cohort.parameters)
        return _losses(compiled(parameters, _data(cohort), cohort.orders, batch_size=cohort.job.batch_size))

    return train


def j3(spread: Spread, loss: LossOf = cnn_loss) -> Callable[[Cohort, int], Losses]:
    """J3 with its replicates spread in that way; kernels become (9 × channels in, channels out), channels last."""
    compiled = mini_batches(spread, loss)

    def train(cohort: Cohort, _: int) -> Losses:
        parts = split_parameters(cohort.job, cohort.parameters)
        kernels = [part.transpose(0, 3, 4, 2, 1).reshape(len(part), -1, part.shape[1]) for part in parts[:3:2]]
        parameters = [kernels[0], parts[1], kernels[1], *parts[3:]]
        x, y, validation_x, validation_y = _data(cohort)
        data = (_first_patches(x), y, _first_patches(validation_x), validation_y)
        return _losses(compiled(parameters, data, cohort.orders, batch_size=cohort.job.batch_size))

    return train


BY_HALVES = partial(cnn_loss, pool=pool_by_halves)
MLP = (
    Peer("JAX vmap of scan", j2(over_vmap), goal="vmap"),
    Peer("JAX map of scan", j2(over_map), goal="best"),
)
PEERS: Mapping[str, tuple[Peer, ...]] = {
    "J1": (
        Peer("JAX vmap of scan", j1(over_vmap), goal="vmap"),
        Peer("JAX map of scan", j1(over_map), goal="best"),
        Peer(f"JAX replicate-last, chunks of {CHUNK}", j1_replicate_last, goal="best"),
    ),
    **dict.fromkeys(("J2", "W128", "W256"), MLP),
    "J3": (
        Peer("JAX vmap of scan", j3(over_vmap), goal="vmap"),
        Peer("JAX map of scan", j3(over_map), goal="best"),
        Peer("JAX map of scan, pool by halves", j3(over_map, BY_HALVES), goal="best"),
    ),
}


@partial(jax.jit, static_argnames="epochs")
def _replicate_last(parameters: Parameters, data: Data, *, epochs: int) -> Data:
    return over_map(partial(full_batch, replicate_last_loss, epochs=epochs), (parameters, data))


def _first_patches(images: np.ndarray) -> Array:
    return patches(jnp.asarray(images.transpose(0, 2, 3, 1)))


def _data(cohort: Cohort) -> tuple[np.ndarray, ...]:
    rows = cohort.rows
    return rows.inputs, rows.targets, rows.validation_inputs, rows.validation_targets


def _losses(computed: Data) -> Losses:
    train, validation = map(np.asarray, computed)  # waits for the device
    return train, validation
