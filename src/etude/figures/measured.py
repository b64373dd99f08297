"""The numbers behind a finding in words: a value with its unit and its interval, a prediction with its range."""

import math

from etude.figures.numbers import NOT_FINITE, decimals, number, significant
from etude.values.finding import Measured, Prediction


def measured_text(measured: Measured) -> str:
    """The value, its unit, its interval, and how many runs it is the mean over.

    >>> measured_text(Measured("rise", 0.1734, "nats", 0.12, 0.21))
    '0.173 nats (0.120 to 0.210)'
    >>> measured_text(Measured("steps", 400.0, "steps")), measured_text(Measured("share", 12.5, "%"))
    ('400 steps', '12.5 %')
    >>> measured_text(Measured("rise", 0.03, "nats", runs=6))
    '0.03 nats on average over 6 runs'
    """
    over = f" on average over {measured.runs:,} runs" if measured.runs > 1 else ""
    return f"{_ranged(measured)}{over}"


def _ranged(measured: Measured) -> str:
    """The value, its unit, its interval."""
    unit = f" {measured.unit}" if measured.unit else ""
    value, low, high = (
        math.nan if one is None else float(one) for one in (measured.value, measured.low, measured.high)
    )
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{_plain(value)}{unit if math.isfinite(value) else ''}"
    whole = value.is_integer() and low.is_integer() and high.is_integer()
    places = 0 if whole else min(decimals((high - low) or abs(value)), 6)
    return f"{number(value, places)}{unit} ({number(low, places)} to {number(high, places)})"


def _plain(value: float) -> str:
    if not math.isfinite(value):
        return NOT_FINITE
    return number(value, 0) if value.is_integer() or abs(value) >= 1000 else significant(value)


def prediction_text(prediction: Prediction) -> str:
    """What should happen if the treatment is tried.

    >>> prediction_text(Prediction("stop at step 40", "validation loss", "falls", 0.1, 0.25, "nats"))
    'stop at step 40: the validation loss falls by 0.1 to 0.25 nats'
    """
    unit = f" {prediction.unit}" if prediction.unit else ""
    low, high = (significant(end, 2) for end in (prediction.low, prediction.high))
    size = f"by {low}{unit}" if low == high else f"by {low} to {high}{unit}"
    metric = prediction.metric if prediction.metric.startswith("the ") else f"the {prediction.metric}"
    return f"{prediction.treatment}: {metric} {prediction.direction} {size}"
