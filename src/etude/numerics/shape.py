"""The shape of paired differences: near enough to normal for a t interval, a second basin, steps of one test row?"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Shape = Literal["second basin", "heavy tail"]

SHAPIRO_LEVEL = 0.05
"""Flags 5 % of normal samples; on tuning seeds (11, 3,000 samples) 80 % of lognormal(.75) ones of 20."""

BASIN_GAP = 1.0
"""Empty stretch between two groups, in standard deviations of the larger one: names 84 % of basins among 40."""

BASIN_MEMBERS = 2
"""One value far out is a tail; two are a place. With 1, four of five lognormal samples would be called basins."""

ROUNDING = 1e-10
"""Values nearer than this share of the largest one are the same value: 0.9 − 0.8 is not 0.8 − 0.7 in floating point."""

FEWEST = 5
LARGEST_SHAPIRO = 5000
"""Shapiro–Wilk p values are calibrated for 3 to 5,000 values (Royston 1995, AS R94)."""


def shape_warning(differences: ArrayLike) -> Shape | None:
    """What is unlike a normal distribution in `differences`, shape (n,); None where nothing is, or n < 5.

    Flagged by Shapiro–Wilk at 5 %; the gap rule only names what was flagged. Few values flag little: silence
    below ten is no evidence of normality.

    >>> shape_warning([0.1, -0.2, 0.0, 0.3, -0.1, 0.2, 0.05, 9.1, 9.0, 9.2])
    'second basin'
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.size < FEWEST or all_alike(values):
        return None
    from scipy import stats  # here, because it takes a second to load

    standard = (values - values.mean()) / values.std()
    if stats.shapiro(standard[:LARGEST_SHAPIRO]).pvalue >= SHAPIRO_LEVEL:
        return None
    return "second basin" if _two_groups(np.sort(standard)) else "heavy tail"


def all_alike(differences: ArrayLike) -> bool:
    """Whether all `differences`, shape (n,), are one value but for rounding, so that their variation is not known.

    >>> all_alike([0.9 - 0.8, 0.8 - 0.7]), all_alike([0.1, 0.2])
    (True, False)
    """
    values = np.asarray(differences, dtype=np.float64)
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())


def lattice_step(differences: ArrayLike) -> float:
    """The step in which `differences`, shape (n,), come, in their unit; 0 where no two are the same.

    The smallest gap among 0 and the values: for an accuracy, one test row or a multiple of it. A metric that is not
    a count hardly ever gives the same difference twice.

    >>> lattice_step([0.0, 0.1, 0.1, 0.3]), lattice_step([0.01, 0.12, 0.13])
    (0.1, 0.0)
    """
    values = np.sort(np.asarray(differences, dtype=np.float64))
    rounding = ROUNDING * float(np.abs(values).max(initial=0))
    if np.all(np.diff(values) > rounding):
        return 0.0
    gaps = np.diff(np.sort(np.append(values, 0.0)))
    return float(gaps[gaps > rounding].min()) if (gaps > rounding).any() else 0.0


def skewness(differences: ArrayLike) -> float:
    """Third central moment over the cubed standard deviation (both divided by n); 0 where all values are equal.

    >>> skewness([0.0, 0.0, 3.0]) == -skewness([0.0, 0.0, -3.0])
    True
    """
    values = np.asarray(differences, dtype=np.float64)
    if all_alike(values):
        return 0.0
    centred = (values - values.mean()) / np.ptp(values)
    return float((centred**3).mean() / (centred**2).mean() ** 1.5)


def _two_groups(ascending: NDArray[np.float64]) -> bool:
    gaps = np.diff(ascending)
    cut = int(gaps.argmax()) + 1
    smaller, larger = sorted((ascending[:cut], ascending[cut:]), key=len)
    return smaller.size >= BASIN_MEMBERS and bool(gaps.max() > BASIN_GAP * larger.std(ddof=1))
