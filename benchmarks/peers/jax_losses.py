"""The networks of the jobs and their losses, as a JAX user writes them; parameters are weight, bias, weight, bias…"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

Parameters = list[Array]


def bce(logits: Array, targets: Array) -> Array:
    """Binary cross entropy of raw outputs, in nats, mean over the rows (the first axis)."""
    losses = jnp.maximum(logits, 0) - logits * targets + jnp.log1p(jnp.exp(-jnp.abs(logits)))
    return losses.mean(0)


def mlp_loss(parameters: Parameters, x: Array, y: Array) -> Array:
    """Of an MLP with ReLU between its layers and one output, for rows (rows, inputs); a scalar."""
    *hidden, (weight, bias) = zip(parameters[::2], parameters[1::2], strict=True)
    for w, b in hidden:
        x = jax.nn.relu(x @ w.T + b)
    return bce(x @ weight.T + bias, y)[0]


def replicate_last_loss(parameters: Parameters, x: Array, y: Array) -> Array:
    """Of J1 for many replicates side by side in the last axis of everything, written out so that XLA fuses it all."""
    weight, bias, out, out_bias = parameters
    logits = out_bias[0]
    for unit in range(weight.shape[0]):
        sums = bias[unit]
        for i in range(weight.shape[1]):
            sums = sums + x[:, i] * weight[unit, i]
        logits = logits + jax.nn.relu(sums) * out[0, unit]
    return bce(logits, y[:, 0])


def patches(images: Array) -> Array:
    """The 3 × 3 neighbourhood of each pixel (im2col): (rows, H, W, C) → (rows, H, W, 9 C), zeros outside."""
    _, height, width, _ = images.shape
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifts = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return jnp.concatenate(shifts, axis=-1)


def pool(images: Array) -> Array:
    """Maxima of 2 × 2 squares, as one reduction."""
    rows, height, width, channels = images.shape
    return images.reshape(rows, height // 2, 2, width // 2, 2, channels).max((2, 4))


def pool_by_halves(images: Array) -> Array:
    """The same maxima, pair by pair: XLA's gradient of a pair is cheaper than that of a reduction."""
    rows, height, width, channels = images.shape
    squares = images.reshape(rows, height // 2, 2, width // 2, 2, channels)
    pairs = jnp.maximum(squares[:, :, 0], squares[:, :, 1])
    return jnp.maximum(pairs[:, :, :, 0], pairs[:, :, :, 1])


def cnn_loss(parameters: Parameters, x: Array, y: Array, *, pool: Callable[[Array], Array] = pool) -> Array:
    """Cross entropy of the CNN of J3; x holds the first layer's patches, (rows, 8, 8, 9).

    Convolutions are products of patches: XLA's own convolution is ten times slower inside a scan on a CPU.
    """
    first, first_bias, second, second_bias, weight, bias = parameters
    x = pool(jax.nn.relu(x @ first + first_bias))
    x = pool(jax.nn.relu(patches(x) @ second + second_bias))
    flat = x.transpose(0, 3, 1, 2).reshape(len(x), -1)  # channels first, as torch flattens
    logits = jax.nn.log_softmax(flat @ weight.T + bias)
    return -jnp.take_along_axis(logits, y[:, None], 1).mean()
