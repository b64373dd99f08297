"""Which factor, or which combination of factors, explains how much of an outcome in a full factorial study."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from etude.values.effect import VarianceShare
from etude.values.errors import ComparisonError, NotEnoughDataError

HIGHEST_ORDER = 3
"""Interactions of more factors than this go to the residual: nobody can read a four-way interaction."""


def analysis_of_variance(outcomes: ArrayLike, factors: Sequence[str], *, metric: str) -> tuple[VarianceShare, ...]:
    """Shares of the variance of `outcomes`, shape (replicates, levels of factor 1, levels of factor 2, …).

    Ordinary least squares with a block for each replicate, since arms share their replicates' chance. In a balanced
    full factorial the sums of squares of blocks, main effects and interactions are orthogonal, so they add up and
    their order does not matter. F compares with the residual: replicate × arm, and interactions of four factors or
    more. Where the residual is zero, F is infinite (NaN for a term that explains nothing either).
    Source: Montgomery, Design and Analysis of Experiments, chapters 4 and 5.

    >>> first, *_, last = analysis_of_variance([[[1, 2], [3, 4]], [[2, 3], [4, 6]]], ["width", "loss"], metric="brier")
    >>> first.term, last.term, last.degrees
    ('replicate', 'residual', 3)
    """
    values = np.asarray(outcomes, dtype=np.float64)
    _check(values, factors)
    values = values - values.flat[0]  # any origin will do; this one makes equal outcomes exactly equal
    total = float(((values - values.mean()) ** 2).sum())
    blocks = _term(values, (0,))
    orders = range(1, min(len(factors), HIGHEST_ORDER) + 1)
    terms = {axes: _term(values, axes) for order in orders for axes in combinations(range(1, values.ndim), order)}
    fitted = sum(terms.values()) + blocks + values.mean()
    residual = float(((values - fitted) ** 2).sum())
    degrees = values.size - 1 - (values.shape[0] - 1) - sum(_degrees(values, axes) for axes in terms)

    def share(name: str, squares: float, freedom: int, f: float = math.nan) -> VarianceShare:
        p = float(special.fdtrc(freedom, degrees, f))
        return VarianceShare(metric, name, squares / total if total else 0.0, freedom, f, p)

    rows = [share("replicate", _squares(blocks, values), values.shape[0] - 1)]
    for axes, effect in terms.items():
        squares, freedom = _squares(effect, values), _degrees(values, axes)
        f = _ratio(squares / freedom, residual / degrees)
        rows.append(share(" × ".join(factors[axis - 1] for axis in axes), squares, freedom, f))
    return (*rows, share("residual", residual, degrees))


def _term(values: NDArray[np.float64], axes: tuple[int, ...]) -> NDArray[np.float64]:
    """What the mean over all axes but `axes` adds to every lower term: the effect itself, ready to broadcast."""
    others = tuple(axis for axis in range(values.ndim) if axis not in axes)
    effect: NDArray[np.float64] = values.mean(axis=others, keepdims=True)
    for axis in axes:  # centring along each axis removes every lower-order term
        effect = effect - effect.mean(axis=axis, keepdims=True)
    return effect


def _squares(effect: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    return float((effect**2).sum()) * values.size / effect.size


def _degrees(values: NDArray[np.float64], axes: tuple[int, ...]) -> int:
    return math.prod(values.shape[axis] - 1 for axis in axes)


def _ratio(explained: float, unexplained: float) -> float:
    if unexplained > 0:
        return explained / unexplained
    return math.inf if explained > 0 else math.nan


def _check(values: NDArray[np.float64], factors: Sequence[str]) -> None:
    if values.ndim != len(factors) + 1 or not factors:
        raise ComparisonError(
            f"outcomes of shape {values.shape} against {len(factors)} factors {list(factors)}. "
            "Give one axis for the replicates, then one for each factor, at least one factor."
        )
    if min(values.shape) < 2:
        raise NotEnoughDataError(
            f"outcomes have shape {values.shape}. Variance needs at least two of each: two replicates (replicates=2) "
            "and two levels of every factor."
        )
    if not np.isfinite(values).all():
        raise ComparisonError(
            f"{np.count_nonzero(~np.isfinite(values))} of {values.size} outcomes are not finite. A balanced analysis "
            "needs every arm in every replicate: leave out the replicates in which a run diverged, and say so."
        )
