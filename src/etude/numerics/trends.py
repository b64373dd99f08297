"""Which way a series goes, how surely, and how smoothly: slopes, roughness and repetition.

Numpy alone, so that it loads fast. Series are one-dimensional, finite and in order of time; the caller drops what is
not finite.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

NORMAL_975 = 1.959963984540054
"""The normal distribution's quantile of 97.5 %: all intervals here are of 95 %."""

MAD_TO_SD = 1.482602218505602
"""1/Φ⁻¹(3/4): what makes a median absolute deviation the standard deviation of normal numbers."""

MOST_POINTS = 60
"""Points that slopes are computed from; more are first put together, each block by its median: 1,770 pairs at most."""

MOST_WINDOWS, WIDEST = 2_001, 401
"""Places of a running median, and values of each window, beyond which evenly spaced ones stand for all."""

LARGEST, TINIEST = 2.0**100, 2.0**-100
"""Sizes between which squares and sums neither overflow nor vanish; other values are first scaled by a power of two."""

FIRST_SHARES = 64
"""Shares that are held against every number of examples; the others only against the numbers that these leave."""

MOST_PERSISTENCE = 0.9
"""Lag-1 autocorrelation of residuals that is corrected for; the few points of a curve cannot tell more from a trend."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A slope in the unit of y a unit of x, with its 95 % interval; its bounds are infinite below 6 points."""

    slope: float
    low: float
    high: float

    @property
    def falls(self) -> bool:
        """Whether the whole interval is below 0."""
        return self.high < 0

    @property
    def rises(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.low > 0


def theil_sen(x: ArrayLike, y: ArrayLike) -> Trend:
    """The median of the slopes between all pairs of points: a straight trend that spikes do not move.

    x: strictly increasing, shape (n,), n ≥ 2; y: shape (n,)

    With N slopes, of which Kendall's S has the variance n(n − 1)(2n + 5)/18 where there is no trend, the interval runs
    between the slopes of rank (N ∓ 1.96 √Var S)/2. It takes residuals for independent; where neighbours resemble each
    other with autocorrelation r > 0, Var S is multiplied by (1 + r)/(1 − r).
    Sources: Sen (1968), doi:10.1080/01621459.1968.10480934; the correction: Yue and Wang (2004),
    doi:10.1023/B:WARM.0000043140.61082.60.

    >>> theil_sen([0, 1, 2, 3, 4], [0.0, 1.0, 2.0, 99.0, 4.0]).slope
    1.0
    """
    scale = _power_of_two(np.asarray(y, dtype=np.float64))
    at, values = _blocks(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64) / scale)
    n = at.size
    later, earlier = np.tril_indices(n, -1)
    slopes = np.sort((values[later] - values[earlier]) / (at[later] - at[earlier]))
    slope = float(median(slopes))
    residuals = values - slope * at
    r = min(max(autocorrelation(residuals - median(residuals), 1), 0.0), MOST_PERSISTENCE)
    reach = NORMAL_975 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18 * (1 + r) / (1 - r))
    low, high = math.floor((slopes.size - reach) / 2) - 1, math.ceil((slopes.size + reach) / 2)
    if low < 0 or high >= slopes.size:
        return Trend(slope * scale, -math.inf, math.inf)
    return Trend(slope * scale, float(slopes[low]) * scale, float(slopes[high]) * scale)


def autocorrelation(y: ArrayLike, lag: int) -> float:
    """How alike values are that lie `lag` apart: Σ y_i y_(i+lag) / Σ y_i², of a series whose level was taken out.

    0 where there is nothing to compare: fewer than lag + 2 values, or all of them 0. Of n independent values it is 0
    with a standard error of 1/√n.
    Source: Box and Jenkins (1970), Time Series Analysis, section 2.1.

    >>> autocorrelation([1.0, -1.0, 1.0, -1.0], 1)
    -0.75
    """
    values = np.asarray(y, dtype=np.float64)
    power = float(values @ values)
    if values.size < lag + 2 or power == 0:
        return 0.0
    return float(values[lag:] @ values[: values.size - lag]) / power


def difference_autocorrelation(y: ArrayLike) -> float:
    """Lag-1 autocorrelation of the changes from one value to the next.

    Near −1 the series goes up and down in turns; independent noise about any level gives −1/2, so only what is clearly
    below that is a zigzag; a smooth course gives values above 0. Changes beyond 1.5 robust standard deviations are
    drawn in to these, so that the first fall of a loss does not decide alone.

    >>> round(difference_autocorrelation([0.0, 1.0, 0.0, 1.0, 0.0, 1.0]), 6)
    -0.8
    """
    changes = np.diff(np.asarray(y, dtype=np.float64))
    if changes.size < 2:
        return 0.0
    usual = MAD_TO_SD * float(median(np.abs(changes)))
    drawn = np.clip(changes, -1.5 * usual, 1.5 * usual) if usual > 0 else changes
    return autocorrelation(drawn - drawn.mean(), 1)


def share_against(y: ArrayLike) -> float:
    """Share of changes that go up, of a series that should fall; ties are neither.

    >>> share_against([3.0, 2.0, 2.5, 1.0, 0.5])
    0.25
    """
    changes = np.diff(np.asarray(y, dtype=np.float64))
    return float((changes > 0).mean()) if changes.size else 0.0


def roughness(y: ArrayLike) -> float:
    """Standard deviation of the noise about a smooth course, in the unit of y.

    Second differences of a smooth course are small, and those of independent noise have √6 times its standard
    deviation; their median absolute deviation from 0 leaves out jumps. 0 below 3 values. Source: the second-difference
    estimator of Gasser, Sroka and Jennen-Steinmetz (1986), doi:10.1093/biomet/73.3.625, with a median for the mean.

    >>> roughness([1.0, 2.0, 3.0, 4.0]), round(roughness([0.0, 1.0, 0.0, 1.0]), 3)
    (0.0, 1.211)
    """
    bends = np.diff(np.asarray(y, dtype=np.float64), 2)
    return MAD_TO_SD * float(median(np.abs(bends))) / math.sqrt(6) if bends.size else 0.0


def running_median(y: ArrayLike, width: int) -> Floats:
    """The median of each value and its neighbours, shape (n,); `width` is odd. Of a long series every n-th is exact.

    Beyond the ends the series goes on as its own image, turned about the end, so that a straight trend stays one.

    >>> running_median([1.0, 2.0, 9.0, 4.0, 5.0], 3).tolist()
    [1.0, 2.0, 4.0, 5.0, 5.0]
    """
    values = np.asarray(y, dtype=np.float64)
    reach = min(width // 2, (values.size - 1) // 2)
    if reach < 1:
        return values.copy()
    before, after = 2 * values[0] - values[reach:0:-1], 2 * values[-1] - values[-2 : -reach - 2 : -1]
    longer = np.concatenate([before, values, after])
    places = _evenly(values.size, MOST_WINDOWS)
    windows = longer[places[:, None] + _evenly(2 * reach + 1, WIDEST)]
    middle = np.sort(windows, axis=1)[:, windows.shape[1] // 2]
    return np.asarray(np.interp(np.arange(values.size), places, middle))


def _evenly(n: int, most: int) -> NDArray[np.intp]:
    """All of 0 to n - 1, or `most` of them, an odd number, from the first to the last."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).round().astype(np.intp)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The strongest repetition in a series: its period in values, its share of the variance, and p of so much in noise.

    `p` is Fisher's, at most 1.
    """

    period: float
    share: float
    p: float


def rhythm(y: ArrayLike) -> Rhythm:
    """The strongest peak of the periodogram, of a series whose slow course was taken out; needs 8 values.

    With m frequencies and g the largest's share of the power, independent normal noise reaches g with probability
    at most m(1 − g)^(m − 1). Source: Fisher (1929), doi:10.1098/rspa.1929.0151.

    >>> found = rhythm([0.0, 1.0, 0.0, -1.0] * 8)
    >>> found.period, round(found.share, 6)
    (4.0, 1.0)
    """
    values = np.asarray(y, dtype=np.float64)
    if values.size < 8:
        return Rhythm(math.inf, 0.0, 1.0)
    power = np.abs(np.fft.rfft(values - values.mean())[1:]) ** 2
    if values.size % 2 == 0:
        power[-1] /= 2  # the highest frequency of an even number of values has one degree of freedom
    total = float(power.sum())
    if total == 0:
        return Rhythm(math.inf, 0.0, 1.0)
    peak, m = int(power.argmax()), power.size
    share = float(power[peak]) / total
    return Rhythm(values.size / (peak + 1), share, min(1.0, m * (1 - share) ** (m - 1)))


def granularity(shares: ArrayLike, *, most: int = 2000) -> int | None:
    """How many examples shares such as accuracies were counted on: the smallest n of which all are multiples of 1/n.

    shares: in [0, 1], shape (values,); None where no n up to `most` fits to 1e-6, or where fewer than 3 different
    values were seen, which fit by chance. The true number may be a multiple of what is found.

    >>> granularity([0.5, 0.68, 0.82, 0.90]), granularity([0.5, 0.51234567, 0.61])
    (50, None)
    """
    values = np.unique(np.asarray(shares, dtype=np.float64))
    if values.size < 3:
        return None
    sizes = np.arange(1, most + 1)
    left = sizes[_are_multiples(values[:FIRST_SHARES], sizes[:, None])]
    return next((int(n) for n in left if _are_multiples(values, np.array([[n]]))[0]), None)


def _are_multiples(shares: Floats, sizes: NDArray[np.int_]) -> NDArray[np.bool_]:
    """For each size, shape (sizes, 1), whether all shares are multiples of 1/size, shape (sizes,)."""
    counts = sizes * shares
    return np.asarray((np.abs(counts - np.round(counts)) <= 1e-6 * sizes).all(axis=1))


def median(y: ArrayLike) -> float:
    """The median of finite values: of few ones, several times as fast as numpy's, which looks for NaN first.

    >>> median([3.0, 1.0, 2.0]), median([4.0, 1.0, 2.0, 3.0])
    (2.0, 2.5)
    """
    ascending = np.sort(np.asarray(y, dtype=np.float64), axis=None)
    middle = ascending.size // 2
    return float(ascending[middle] if ascending.size % 2 else (ascending[middle - 1] + ascending[middle]) / 2)


def _power_of_two(y: Floats) -> float:
    """What values are divided by so that their squares can be computed: 1 for all usual ones."""
    peak = float(np.abs(y).max(initial=0.0))
    return 1.0 if not peak or TINIEST <= peak <= LARGEST else 2.0 ** min(math.frexp(peak)[1], 1023)


def _blocks(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most `MOST_POINTS` points: the medians of blocks of neighbours, as even as can be."""
    if x.size <= MOST_POINTS:
        return x, y
    parts = [np.array_split(values, MOST_POINTS) for values in (x, y)]
    at, values = (np.array([median(part) for part in of]) for of in parts)
    return at, values
