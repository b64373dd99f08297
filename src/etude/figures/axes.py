"""Axes: where a value falls on a picture, and which round numbers are written beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etude.figures.numbers import SUPERSCRIPTS, number, significant

LOG_RATIO = 50.0
"""A typical range of positive values that spans more than this factor gets a logarithmic axis."""

EXTENT, CORE = (0.01, 0.99), (0.05, 0.95)
"""Quantiles between which an arm's values lie, and those of them that count when it is asked whether they fit."""

FAR = 2.0
"""An arm whose core is this many widths of the typical extent outside it gets a scale of its own."""


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
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
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


def shared_axis(
    arms: Sequence[NDArray[np.float64]], always: tuple[float, ...] = (), *, pad: float = 0.04
) -> tuple[Axis, tuple[bool, ...]]:
    """One axis for the arms that are alike, with all of `always` on it, and which arms those are.

    arms:   the values of each arm, of any shape; NaN and inf are left out
    always: values the axis shows in any case, such as limits
    The typical extent is the median of the arms' extents (of two middle arms the wider, so that two arms are always
    alike), widened to hold `always`. An arm whose core reaches beyond it by more than `FAR` of its widths is not
    alike: on one axis with it the others would be flat. Where no majority is alike, all are. The axis is logarithmic
    where the typical extent spans more than `LOG_RATIO`.

    >>> usual = [np.array([0.5, 0.7]), np.array([0.6, 0.8]), np.array([0.5, 0.8])]
    >>> shared_axis([*usual, np.array([0.5, 3.0])])[1]
    (True, True, True, False)
    """
    finite = [values[np.isfinite(values)] for values in arms]
    extents, cores = (_quantiles(finite, between) for between in (EXTENT, CORE))
    measured = extents[np.isfinite(extents).all(axis=1)]
    if not measured.size:
        return axis(min((0.0, *always)), max((1.0, *always)), pad=pad), (True,) * len(arms)
    low = min(float(np.quantile(measured[:, 0], 0.5, method="lower")), *always, math.inf)
    high = max(float(np.quantile(measured[:, 1], 0.5, method="higher")), *always, -math.inf)
    log = low > 0 and high > LOG_RATIO * low and all(float(values.min()) > 0 for values in finite if values.size)
    if log:
        low, high, cores = math.log(low), math.log(high), np.log(cores)
    reach = FAR * (high - low) or math.inf
    inside = tuple(bool(not (one < low - reach or other > high + reach)) for one, other in cores)
    if 2 * sum(inside) <= len(inside):
        inside = (True,) * len(inside)
    shown = [values for values, alike in zip(finite, inside, strict=True) if alike]
    return _fitted(np.concatenate(shown), always, pad=pad, log=log), inside


def _quantiles(arms: Sequence[NDArray[np.float64]], between: tuple[float, float]) -> NDArray[np.float64]:
    """Two quantiles of each arm, shape (arms, 2); NaN where it has no values."""
    found = [np.quantile(values, between) if values.size else (np.nan, np.nan) for values in arms]
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def _fitted(values: NDArray[np.float64], always: tuple[float, ...], *, pad: float, log: bool) -> Axis:
    """An axis for the values but the most extreme in a hundred where those are far out, and for all of `always`.

    A run that diverges passes through enormous numbers; they leave the frame instead of flattening the others.
    """
    least, most, usual = float(values.min()), float(values.max()), float(np.quantile(values, 0.99))
    top = min(most, usual * (usual / least) if log else usual + 2 * (usual - least))
    return axis(min((least, *always)), max((top, *always)), pad=pad, log=log)


def tick_labels(ticks: tuple[float, ...], *, log: bool = False) -> tuple[str, ...]:
    """The ticks as words: all with as many decimals as the finest needs; of a log axis each with its own.

    >>> tick_labels((0.0, 0.25, 0.5)), tick_labels((0.0001, 0.01, 1.0), log=True)
    (('0', '0.25', '0.50'), ('10⁻⁴', '0.01', '1'))
    """
    if log:
        return tuple(significant(t) if 1e-3 <= t < 1e5 else _power_of_ten(t) for t in ticks)
    places = next((p for p in range(8) if all(abs(round(t, p) - t) < 1e-9 * max(1, abs(t)) for t in ticks)), 8)
    return tuple("0" if t == 0 else number(t, places) for t in ticks)


def _power_of_ten(value: float) -> str:
    mantissa, _, power = f"{value:.0e}".partition("e")
    raised = f"10{str(int(power)).translate(SUPERSCRIPTS)}"
    return raised if mantissa == "1" else f"{mantissa} × {raised}"


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
