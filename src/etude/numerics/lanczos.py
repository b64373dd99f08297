"""The largest eigenvalues of a symmetric matrix that is known only by what it makes of vectors."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from etude.values.curve import frozen

Floats = NDArray[np.float64]
Times = Callable[[Floats], Floats]
"""A vector of shape (m,) → the matrix times it, shape (m,)."""

ENOUGH = 1e-6
"""Residual, relative to the largest eigenvalue in size, at which an eigenvalue counts as found: beyond it products in
float32 are rounding."""

SPENT = 1e-12
"""A next direction this short, relative to the largest eigenvalue in size, is rounding: the start has no other ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Ritz:
    """Eigenvalues as Lanczos finds them, each with how far it is from being one.

    values:    the largest, largest first, shape (n,); fewer where the start has fewer eigenvectors in it
    residuals: the norm of A v − λ v for each, by one more product, relative to the largest |λ|, shape (n,)
    steps:     products that made them
    """

    values: Floats
    residuals: Floats
    steps: int


def lanczos(times: Times, start: Floats, *, steps: int, n: int) -> Ritz:
    """The n largest eigenvalues of a symmetric matrix of shape (m, m), by at most `steps` products with it.

    start: shape (m,), not 0; a random one has every eigenvector in it

    Every direction is made orthogonal to all before it, twice, so no eigenvalue comes as a copy of another; hence one
    that the matrix has several times is found once. Ends early when all n have residuals below `ENOUGH`. Each true
    eigenvalue is within its residual times the largest |λ| of the one told, but one that the start barely has may be
    missed. Memory: m · (steps + 1) numbers.
    Source: Lanczos (1950); Parlett (1998), The Symmetric Eigenvalue Problem, chapter 13.

    >>> lanczos(lambda v: np.array([3.0, 1.0]) * v, np.ones(2), steps=2, n=1).values.round(12).tolist()
    [3.0]
    """
    basis, diagonal, beside = [start / np.linalg.norm(start)], list[float](), list[float]()
    while True:
        product = times(basis[-1])
        diagonal.append(float(basis[-1] @ product))
        rest = _orthogonal(product, basis)
        length = float(np.linalg.norm(rest))
        values, vectors = eigh_tridiagonal(diagonal, beside)
        size = float(np.abs(values).max())
        left = length * np.abs(vectors[-1, -n:])
        found = len(values) >= n and bool((left <= ENOUGH * size).all())
        if len(diagonal) == min(steps, start.size) or length <= SPENT * size or found:
            return _told(times, np.stack(basis, axis=1) @ vectors[:, ::-1][:, :n], values[::-1][:n], len(basis))
        beside.append(length)
        basis.append(rest / length)


def _orthogonal(vector: Floats, basis: list[Floats]) -> Floats:
    """What of a vector is outside the basis; the second round takes away what rounding left in the first."""
    for _ in range(2):
        for one in basis:
            vector = vector - (one @ vector) * one
    return vector


def _told(times: Times, vectors: Floats, values: Floats, steps: int) -> Ritz:
    """The residuals are measured: those of the recurrence would not see what products in float32 lose."""
    residuals = [float(np.linalg.norm(times(v) - value * v)) for v, value in zip(vectors.T, values, strict=True)]
    size = max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
    return Ritz(frozen(values.copy()), frozen(np.array(residuals) / size), steps)
