"""Axes: where a value falls on a picture, and which round numbers are written beside it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etude.figures.numbers import number

LOG_RATIO = 50.0
"""Positive values that span more than this factor get a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values, low < high; `log` places equal ratios at equal distances."""

    low: float
    high: float
    log: bool = False

    def place(self, values: ArrayLike) -> NDArray[np.float64]:
        """Where values fall: 0 at `low`, 1 at `high`; outside is below 0 or above 1, NaN stays NaN."""
        given = np.asarray(values, dtype=np.float64)
        if not self.log:
            return (given - self.low) / (self.high - self.low)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(given / self.low) / math.log(self.high / self.low)

    def ticks(self, about: int = 4) -> tuple[float, ...]:
        """Round numbers inside the range, roughly `about` of them."""
        return _log_ticks(self.low, self.high) if self.log else _ticks(self.low, self.high, about)


def axis(low: float, high: float, *, pad: float = 0.0, log: bool = False) -> Axis:
    """A range that is never empty, widened on both sides by `pad` of its width.

    >>> axis(0.0, 10.0, pad=0.1)
    Axis(low=-1.0, high=11.0, log=False)
    """
    if log:
        margin = max((high / low) ** pad, 1.01)
        return Axis(low / margin, high * margin, log=True)
    width = high - low
    margin = pad * width if width > 1e-12 * max(abs(low), abs(high), 1e-300) else max(abs(low) * 0.1, 1e-6)
    return Axis(low - margin, high + margin)


def fitted_axis(values: NDArray[np.float64], always: tuple[float, ...] = (), *, pad: float = 0.04) -> Axis:
    """An axis for all finite values but the most extreme in a thousand, and for all of `always`.

    A run that diverges passes through enormous numbers; they leave the frame instead of flattening the others.
    """
    finite = values[np.isfinite(values)]
    core = np.quantile(finite, [0.0, 0.99]) if finite.size else np.array([0.0, 1.0])
    top = min(float(finite.max()), float(core[1] + 2 * (core[1] - core[0]))) if finite.size else 1.0
    low, high = min((float(core[0]), top, *always)), max((top, *always))
    spread = np.quantile(finite, [0.02, 0.98]) if finite.size else core
    log = bool(low > 0 and spread[1] > LOG_RATIO * spread[0])
    return axis(low, high, pad=pad, log=log)


def tick_labels(ticks: tuple[float, ...]) -> tuple[str, ...]:
    """The ticks as words, all with as many decimals as the finest needs.

    >>> tick_labels((0.0, 0.25, 0.5))
    ('0', '0.25', '0.50')
    """
    places = next((p for p in range(8) if all(abs(round(t, p) - t) < 1e-9 * max(1, abs(t)) for t in ticks)), 8)
    return tuple("0" if t == 0 else number(t, places) for t in ticks)


def _ticks(low: float, high: float, about: int) -> tuple[float, ...]:
    raw = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((s * power for s in (1, 2, 2.5, 5, 10)), key=lambda s: abs(math.log(s / raw)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(float(f"{i * step:.12g}") for i in range(first, last + 1))


def _log_ticks(low: float, high: float) -> tuple[float, ...]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = max(1, (len(powers) - 2) // 4)
    digits = (1, 2, 5) if len(powers) <= 3 else (1,)
    found = (float(f"{d}e{p}") for p in powers if p % every == 0 for d in digits)
    return tuple(t for t in found if low <= t <= high)
