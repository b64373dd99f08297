"""Rows made by seeded generators, handed over as a user hands over arrays of their own."""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets

from etude.values.data import Arrays

SEED = 20_270_000
"""Set i is drawn with seed SEED + i; no other study of ours uses these."""

TEST = 0.5
"""Share of the rows kept for the final score, which tells what an intervention gained."""

Rows = tuple[NDArray[np.float64], NDArray[np.float64]]


@cache
def made(name: str) -> Arrays:
    """The set of that name: one pool of rows, which every replicate splits anew.

    >>> made("friedman").inputs.shape
    (900, 8)
    """
    inputs, targets = SETS[name](SEED + list(SETS).index(name))
    return Arrays(inputs=inputs, targets=targets, test=TEST)


def copied(data: Arrays, share: float, *, seed: int) -> Arrays:
    """The rows and copies of that share of them, drawn at random: split after that, copies come into every part."""
    again = np.random.default_rng(seed).permutation(len(data.targets))[: round(share * len(data.targets))]
    inputs, targets = (np.concatenate([rows, rows[again]]) for rows in (data.inputs, data.targets))
    return Arrays(inputs=inputs, targets=targets, validation=data.validation, test=data.test)


def _friedman(seed: int) -> Rows:
    """Source: Friedman (1991), doi:10.1214/aos/1176347963: five inputs count, three do not."""
    inputs, targets = datasets.make_friedman1(n_samples=900, n_features=8, noise=1.0, random_state=seed)
    return inputs, targets


def _quantiles(seed: int) -> Rows:
    """Three classes of equal share, one inside the other."""
    inputs, targets = datasets.make_gaussian_quantiles(n_samples=1000, n_features=4, n_classes=3, random_state=seed)
    return inputs, targets.astype(np.float64)


def _clusters(seed: int) -> Rows:
    """Four classes of two clusters each, in twelve inputs of which six count; one label in twenty is wrong."""
    inputs, targets = datasets.make_classification(
        n_samples=1000, n_features=12, n_informative=6, n_classes=4, flip_y=0.05, class_sep=1.2, random_state=seed
    )
    return inputs, targets.astype(np.float64)


def _hastie(seed: int) -> Rows:
    """Ten normal inputs: is the sum of their squares above its median? Source: Hastie et al. (2009), section 10.2."""
    inputs, targets = datasets.make_hastie_10_2(n_samples=2400, random_state=seed)
    return inputs, (targets > 0).astype(np.float64)


def _rentals(seed: int) -> Rows:
    """A table of an hour, a season as four columns, and two measurements; a count is asked."""
    rng = np.random.default_rng(seed)
    hour, season = rng.integers(0, 24, 1200), rng.integers(0, 4, 1200)
    warmth, rain = rng.normal(10 + 6 * (season == 1), 5), rng.exponential(1.0, 1200)
    busy = 1 + np.exp(-(((hour - 8) / 2.5) ** 2)) + 1.4 * np.exp(-(((hour - 18) / 3) ** 2))
    targets = rng.poisson(20 * busy * np.exp(0.03 * (warmth - 10) - 0.3 * rain))
    return np.column_stack([hour, np.eye(4)[season], warmth, rain]), targets.astype(np.float64)


SETS: Mapping[str, Callable[[int], Rows]] = MappingProxyType(
    {
        "friedman": _friedman,
        "quantiles": _quantiles,
        "clusters": _clusters,
        "hastie": _hastie,
        "rentals": _rentals,
    }
)
