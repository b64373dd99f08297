"""When a study may stop early: planned looks that share one error rate, and a test valid after every replicate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from etude.numerics.intervals import Interval, Method, alpha_of, interval_of, mean_and_deviation, usable
from etude.values.errors import RecipeError

LOOKS = (5, 10, 20, 40)
"""Replicates at which a study that runs until decided looks at its effects."""

E_PROCESS_SCALE = 1.0
"""Standard deviation of the effects, in standard deviations of the differences, that the e-process is tuned for."""

UNREACHABLE = 1e-14
"""A look whose own error rate is smaller than this adds nothing that the quadrature could resolve."""


@dataclass(frozen=True, slots=True)
class EProcess:
    """The t e-process of `n` differences: a Gaussian mixture over the standardised effect, of width `scale`.

    log E = −½ log g + (n/2)[log(1 + t²/(n−1)) − log(1 + t²/((n−1) g))] with g = 1 + n scale². Reject at E ≥ 1/alpha:
    the probability that this ever happens, at any n, is at most alpha. Exact for normal differences.
    Source: Lai (1976), Annals of Statistics 4, 265–280; Wang and Ramdas (2023), arXiv:2310.03722.
    """

    mean: float
    deviation: float
    n: int
    scale: float = E_PROCESS_SCALE
    method: Method = field(default="t e-process", init=False)

    def p_at(self, value: float) -> float:
        """min(1, 1/E) of a true mean of `value`: two-sided, valid whenever one looks; 1 where nothing varies."""
        if self.deviation == 0:
            return 1.0
        g = self._growth
        u = self.n * ((self.mean - value) / self.deviation) ** 2 / (self.n - 1)
        log_e = -0.5 * math.log(g) + self.n / 2 * (math.log1p(u) - math.log1p(u / g))
        return math.exp(min(0.0, -log_e))

    def bounds(self, alpha: float) -> tuple[float, float]:
        """The inverse of `p_at`, in closed form; infinite where no t, however large, would reach 1/alpha."""
        if self.deviation == 0:
            return -math.inf, math.inf
        log_ratio = 2 / self.n * (0.5 * math.log(self._growth) - math.log(alpha))
        if log_ratio >= math.log(self._growth):
            return -math.inf, math.inf
        u = math.expm1(log_ratio) / (1 - math.exp(log_ratio) / self._growth)
        reach = self.deviation * math.sqrt(u * (self.n - 1) / self.n)
        return self.mean - reach, self.mean + reach

    @property
    def _growth(self) -> float:
        return 1 + self.n * self.scale**2


def e_process(differences: ArrayLike, *, scale: float = E_PROCESS_SCALE) -> EProcess:
    """The e-process of `differences`, shape (n,), n ≥ 2."""
    values = usable(differences)
    return EProcess(*mean_and_deviation(values), values.size, scale)


def e_process_interval(differences: ArrayLike, *, level: float = 0.95, scale: float = E_PROCESS_SCALE) -> Interval:
    """An interval that may be looked at after every replicate: all of them together cover with `level`.

    Wider than Student's t, which is its price.

    >>> interval = e_process_interval([1.0, 2.0, 3.0, 2.0, 1.0, 3.0])
    >>> round(interval.low, 2), round(interval.high, 2)
    (0.01, 3.99)
    """
    return interval_of(e_process(differences, scale=scale), alpha=alpha_of(level))


def look_alphas(looks: Sequence[int], *, alpha: float) -> tuple[float, ...]:
    """The two-sided error rate at each look, in replicates, so that all looks together err with rate `alpha`.

    O'Brien–Fleming: reject at look k where |z| ≥ C/√(n_k/n_last); C is found by following the density of the
    not yet rejected through the looks (Armitage, McPherson and Rowe 1969). Early looks cost almost nothing.
    Source: O'Brien and Fleming (1979), Biometrics 35, 549–556; Jennison and Turnbull (2000), table 2.3.

    >>> [float(f"{a:.1g}") for a in look_alphas((5, 10, 20, 40), alpha=0.05)]
    [2e-08, 8e-05, 0.005, 0.05]
    """
    if not looks or looks[0] < 2 or any(a >= b for a, b in pairwise(looks)):
        raise RecipeError(f"looks are {list(looks)}; give replicates from 2 up, increasing: 5, 10, 20, 40.")
    return _look_alphas(tuple(looks), alpha)


@lru_cache(maxsize=64)
def _look_alphas(looks: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    times = np.asarray(looks, dtype=np.float64) / looks[-1]
    least, most = (-float(special.ndtri(alpha / 2 / k)) for k in (1, len(looks)))  # one look; Bonferroni
    bound = least
    if len(looks) > 1:
        bound = optimize.brentq(lambda c: _crossing(c, times) - alpha, 0.99 * least, most, xtol=1e-10)
    return tuple((2 * special.ndtr(-bound / np.sqrt(times))).tolist())


def _crossing(bound: float, times: NDArray[np.float64]) -> float:
    """Probability that Brownian motion is outside ±bound at one of `times`, the last of which is 1."""
    reached = times[2 * special.ndtr(-bound / np.sqrt(times)) > UNREACHABLE]
    gaps = np.diff(reached)
    finest = math.sqrt(min((float(reached[0]), *gaps.tolist())))
    nodes, weights = np.polynomial.legendre.leggauss(max(96, math.ceil(16 * bound / finest)))
    nodes, weights = bound * nodes, bound * weights
    inside = _normal_density(nodes, float(reached[0]))
    for gap in gaps:
        inside = _normal_density(nodes[:, None] - nodes, float(gap)) @ (weights * inside)
    return 1 - float(weights @ inside)


def _normal_density(x: NDArray[np.float64], variance: float) -> NDArray[np.float64]:
    density: NDArray[np.float64] = np.exp(-(x**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    return density
