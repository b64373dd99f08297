"""A synthetic task: how its rows are drawn, and the truth behind them.

scipy.special is imported where it is used: it takes as long to load as everything else that `import etude` loads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Draw = Callable[[Floats, float], tuple[Floats, Floats]]
Truth = Callable[[Floats, float], Floats]

BLOCK = 4096
"""Rows of a posterior computed at once, so that its memory stays small."""


@dataclass(frozen=True, slots=True)
class Source:
    """One task. Everything random comes in as uniform numbers, so rows can be drawn, nested, or integrated over.

    says:        the pattern in one line, for people
    version:     raised when the same seed would give other rows, so that stored results are not reused
    pattern:     how many features the pattern uses; the first ones
    spread:      standard deviation of the other features, the normal distractors
    from_inputs, from_noise: how many uniform numbers a row needs of the streams "inputs" and "noise"
    noise:       the standard deviation of the task's own noise unless the user gives one; None: it has none
    least_noise: the smallest noise at which `truth` is exact
    draw:        uniforms of shape (rows, from_inputs + from_noise) and noise → inputs of shape (rows, pattern), and
                 labels before flips or numbers, shape (rows,)
    truth:       inputs of shape (rows, pattern) and noise → P(y = 1 | x) before flips, or E[y | x], shape (rows,)
    """

    name: str
    says: str
    kind: Literal["binary", "regression"]
    draw: Draw
    truth: Truth
    version: int = 1
    pattern: int = 2
    spread: float = 1.0
    from_inputs: int = 2
    from_noise: int = 0
    noise: float | None = None
    least_noise: float = 0.0


def normal(uniform: Floats) -> Floats:
    """Standard normal numbers by the inverse distribution function.

    >>> normal(np.array([0.5])).tolist()
    [0.0]
    """
    from scipy.special import ndtri

    return np.asarray(ndtri(np.maximum(uniform, 2.0**-54)))  # a uniform number may be exactly 0


def region_draw(spread: float, truth: Truth) -> Draw:
    """The draw of a task with normal inputs whose label is certain once the input is known."""

    def draw(uniforms: Floats, noise: float) -> tuple[Floats, Floats]:
        inputs = spread * normal(uniforms)
        return inputs, truth(inputs, noise)

    return draw


Arc = Callable[[Floats, float], Floats]
"""Positions from 0 to 1 along the arc of a class, shape (n,), and the class → points, shape (n, 2)."""


def arc_posterior(inputs: Floats, arc: Arc, *, length: float, noise: float) -> Floats:
    """P(class 1 | x) where each class is an arc, equally likely, blurred by normal noise.

    inputs: shape (rows, 2)
    length: of the longer arc

    The density of a class is the mean over its arc of a normal density, by Gauss-Legendre quadrature with two nodes
    for each standard deviation of noise and 24 more, which is exact to about 1e-9.

    >>> points = lambda position, label: np.stack([position, 0 * position + label], axis=1)
    >>> arc_posterior(np.array([[0.3, 0.5]]), points, length=1.0, noise=0.3).round(9).tolist()
    [0.5]
    """
    from scipy.special import expit

    positions, weights = _nodes(int(np.ceil(2 * length / noise)) + 24)
    zero, one = arc(positions, 0.0), arc(positions, 1.0)
    blocks = (inputs[start : start + BLOCK] for start in range(0, len(inputs), BLOCK))
    odds = [_log_density(b, one, weights, noise) - _log_density(b, zero, weights, noise) for b in blocks]
    return np.asarray(expit(np.concatenate(odds)))


def _log_density(inputs: Floats, points: Floats, weights: Floats, noise: float) -> Floats:
    """Log of the weighted mean of the normal density around each point, up to the constant of that density."""
    squared = (inputs[:, :1] - points[:, 0]) ** 2 + (inputs[:, 1:] - points[:, 1]) ** 2
    nearest = squared.min(axis=1)
    near = np.exp((nearest[:, None] - squared) / (2 * noise**2)) @ weights
    return np.asarray(np.log(near) - nearest / (2 * noise**2))


@lru_cache(maxsize=16)
def _nodes(n: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre positions and weights on [0, 1]."""
    from scipy.special import roots_legendre

    positions, weights = roots_legendre(n)
    return (positions + 1) / 2, weights / 2
