"""Numbers and places within the sentences of findings."""

import math

from etude.diagnosis.case import Case
from etude.values.curve import Curve


def figure(value: float) -> str:
    """Three significant digits with a real minus sign, powers of ten spelt out.

    >>> figure(0.123456), figure(-12.0), figure(1234567.0), figure(2.5e-7)
    ('0.123', '−12', '1,230,000', '2.5 × 10^−7')
    """
    if not math.isfinite(value):
        return "not finite"
    if value and not 1e-4 <= abs(value) < 1e9:
        mantissa, power = f"{value:.2e}".split("e")
        return f"{float(mantissa):g} × 10^{int(power)}".replace("-", "−")
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    rounded = round(value, digits)
    shown = f"{rounded:,.{max(digits, 0)}f}"
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown).replace("-", "−")


def percent(share: float) -> str:
    """A share as per cent, with a decimal where it is small or nearly all.

    >>> percent(0.25), percent(0.004), percent(0.996)
    ('25 %', '0.4 %', '99.6 %')
    """
    if not math.isfinite(share):
        return "not finite"
    return f"{100 * share:.{1 if share and (abs(share) < 0.02 or 0.98 < share < 1) else 0}f} %"


def amount(value: float, unit: str) -> str:
    """A number with its unit.

    >>> amount(0.25, "nats"), amount(0.25, "")
    ('0.25 nats', '0.25')
    """
    return f"{figure(value)} {unit}".rstrip()


def axis(case: Case) -> str:
    """What the x axis counts: "epoch", "row" or "step"."""
    named = str(case.run.provenance.get("x", "step"))
    return named if named in ("epoch", "row") else "step"


def named(case: Case, curve: Curve) -> str:
    """A judged series as its log calls it, or else by its part and kind."""
    split, _, kind = curve.name.partition("/")
    own = str(case.run.provenance.get(f"{split} is", ""))
    if own and own != curve.name:
        return repr(own).replace("'", "")
    words = {"train": "training"}.get(split, split)
    return f"the {words} {'score' if kind == 'score' else 'loss'}"


def when(case: Case, step: int) -> str:
    """A place on the x axis.

    The steps of a log are whatever it counts.
    """
    return f"{axis(case)} {step:,}"
