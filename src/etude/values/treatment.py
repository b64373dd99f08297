"""Treatments and their trials: a declared change of a recipe, what was predicted of it, and what it did."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from etude.values.effect import Effect
from etude.values.finding import Diagnosis
from etude.values.metric import Metric
from etude.values.recipe import Recipe
from etude.values.run import Run

Fields = Mapping[str, Any]
"""What a user's own training function takes: names and values, such as {"learning_rate": 0.001, "epochs": 10}."""

Setting = Recipe | Fields
"""What is treated: a recipe, or the fields of a user's own function."""


def identity(setting: Setting) -> str:
    """A text that two settings share exactly where they are the same.

    >>> identity({"epochs": 3, "rate": 0.1}) == identity({"rate": 0.1, "epochs": 3})
    True
    """
    return setting.checksum if isinstance(setting, Recipe) else repr(sorted(setting.items()))


TOGETHER = "several together"
"""What a prescription of several treatments is called, as scouts find them."""

Borne = Literal["confirmed", "refuted", "undecided"]
"""What a trial says of a prediction. `confirmed`: better; `refuted`: worse, or too small to act on."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """A change of recipe under test.

    name:      what it is, as words after "try": "more epochs"
    says:      why it may help, one sentence
    answers:   the verdicts and symptoms it is for
    fields:    paths of the recipe's fields that it may change, and no others
    strengths: how strongly, mildest first; each is an arm of its own
    apply:     the changed recipe; None where it would change nothing or cannot be, as dropout of a linear model
    """

    name: str
    says: str
    answers: tuple[str, ...]
    fields: tuple[str, ...]
    strengths: tuple[float, ...]
    apply: Callable[[Any, float], Setting | None]

    def called(self, strength: float) -> str:
        """Its name, with the strength where it has several: "more epochs (3)"."""
        return f"{self.name} ({strength:g})" if len(self.strengths) > 1 else self.name


@dataclass(frozen=True, slots=True)
class Change:
    """A field of a setting and its value before and after, as a person reads them."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What a treatment is predicted to do to a held-out score, as measured on the bank's runs.

    helps: the probability that it improves the score
    low, middle, high: the improvement if it helps: its median and the 10th and 90th percentile, as positive numbers,
        in shares of the best constant's score or, in the record of a trial, in the metric's unit
    """

    helps: float
    low: float
    middle: float
    high: float

    @property
    def worth(self) -> float:
        """What prescriptions are ranked by: the probability times the median, of which no more than all can be had."""
        return self.helps * min(1.0, self.middle)

    def times(self, unit: float) -> "Expected":
        """The same in another unit, of which a share of 1 is `unit`.

        >>> Expected(0.9, 0.1, 0.2, 0.4).times(0.5).middle
        0.1
        """
        return Expected(self.helps, unit * self.low, unit * self.middle, unit * self.high)


@dataclass(frozen=True, slots=True, eq=False)
class Prescription:
    """One treatment at one strength for one control.

    name:      the treatment's, with its strength where it has several: "larger learning rate (3)"
    treatment: the name of the treatment
    setting:   the changed one
    because:   the verdicts and symptoms that speak for it, the likeliest first
    weight:    how much speaks for it; the ranking is by this
    expected:  what it is predicted to do; None where nothing was measured that would tell
    """

    name: str
    treatment: str
    setting: Setting
    because: tuple[str, ...]
    weight: float
    expected: Expected | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """One prescription on trial.

    effect:  treated minus control on the selection score; None where no run of it could be made
    bears:   what the trial says of the prediction
    dropped: the number of replicates after which it was no longer among the best; None if it stayed to the end
    failed:  why no run of it could be made; "" where some were
    """

    prescription: Prescription
    effect: Effect | None
    bears: Borne
    dropped: int | None = None
    failed: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """A control, its diagnosis, the treatments tried against it, and the one kept.

    parent:  the round whose verified treatment made this control, by its place; None of the first
    by:      that treatment's name; "" of the first
    runs:    of the control, in replicate order
    scores:  of these runs, what treatments are chosen by; NaN where one failed
    looks:   the numbers of replicates at which it was looked
    kept:    the name of the prescription that was kept; "" where none was verified to help
    ended:   why it went no further from here, as a sentence; "" where one was kept
    scouted: trainings of scouts, who look for several treatments that help together; no evidence by themselves
    """

    control: Setting
    parent: int | None
    by: str
    diagnosis: Diagnosis
    runs: tuple[Run, ...]
    scores: tuple[float, ...]
    tried: tuple[Tried, ...] = ()
    looks: tuple[int, ...] = ()
    kept: str = ""
    ended: str = ""
    scouted: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """A mean over replicates with its interval, in the metric's unit."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The two sides of the fresh comparison on one metric.

    effect:  after minus before, paired
    best:    the best score possible, where it is known
    removed: share of the distance from the best possible that is gone, with its interval; None where that is unknown
    """

    before: Level
    after: Level
    effect: Effect
    best: float | None = None
    removed: Level | None = None


@dataclass(frozen=True, slots=True)
class Averaged:
    """How far averaging gets: several networks of the treated recipe on the same rows, by the treatment's own metric.

    About an upper bound of what more trainings of this recipe can give. Nothing is chosen by it: it is no recipe, and
    no part of the treatment's result.

    members:  networks that are averaged
    single:   the mean score of single networks, over replicates
    averaged: the score of their mean prediction
    effect:   averaged minus single, paired by replicate
    removed:  share of the distance from the best possible that averaging takes away; None where that is unknown
    """

    members: int
    single: Level
    averaged: Level
    effect: Effect
    removed: Level | None = None

    @property
    def trainings(self) -> int:
        """In all replicates."""
        return self.members * len(self.effect.differences)


@dataclass(frozen=True, slots=True, eq=False)
class Final:
    """The untreated and the treated recipe once more, on seeds and rows that nothing was chosen by.

    outcomes:  by metric, the primary one first
    split:     "test", or "validation" where there is no test part
    diagnosis: of the treated runs
    averaged:  how far averaging would get; None where that is not known
    """

    outcomes: Mapping[str, Outcome]
    split: str
    before: tuple[Run, ...]
    after: tuple[Run, ...]
    diagnosis: Diagnosis | None = None
    averaged: Averaged | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Treated:
    """All of it: what `treat` returns.

    metric:    what treatments were chosen by, on the validation part
    rounds:    in order; a round may go on from another's second best
    path:      the places of the rounds that led to the treated setting, the first one first
    setting:   the treated one; the untreated one where nothing was verified to help
    ended:     why it ended, as a sentence
    final:     None where nothing was kept
    trainings: made or taken from the store; seconds: of this call
    """

    name: str
    before: Setting
    setting: Setting
    metric: Metric
    rounds: tuple[Round, ...]
    path: tuple[int, ...]
    ended: str
    final: Final | None
    trainings: int
    seconds: float
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, str | int | float] = field(default_factory=lambda: MappingProxyType({}))
