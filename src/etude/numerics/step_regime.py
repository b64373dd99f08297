"""What limited an optimiser step: a verdict from what it promised and what it did. Numbers in, a word out."""

import math

from etude.values.step_record import Regime

PROMISE_KEPT = 0.9
"""Share of the first-order promise from which on nothing limited a step. With no more than curvature in the way the
share is 1 − ratio / 2, so that this is a curvature ratio dᵀHd / |g·d| of 0.2: a fifth of the step at which a line
search along the same direction would stop (ratio 1)."""

OF_KINKS = 0.5
"""Share of the shortfall that curvature leaves unexplained, from which on kinks are what limited a step: the larger
part of what is missing."""


def regime(change: float, first: float, second: float, *, kinks: int, rounding: float = 0.0) -> Regime:
    """What limited a step, from the loss's change and its predictions, all in the loss's unit.

    change:   what the step did to the loss; NaN or infinite where the loss was no number any more
    first:    g·d, the change that the gradient g promises of the step d
    second:   g·d + dᵀHd / 2; NaN where there are no second derivatives, and curvature is then believed
    kinks:    how many were crossed
    rounding: by how much `change` may be wrong, for the precision of two losses that are subtracted

    In this order: the promise is no number, since the loss was none before: not finite. Nothing was promised and
    nothing happened: no step. The promise is no fall: uphill. The loss rose: overshoot. At least `PROMISE_KEPT` of the
    promised fall came, or more: linear regime. Of the shortfall, curvature explains less than `OF_KINKS`, and kinks
    were crossed: kink-limited. Otherwise: curvature-limited.

    >>> regime(-0.98, -1.0, -0.97, kinks=0), regime(-0.5, -1.0, -0.5, kinks=0), regime(-0.5, -1.0, -0.99, kinks=7)
    ('linear regime', 'curvature-limited', 'kink-limited')
    """
    if not math.isfinite(first):
        return "not finite"
    if change == 0 and first == 0 and (second == 0 or math.isnan(second)):
        return "no step"
    if first >= 0:
        return "uphill"
    if not change <= rounding:  # NaN too: the step left the numbers
        return "overshoot"
    if change <= PROMISE_KEPT * first + rounding:
        return "linear regime"
    unexplained = abs(change - second) > OF_KINKS * (change - first) + rounding
    return "kink-limited" if kinks and unexplained else "curvature-limited"
