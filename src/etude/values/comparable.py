"""Which objectives may be subtracted, or stand in one ranking: one problem, one unit, one scale of the target."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Minimised:
    """What a run minimised.

    unit:    what it counts, such as "nats"
    problem: what is to be learned; "" where it is not known
    scale:   whose spread the target is counted in, where its unit is relative to that; "" where it is absolute
    """

    unit: str
    problem: str = ""
    scale: str = ""


def problems_apart(one: Minimised, other: Minimised) -> str:
    """What either is to learn, where that differs, as words that go on after "one"; "" where it does not.

    >>> problems_apart(Minimised("nats", "the task xor"), Minimised("nats", "the task rings"))
    'learns from the task xor and the other from the task rings'
    >>> problems_apart(Minimised("nats"), Minimised("nats", "the task rings"))
    ''
    """
    if not one.problem or not other.problem or one.problem == other.problem:
        return ""
    return f"learns from {one.problem} and the other from {other.problem}"


def units_apart(one: Minimised, other: Minimised) -> str:
    """Why a number of one cannot be held against a number of the other; "" where it can.

    >>> units_apart(Minimised("nats"), Minimised("squared probability"))
    'nats against squared probability'
    """
    if one.scale != other.scale:
        return "each target is standardised by its own data"
    return "" if one.unit == other.unit else f"{one.unit} against {other.unit}"
