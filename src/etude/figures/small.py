"""Numbers of steps and gradients, which may be of any size."""

import math

from etude.figures.numbers import SUPERSCRIPTS, significant

LEAST, MOST = 1e-3, 1e5
"""Between these a number is written out; beyond them with a power of ten."""


def small(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, however small or large.

    >>> small(0.01234), small(-0.0000213), small(0.0), small(2.0e7, 2)
    ('0.0123', '−2.13 × 10⁻⁵', '0', '2 × 10⁷')
    """
    if not math.isfinite(value) or value == 0 or LEAST <= abs(value) < MOST:
        return significant(value, digits)
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    raised = f"10{str(int(power)).translate(SUPERSCRIPTS)}"
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa} × {raised}".replace("-", "−")


def plus(value: float, digits: int = 3) -> str:
    """The same of a change: its sign is always shown.

    >>> plus(0.0031), plus(-0.0031), plus(0.0)
    ('+0.0031', '−0.0031', '0')
    """
    told = small(value, digits)
    return f"+{told}" if math.isfinite(value) and value > 0 else told
