"""What a metric can reach without learning, and what it cannot pass: chance, best constant, Bayes limit.

The best constant is found for each metric by itself: the base rate, the likeliest class, the mean, the median.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from etude.values.metric import Limit

Floats = NDArray[np.float64]
Limits = Mapping[str, Limit]


def binary_limits(probabilities: Floats, *, bayes: bool) -> Limits:
    """Limits of a two-class problem, over rows that are equally likely.

    probabilities: P(y = 1 | x) of each row, label noise included; or labels 0 and 1, shape (rows,)
    bayes:         whether these are probabilities that the best predictor would give. Labels are not.

    Chance says 1/2. The Bayes predictor says P(y = 1 | x): its log loss is the mean entropy, its Brier score the
    mean of p(1 − p), its accuracy the mean of max(p, 1 − p).

    >>> round(binary_limits(np.array([0.05, 0.95]), bayes=True)["log_loss"].bayes, 6)
    0.198515
    """
    p = np.asarray(probabilities, dtype=np.float64)
    base = float(p.mean())
    flat = np.array([base])
    return {
        "log_loss": Limit("log_loss", float(np.log(2)), _entropy(flat), _entropy(p) if bayes else None),
        "brier": Limit("brier", 0.25, base * (1 - base), float((p * (1 - p)).mean()) if bayes else None),
        "accuracy": Limit("accuracy", 0.5, max(base, 1 - base), float(np.maximum(p, 1 - p).mean()) if bayes else None),
        "calibration": Limit("calibration", (base - 0.5) ** 2, 0.0, 0.0 if bayes else None),
    }


def multiclass_limits(shares: Floats) -> Limits:
    """Limits of a problem with `shares` of each class, shape (classes,); the Bayes limit of given rows is unknown.

    >>> multiclass_limits(np.array([0.5, 0.25, 0.25]))["accuracy"]
    Limit(metric='accuracy', chance=0.3333333333333333, best_constant=0.5, bayes=None)
    """
    k = shares.size
    return {
        "log_loss": Limit("log_loss", float(np.log(k)), float(_surprise(shares).sum()), None),
        "brier": Limit("brier", 1 - 1 / k, 1 - float((shares**2).sum()), None),
        "accuracy": Limit("accuracy", 1 / k, float(shares.max()), None),
        "calibration": Limit("calibration", 0.0, 0.0, None),
    }


def regression_limits(targets: Floats, *, noise: float | None = None) -> Limits:
    """Limits of a regression, over targets that are equally likely, shape (rows,).

    noise: standard deviation of normal noise in the targets, in their unit; None where it is unknown.

    A number has no equal probabilities, so chance is the best constant: the mean for squared error, the median for
    absolute error. The best predictor misses by the noise alone, E|N(0, σ²)| = σ√(2/π).

    >>> regression_limits(np.array([-1.0, 1.0]), noise=0.5)["squared_error"]
    Limit(metric='squared_error', chance=1.0, best_constant=1.0, bayes=0.25)
    """
    variance = float(np.var(targets))
    absolute = float(np.abs(targets - np.median(targets)).mean())
    best: tuple[float | None, ...] = (None, None, None)
    if noise is not None:
        best = (noise**2, noise * float(np.sqrt(2 / np.pi)), 1 - noise**2 / variance)
    return {
        "squared_error": Limit("squared_error", variance, variance, best[0]),
        "absolute_error": Limit("absolute_error", absolute, absolute, best[1]),
        "r2": Limit("r2", 0.0, 0.0, best[2]),
    }


def _surprise(p: Floats) -> Floats:
    """Minus p ln p, in nats, 0 where p is 0."""
    from scipy.special import entr  # here, because it takes as long to load as all of étude

    return np.asarray(entr(p))


def _entropy(p: Floats) -> float:
    """Mean binary entropy, in nats."""
    return float((_surprise(p) + _surprise(1 - p)).mean())
