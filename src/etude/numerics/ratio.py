"""A ratio of two paired means, with the interval that takes account of both."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from etude.values.errors import NotEnoughDataError


def paired_ratio(numerators: ArrayLike, denominators: ArrayLike, *, level: float = 0.95) -> tuple[float, float, float]:
    """The mean of `numerators` over that of `denominators`, both of shape (n,), n ≥ 2: estimate, low, high.

    Fieller's interval: all ratios r at which Student's t test finds no mean of numerators − r · denominators. Exact
    where the pairs are normal. Infinite where the denominators' mean is not surely of one sign.
    Source: Fieller (1954), Journal of the Royal Statistical Society B 16, 175–185.

    >>> estimate, low, high = paired_ratio([1.0, 1.1, 0.9], [2.0, 2.2, 1.8])
    >>> [round(float(one), 6) for one in (estimate, low, high)]
    [0.5, 0.5, 0.5]
    """
    above, below = (np.asarray(side, dtype=np.float64) for side in (numerators, denominators))
    n = above.size
    if n < 2 or above.shape != below.shape:
        raise NotEnoughDataError(f"{n} and {below.size} values; a ratio of paired means needs two pairs or more.")
    a, b = float(above.mean()), float(below.mean())
    spread = np.cov(above, below) / n * float(stats.t.ppf((1 + level) / 2, n - 1)) ** 2
    # the square of (a less r b) is at most t² times its variance: a parabola in r
    square, linear, constant = b * b - spread[1, 1], a * b - spread[0, 1], a * a - spread[0, 0]
    root = linear * linear - square * constant
    estimate = a / b if b else math.nan
    if square <= 0:
        return estimate, -math.inf, math.inf
    half = math.sqrt(max(float(root), 0.0))
    return estimate, float((linear - half) / square), float((linear + half) / square)
