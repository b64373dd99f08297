"""How many replicates a question needs: power of the paired t test, of Welch's, and of two one-sided tests."""

import math
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from etude.numerics.intervals import alpha_of
from etude.values.errors import RecipeError
from etude.values.study import MINIMUM_REPLICATES

Floats = NDArray[np.float64]

MOST_REPLICATES = 1_000_000
"""Where a search gives up: an effect so small against its noise is not found by repetition."""

QUADRATURE_NODES = 200
"""Gauss–Legendre nodes over the standard deviation; 100 already agree with 400 to 1e-11."""


def paired_power(n: int, *, standard_deviation: float, difference: float, level: float = 0.95) -> float:
    """Probability that the interval of `n` pairs excludes 0 when the true mean difference is `difference`.

    standard_deviation: of the paired differences, in the unit of `difference`.
    Both tails of the noncentral t on n − 1 degrees of freedom. Assumes normal differences.

    >>> round(paired_power(10, standard_deviation=1, difference=1), 3)
    0.803
    """
    _check(standard_deviation, difference=abs(difference), n=n)
    alpha = alpha_of(level)
    if standard_deviation == 0:
        return 1.0 if difference else 0.0
    return _t_power(abs(difference) * math.sqrt(n) / standard_deviation, degrees=n - 1, alpha=alpha)


def equivalence_power(
    n: int, *, standard_deviation: float, margin: float, difference: float = 0.0, level: float = 0.95
) -> float:
    """Probability that two one-sided t tests find `n` pairs equivalent within ±margin.

    difference: the true mean difference, in the unit of `margin`; 0 is what one hopes for.
    Integrates over the chi-distributed standard deviation: equivalence is found where the mean is nearer to 0 than
    margin − t(level) s/√n. Assumes normal differences. Source: Phillips (1990), J. Pharmacokinet. Biopharm. 18, 137.

    >>> round(equivalence_power(11, standard_deviation=1, margin=1), 3)
    0.849
    """
    _check(standard_deviation, margin=margin, n=n)
    alpha = alpha_of(level)
    if standard_deviation == 0:
        return float(abs(difference) < margin)
    root = math.sqrt(n) / standard_deviation
    return _two_one_sided_power(margin * root, difference * root, degrees=n - 1, alpha=alpha)


def replicates_needed(
    *, standard_deviation: float, smallest_effect: float, power: float = 0.8, level: float = 0.95
) -> int:
    """The fewest pairs (at least 5, as fewer give no verdict) that find the smallest effect with probability `power`.

    >>> replicates_needed(standard_deviation=2.0, smallest_effect=1.0)
    34
    """
    _check(standard_deviation, smallest_effect=smallest_effect, power=power)
    return _fewest(
        lambda n: paired_power(n, standard_deviation=standard_deviation, difference=smallest_effect, level=level),
        power,
    )


def replicates_for_equivalence(
    *, standard_deviation: float, margin: float, power: float = 0.8, level: float = 0.95
) -> int:
    """The fewest pairs, at least 5, that find two arms without any difference equivalent with probability `power`.

    >>> replicates_for_equivalence(standard_deviation=1.0, margin=0.5)
    36
    """
    _check(standard_deviation, margin=margin, power=power)
    return _fewest(
        lambda n: equivalence_power(n, standard_deviation=standard_deviation, margin=margin, level=level), power
    )


def runs_needed(
    *, standard_deviations: tuple[float, float], smallest_effect: float, power: float = 0.8, level: float = 0.95
) -> int:
    """The fewest runs of each of two groups, at least 5, that find the smallest effect with probability `power`.

    standard_deviations: of the scores within each group, in the unit of `smallest_effect`.
    For Welch's t, with Satterthwaite's degrees for these deviations. Assumes normal scores.

    >>> runs_needed(standard_deviations=(1.0, 1.0), smallest_effect=1.0)
    17
    """
    both = _both(standard_deviations)
    _check(both, smallest_effect=smallest_effect, power=power)
    return _fewest(
        lambda n: _t_power(
            smallest_effect * math.sqrt(n) / both if both else math.inf,
            degrees=_degrees(standard_deviations, n),
            alpha=alpha_of(level),
        ),
        power,
    )


def runs_to_decide(
    *,
    standard_deviations: tuple[float, float],
    margin: float,
    difference: float,
    level: float = 0.95,
    power: float = 0.8,
) -> int | None:
    """As `replicates_to_decide`, for two groups of so many runs each without pairs; None where out of reach.

    >>> runs_to_decide(standard_deviations=(1.0, 1.0), margin=0.5, difference=0.0)
    70
    """
    both, alpha = _both(standard_deviations), alpha_of(level)
    _check(both, margin=margin, difference=abs(difference), power=power)
    if both == 0:
        return MINIMUM_REPLICATES
    numbers = []
    for power_of in (
        lambda n: _t_power(
            abs(difference) * math.sqrt(n) / both, degrees=_degrees(standard_deviations, n), alpha=alpha
        ),
        lambda n: _two_one_sided_power(
            margin * math.sqrt(n) / both,
            difference * math.sqrt(n) / both,
            degrees=_degrees(standard_deviations, n),
            alpha=alpha,
        ),
    ):
        with suppress(RecipeError):
            numbers.append(_fewest(power_of, power))
    return min(numbers, default=None)


def replicates_to_decide(
    *, standard_deviation: float, margin: float, difference: float, level: float = 0.95, power: float = 0.8
) -> int | None:
    """The fewest pairs, at least 5, after which a verdict follows with probability `power`; None where out of reach.

    difference: the mean difference seen so far, in the unit of `margin`
    level:      the one the verdict is reached at; equivalence is asked at the same error rate
    The smaller of two numbers, both for a true difference as seen so far: the one that finds it, and, where it is
    inside the margin, the one that shows equivalence. The estimate is a guess from few pairs, and so is the answer.
    Assumes normal differences.

    >>> replicates_to_decide(standard_deviation=1.0, margin=0.5, difference=0.0)
    36
    """
    _check(standard_deviation, margin=margin, difference=abs(difference), power=power)
    numbers = []
    for power_of in (
        lambda n: paired_power(n, standard_deviation=standard_deviation, difference=difference, level=level),
        lambda n: equivalence_power(
            n, standard_deviation=standard_deviation, margin=margin, difference=difference, level=level
        ),
    ):
        with suppress(RecipeError):
            numbers.append(_fewest(power_of, power))
    return min(numbers, default=None)


def _both(standard_deviations: tuple[float, float]) -> float:
    """Standard deviation of the difference between one run of each group."""
    return math.hypot(*standard_deviations)


def _degrees(standard_deviations: tuple[float, float], n: int) -> float:
    """Satterthwaite's, for groups of n runs each with these standard deviations."""
    one, other = (deviation / max(standard_deviations) for deviation in standard_deviations)
    return (n - 1) * (one**2 + other**2) ** 2 / (one**4 + other**4)


def _t_power(shift: float, *, degrees: float, alpha: float) -> float:
    """Probability that |t| exceeds its bound, where t is `shift` standard errors off centre: both tails."""
    if math.isinf(shift):
        return 1.0
    reach = -float(special.stdtrit(degrees, alpha / 2))
    return _expected(lambda s: special.ndtr(shift - reach * s) + special.ndtr(-shift - reach * s), degrees=degrees)


def _two_one_sided_power(margin: float, difference: float, *, degrees: float, alpha: float) -> float:
    """Probability that two one-sided tests find equivalence; margin and difference in standard errors."""
    reach = -float(special.stdtrit(degrees, alpha))
    return _expected(
        lambda s: special.ndtr(margin - difference - reach * s) - special.ndtr(-margin - difference + reach * s),
        degrees=degrees,
        below=margin / reach,  # a larger s leaves no room between the margins
    )


def _fewest(power_of: Callable[[int], float], wanted: float) -> int:
    low, high = MINIMUM_REPLICATES - 1, MINIMUM_REPLICATES
    while power_of(high) < wanted:
        low, high = high, 2 * high
        if high > MOST_REPLICATES:
            raise RecipeError(
                f"more than {MOST_REPLICATES:,} replicates would be needed: the effect is far smaller than its noise. "
                "Ask for a larger smallest effect, or score on more test rows to lower the noise."
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) >= wanted else (middle, high)
    return high


@cache
def _quadrature() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE_NODES)
    return nodes, weights


def _expected(probability: Callable[[Floats], Floats], *, degrees: float, below: float = math.inf) -> float:
    """Mean of `probability` over s < below: s, in units of the true deviation, has s² degrees ~ chi-squared."""
    lowest, highest = (math.sqrt(special.chdtri(degrees, q) / degrees) for q in (1 - 1e-15, 1e-15))
    span = min(below, highest) - lowest
    if span <= 0:
        return 0.0
    nodes, weights = _quadrature()
    s = lowest + span * (nodes + 1) / 2
    half = degrees / 2
    log_density = math.log(2) + half * math.log(half) - special.gammaln(half) + (degrees - 1) * np.log(s) - half * s**2
    return float(np.clip(np.sum(weights * np.exp(log_density) * probability(s)) * span / 2, 0, 1))


def _check(standard_deviation: float, **positive: float) -> None:
    if not 0 <= standard_deviation < math.inf:
        raise RecipeError(f"standard_deviation is {standard_deviation}; it must be finite and not negative.")
    for name, value in positive.items():
        lowest = 2 if name == "n" else 0
        if not lowest <= value < math.inf or (value == 0 and name != "difference") or (name == "power" and value >= 1):
            raise RecipeError(f"{name} is {value}; {_RANGES[name]}.")


_RANGES = {
    "n": "power needs at least 2 pairs",
    "power": "it is a probability above 0 and below 1, such as 0.8",
    "difference": "it must be finite",
    "margin": "it must be finite and above 0: the smallest effect worth acting on",
    "smallest_effect": "it must be finite and above 0: the smallest effect worth acting on",
}
