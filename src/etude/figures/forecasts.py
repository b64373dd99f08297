"""Forecasts of help held against trials: how often what was forecast at about so much came true."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from etude.figures.numbers import percent, plural, significant
from etude.figures.verdicts import chances
from etude.values.effect import Verdict
from etude.values.treatment import Borne, Round

EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Between which forecasts are counted together."""

EVEN = 0.1
"""A forecast no farther than this from one half leans neither way."""

SHOWED: Mapping[Verdict, str] = MappingProxyType(
    {"better": "helped", "worse": "did harm", "equivalent": "made no difference", "undecided": "undecided"}
)
"""The verdict on a treatment as what its trial showed."""


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Forecasts of a like probability, or all of them, and what their trials showed.

    low, high: between which the probabilities are
    made:      how many were put on trial
    expected:  how many of them were to help: the sum of the probabilities
    helped, not_helped: verified to help, or to do harm or make no difference; the others are undecided
    """

    low: float
    high: float
    made: int
    expected: float
    helped: int
    not_helped: int

    @property
    def undecided(self) -> int:
        """Those whose trial showed neither."""
        return self.made - self.helped - self.not_helped

    @property
    def mean(self) -> float:
        """The mean of the probabilities."""
        return self.expected / self.made

    @property
    def came_true(self) -> tuple[float, float]:
        """The least and the greatest share that may have helped, by how the undecided ones would be decided."""
        return self.helped / self.made, (self.helped + self.undecided) / self.made


def forecasts(rounds: Sequence[Round]) -> Forecasts | None:
    """All forecasts that the rounds put on trial; None where there were none."""
    made = _made(rounds)
    return _counted(0.0, 1.0, made) if made else None


def by_probability(rounds: Sequence[Round]) -> tuple[Forecasts, ...]:
    """The same by about how likely help was said to be; where nothing was forecast there is no entry."""
    made = _made(rounds)
    groups = [(low, high, _between(made, low, high)) for low, high in itertools.pairwise(EDGES)]
    return tuple(_counted(low, high, group) for low, high, group in groups if group)


Made = tuple[float, Borne]
"""A probability of help, and what the trial showed."""


def _made(rounds: Sequence[Round]) -> list[Made]:
    tried = [one for of in rounds for one in of.tried if one.effect is not None]
    return [(one.prescription.expected.helps, one.bears) for one in tried if one.prescription.expected is not None]


def _between(made: Sequence[Made], low: float, high: float) -> list[Made]:
    return [one for one in made if low <= one[0] < high or one[0] == high == 1.0]


def _counted(low: float, high: float, made: Sequence[Made]) -> Forecasts:
    counts = [sum(bears == which for _, bears in made) for which in ("confirmed", "refuted")]
    return Forecasts(low, high, len(made), math.fsum(p for p, _ in made), *counts)


def is_right(probability: float, bears: Borne) -> bool | None:
    """Whether the likelier of help and no help came about; None where that is undecided, or the odds were even.

    >>> is_right(0.09, "refuted"), is_right(0.09, "confirmed"), is_right(0.5, "refuted"), is_right(0.9, "undecided")
    (True, False, None, None)
    """
    if bears == "undecided" or abs(probability - 0.5) <= EVEN:
        return None
    return (probability > 0.5) == (bears == "confirmed")


def odds_text(probability: float, bears: Borne) -> str:
    """Beside what was measured: whether that was the likelier thing.

    >>> odds_text(0.09, "refuted"), odds_text(0.09, "confirmed"), odds_text(0.5, "refuted")
    ('as was likelier', 'against the odds', 'the odds were even')
    """
    if bears == "undecided":
        return ""
    right = is_right(probability, bears)
    return "the odds were even" if right is None else "as was likelier" if right else "against the odds"


def summary(every: Forecasts) -> str:
    """How many were to help and how many did, as a sentence.

    >>> summary(Forecasts(0, 1, 20, 4.3, helped=3, not_helped=12))
    'Of 20 forecasts 4.3 were expected to come true: 3 helped, 12 did not, and 5 are undecided.'
    """
    says = f"{every.helped} helped and {every.not_helped} did not"
    if every.undecided:
        are = "is" if every.undecided == 1 else "are"
        says = f"{every.helped} helped, {every.not_helped} did not, and {every.undecided} {are} undecided"
    made, were = plural(every.made, "forecast"), "was" if every.made == 1 else "were"
    return f"Of {made} {significant(every.expected, 2)} {were} expected to come true: {says}."


TABLE_HEADS = ("forecast", "made", "expected", "helped", "did not", "undecided", "came true")


def table_rows(groups: Sequence[Forecasts]) -> tuple[tuple[str, ...], ...]:
    """A row for each group, as words."""
    return tuple(
        (
            f"about {chances(one.mean)}",
            str(one.made),
            significant(one.expected, 2),
            str(one.helped),
            str(one.not_helped),
            str(one.undecided),
            _share(one),
        )
        for one in groups
    )


def _share(one: Forecasts) -> str:
    low, high = one.came_true
    return percent(low) if low == high else f"{percent(low).removesuffix(' %')} to {percent(high)}"
