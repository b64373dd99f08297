"""Fewer points, same picture: the lowest and the highest of each stretch of a curve are kept."""

import numpy as np
from numpy.typing import NDArray


def kept_points(values: NDArray[np.float64], points: int) -> NDArray[np.int64]:
    """Indices, in order, of about `points` values of each row that keep its first, last and every local extreme.

    values: shape (rows, n). Returns shape (rows, m) with m ≤ max(points, 4); all n where that is enough.
    The x of the values must be evenly spread for the picture to be the same; spikes survive, smooth parts thin out.

    >>> kept_points(np.array([[0.0, 1.0, 9.0, 1.0, 0.0, 0.0, -9.0, 0.0]]), 4).tolist()
    [[0, 2, 6, 7]]
    """
    rows, n = values.shape
    if n <= points:
        return np.tile(np.arange(n), (rows, 1))
    buckets = max(1, (points - 2) // 2)
    size = -(-(n - 2) // buckets)
    inner = np.full((rows, buckets * size), np.nan)
    inner[:, : n - 2] = values[:, 1:-1]
    stretches = inner.reshape(rows, buckets, size)
    finite = np.isfinite(stretches)
    lowest = np.where(finite, stretches, np.inf).argmin(axis=2)
    highest = np.where(finite, stretches, -np.inf).argmax(axis=2)
    offsets = 1 + size * np.arange(buckets)
    both = np.sort(np.stack([lowest + offsets, highest + offsets], axis=2), axis=2).reshape(rows, -1)
    ends = np.zeros((rows, 1), dtype=np.int64), np.full((rows, 1), n - 1)
    return np.concatenate([ends[0], np.minimum(both, n - 1), ends[1]], axis=1)
