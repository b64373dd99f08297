"""A curve as a line of text: eight heights, a column for each stretch of it."""

import numpy as np
from numpy.typing import NDArray

HEIGHTS = "▁▂▃▄▅▆▇█"
BROKEN = "×"
"""A stretch without a single finite value."""


def spark(values: NDArray[np.float64], columns: int, between: tuple[float, float] | None = None) -> str:
    """The curve in at most so many characters; of each stretch the value that is farthest from the whole's median.

    between: what the lowest and the highest sign stand for; by default the curve's own extremes

    >>> spark(np.array([8.0, 4.0, 2.0, 1.0, float("nan")]), 5)
    '█▄▂▁×'
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return BROKEN * min(columns, values.size)
    low, high = between or (float(finite.min()), float(finite.max()))
    middle = float(np.sort(finite)[finite.size // 2])  # np.median and np.quantile load slowly
    stretches = np.array_split(values, min(columns, values.size))
    return "".join(_column(stretch, middle, (low, high)) for stretch in stretches)


def _column(stretch: NDArray[np.float64], middle: float, between: tuple[float, float]) -> str:
    finite = stretch[np.isfinite(stretch)]
    if not finite.size:
        return BROKEN
    low, high = between
    value = float(finite[np.abs(finite - middle).argmax()])
    share = (value - low) / (high - low) if high > low else 0.0
    return HEIGHTS[int(np.clip(round(share * (len(HEIGHTS) - 1)), 0, len(HEIGHTS) - 1))]


def common_range(several: list[NDArray[np.float64]]) -> tuple[float, float] | None:
    """Between which heights several curves can be drawn beside each other: all values but the most extreme few.

    >>> common_range([np.array([1.0, 2.0]), np.array([3.0, float("inf")])])
    (1.0, 3.0)
    """
    finite = [values[np.isfinite(values)] for values in several]
    if not any(values.size for values in finite):
        return None
    joined = np.sort(np.concatenate(finite))
    low, usual, high = (float(joined[int(at * (joined.size - 1))]) for at in (0, 0.98, 1))
    return low, min(high, usual + 2 * (usual - low))
