"""When a validation loss has turned for good, told while it comes in: the best epoch is kept, and the wait is short."""

import math
from dataclasses import dataclass, field

from etude.numerics.trends import roughness

SMOOTHED = 5
"""Validations that are averaged."""

WARM_UP = 8
"""Validations before anything is summed: the first ones fall, and noise cannot be told from so few."""

NOISE_FROM = 50
"""The last so many validations tell how noisy they are."""

SLACK, LIMIT, MOST = 0.5, 20.0, 5.0
"""In standard deviations of the noise: what each validation is forgiven beyond what noise alone does, the sum that is a
turn, and the most that one of them counts. Chosen on simulated curves, judged on others of the same
kinds (docs/watch.md)."""

RISE = 0.02
"""Share of the fall so far that the mean must have risen by: less is not worth stopping for, however sure."""


@dataclass(frozen=True, slots=True)
class Best:
    """Where the validation loss was lowest: after which step, at which validation, counted from 1, and its value."""

    step: int
    validation: int
    value: float


@dataclass(slots=True)
class OnlineStopping:
    """Sums how far validations lie above their lowest mean, in units of their own noise, and stops at a limit.

    A one-sided cumulative sum: S ← max(0, S + min((v − m)/s, MOST) − SLACK − b), from 0 again at each new lowest mean m
    of w = SMOOTHED values; s is the noise about a smooth course, and b = √(2 ln(n/w)/w) is how far below its level the
    lowest of n/w means of pure noise lies. Single bad epochs do not add up to the limit, a steady rise does within some
    ten of them. Where noise repeats itself from one epoch to the next, s is too small and the rule stops earlier than
    it should; what it keeps is the best epoch so far all the same.
    Source: Page (1954), doi:10.1093/biomet/41.1-2.100.

    because: why it is over, in words; empty while it is not

    >>> stopping = OnlineStopping()
    >>> falling, rising = [1 / i for i in range(1, 20)], [0.05 + 0.03 * i for i in range(30)]
    >>> [stopping.note(value) for value in falling + rising].index(True), stopping.best
    (25, 19)
    """

    best: int = -1
    because: str = ""
    values: list[float] = field(default_factory=list)
    _lowest_mean: float = math.inf
    _sum: float = 0.0
    count: int = 0
    _highest: float = -math.inf
    _best_value: float = math.inf

    def note(self, value: float) -> bool:
        """Take note of a validation loss; whether it is over. `best` is the place of the lowest so far, from 0."""
        place, self.count = self.count, self.count + 1
        if not math.isfinite(value):
            self.because = self.because or f"the validation loss is {value}"
            return True
        if value < self._best_value:
            self.best, self._best_value = place, value
        self._highest = max(self._highest, value)
        self.values = [*self.values, value][-NOISE_FROM:]
        mean = sum(self.values[-SMOOTHED:]) / SMOOTHED if len(self.values) >= SMOOTHED else math.inf
        if mean < self._lowest_mean:
            self._lowest_mean, self._sum = mean, 0.0
        if self.count > WARM_UP:
            self._add(value)
        fall = self._highest - self._lowest_mean
        if self._sum > LIMIT and mean - self._lowest_mean > RISE * fall:
            self.because = self.because or "the validation loss has turned for good"
        return self.is_over

    @property
    def is_over(self) -> bool:
        """Whether what comes would be no better."""
        return bool(self.because)

    def _add(self, value: float) -> None:
        noise = max(roughness(self.values), 1e-6 * abs(self._highest), 1e-12)
        height = (value - self._lowest_mean) / noise
        by_chance = math.sqrt(2 * math.log(max(self.count / SMOOTHED, 1.0)) / SMOOTHED)
        self._sum = max(0.0, self._sum + min(height, MOST) - SLACK - by_chance)
