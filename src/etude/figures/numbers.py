"""Numbers as a reader meets them: few digits, a real minus sign, units spelt out."""

import math
from collections.abc import Iterable

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NOT_FINITE = "not finite"

ALL_BUT_CERTAIN = 0.99999
"""Coverage above which no more decimals are told: intervals of a first look, which claim next to nothing."""


def decimals(spread: float) -> int:
    """Decimals that give `spread`, a range or an interval's width, two significant digits.

    >>> decimals(0.034), decimals(12.0), decimals(0.0)
    (3, 0, 3)
    """
    if not (math.isfinite(spread) and spread > 0):
        return 3
    return min(max(1 - math.floor(math.log10(spread)), 0), 8)


def number(value: float, places: int = 3) -> str:
    """A number with `places` decimals; very large or very small ones as powers of ten.

    >>> number(-0.01234), number(1500.0, 0), number(3.2e9), number(float("nan"))
    ('−0.012', '1,500', '3.2 × 10⁹', 'not finite')
    """
    if not math.isfinite(value):
        return NOT_FINITE
    if abs(value) >= 1e6 or 0 < abs(value) < 1e-6:
        mantissa, _, power = f"{value:.1e}".partition("e")
        return f"{mantissa} × 10{str(int(power)).translate(SUPERSCRIPTS)}".replace("-", "−")
    rounded = f"{value:,.{places}f}"
    return rounded.replace("-", "−" if float(rounded.replace(",", "")) else "")


def signed(value: float, places: int = 3) -> str:
    """A difference: its sign is always shown.

    >>> signed(0.5, 1), signed(-0.5, 1), signed(0.0, 1)
    ('+0.5', '−0.5', '0.0')
    """
    plain = number(value, places)
    return plain if plain == NOT_FINITE or not plain.strip("0.,−") or value < 0 else f"+{plain}"


def bounds(low: float, high: float, places: int = 3) -> str:
    """An interval's ends, each with as many places as show its side of zero; an infinite one is said as what it means.

    >>> bounds(-0.5, 1.0, 1), bounds(-math.inf, math.inf), bounds(0.25, math.inf, 2), bounds(-0.5, -0.004, 1)
    ('−0.5 to +1.0', 'no bound yet', 'from +0.25, no upper bound yet', '−0.5 to −0.004')
    """
    if math.isnan(low) or math.isnan(high):
        return "no interval"
    if math.isinf(low) and math.isinf(high):
        return "no bound yet"
    if math.isinf(low):
        return f"up to {_end(high, places)}, no lower bound yet"
    if math.isinf(high):
        return f"from {_end(low, places)}, no upper bound yet"
    return f"{_end(low, places)} to {_end(high, places)}"


def _end(value: float, places: int) -> str:
    if value and float(f"{value:.{places}f}") == 0:
        places = -math.floor(math.log10(abs(value)))
    return signed(value, places)


def significant(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, trailing zeros dropped.

    >>> significant(0.198515), significant(0.5), significant(1234.0)
    ('0.199', '0.5', '1,234')
    """
    if not math.isfinite(value) or value == 0:
        return number(value, 0)
    shown = number(value, min(max(digits - 1 - math.floor(math.log10(abs(value))), 0), 8))
    return shown.rstrip("0").rstrip(".") if "." in shown and "×" not in shown else shown


def percent(share: float, places: int = 0) -> str:
    """A share as per cent.

    >>> percent(0.95), percent(0.9917, 1)
    ('95 %', '99.2 %')
    """
    return f"{number(100 * share, places)} %" if math.isfinite(share) else NOT_FINITE


def level(coverage: float) -> str:
    """An interval's coverage: as many decimals as it takes to differ from 100 %.

    >>> level(0.95), level(0.99167), level(0.9995), level(0.9999998)
    ('95 %', '99.2 %', '99.95 %', 'over 99.999 %')
    """
    if coverage > ALL_BUT_CERTAIN:
        return f"over {percent(ALL_BUT_CERTAIN, 3)}"
    for places in (0, 1, 2):
        if abs(round(100 * coverage, places) - 100 * coverage) < (1 - coverage) * 10:
            return percent(coverage, places)
    return percent(coverage, 3)


def p_value(p: float) -> str:
    """A p value, never shown as zero.

    >>> p_value(0.0312), p_value(1e-9)
    ('0.031', 'below 0.001')
    """
    if not math.isfinite(p):
        return "none"
    return "below 0.001" if p < 0.001 else number(p, 3 if p < 0.1 else 2)


def duration(seconds: float) -> str:
    """A time span in the largest two units that matter.

    >>> duration(3.21), duration(412), duration(7500)
    ('3.2 s', '6 min 52 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{significant(seconds, 2)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count and its noun.

    >>> plural(1, "run"), plural(1500, "run")
    ('1 run', '1,500 runs')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(parts: Iterable[str]) -> str:
    """Words joined as in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *rest, last = list(parts) or [""]
    return f"{', '.join(rest)} and {last}" if rest else last
