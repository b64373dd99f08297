"""How much of a batch's mean gradient is signal, from the gradients of its examples."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etude.values.step_record import Noise

Floats = NDArray[np.float64]

FEWEST = 3
"""Examples below which the signal has no standard error: the jackknife leaves out one of them, and needs pairs."""


def noise_of(squares: ArrayLike, with_mean: ArrayLike) -> Noise:
    """Signal, noise and the noise scale of one batch, or why they are not to be known from it.

    squares:   |gᵢ|² of each example's gradient, shape (n,)
    with_mean: gᵢ·ḡ of each with the mean of all, shape (n,); their own mean is |ḡ|²

    E|ḡ|² = |G|² + tr(S)/n and E|gᵢ|² = |G|² + tr(S) for independent examples, so both parts are unbiased:
    |G|² = (n|ḡ|² − mean|gᵢ|²)/(n − 1), tr(S) = (mean|gᵢ|² − |ḡ|²) n/(n − 1). Their ratio is not: it is told only
    where |G|² is at least its standard error, and there the scale leans low: a batch whose |G|² comes out small by
    chance says nothing.
    Source: McCandlish et al. (2018), arXiv:1812.06162, appendix A, with batches of 1 and of n.

    >>> round(noise_of([1.0, 1.0, 4.0, 4.0], [1.5, 1.5, 3.0, 3.0]).signal, 3)  # of 1, 1, 2 and 2: (36 − 10) / 12
    2.167
    """
    q, c = (np.asarray(one, dtype=np.float64) for one in (squares, with_mean))
    n = q.size
    if n < 2:
        return Noise(math.nan, math.nan, n, None, None, "not estimable from this batch: one example has no spread")
    mean, whole = float(q.mean()), float(c.mean())
    signal, spread = (n * whole - mean) / (n - 1), (mean - whole) * n / (n - 1)
    because = _because(signal, signal_error(q, c), spread)
    if because:
        return Noise(signal, spread, n, None, None, f"not estimable from this batch: {because}")
    return Noise(signal, spread, n, signal * n / spread, spread / signal, "")


def signal_error(squares: ArrayLike, with_mean: ArrayLike) -> float:
    """Standard error of the estimate of |G|², by the jackknife; NaN of fewer than three examples.

    The estimate is the mean of gᵢ·gⱼ over pairs of different examples; it is made anew without each of them. The
    jackknife leans high for such means, so what it lets pass has earned it.
    Source: Efron and Stein (1981), doi:10.1214/aos/1176345462.

    >>> round(signal_error([1.0, 1.0, 4.0, 4.0], [1.5, 1.5, 3.0, 3.0]), 6)  # leaving out a 1: 8/3, or a 2: 5/3
    0.866025
    """
    q, c = (np.asarray(one, dtype=np.float64) for one in (squares, with_mean))
    n = q.size
    if n < FEWEST:
        return math.nan
    without = (n * n * c.mean() - 2 * n * c + q - (q.sum() - q)) / ((n - 1) * (n - 2))
    return float(np.sqrt((n - 1) * without.var()))


def _because(signal: float, error: float, spread: float) -> str:
    """Why a ratio with this signal would say nothing; "" where it would."""
    if not math.isfinite(signal + spread):
        return "a gradient is not finite"
    if math.isnan(error):
        return "two examples cannot tell how sure their signal is"
    if signal <= 0:
        return "what is left of the signal, when the noise is taken off, is not positive"
    if error > signal:
        return f"the signal {signal:.2g} is less than its standard error {error:.2g}"
    return "" if spread > 0 else "its examples have one gradient, and no noise"
