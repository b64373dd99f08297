"""What a diagnosis says: findings with their evidence, one verdict with its probability, and what could not be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from etude.values.lost import Lost

Verdict = Literal[
    "good fit",
    "overfit",
    "underfit (capacity)",
    "underfit (optimisation)",
    "not converged",
    "learning rate too low",
    "learning rate too high",
    "diverged",
    "not learning",
    "over-regularised",
    "cannot tell",
]
Severity = Literal["note", "warning", "error"]
"""`note`: worth knowing; `warning`: the run is worse than it could be; `error`: its result is of no use."""

SEVERITIES: tuple[Severity, ...] = ("note", "warning", "error")


@dataclass(frozen=True, slots=True)
class Measured:
    """A number that a finding rests on, with its unit and, where it could be had, its 95 % interval.

    name:  what it is, as words, such as "rise of the validation loss above its minimum"
    unit:  "nats", "%", "steps"; "" for a pure number
    runs:  how many runs it is the mean over
    """

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    runs: int = field(default=1, kw_only=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where on a curve a finding is seen: steps, both included."""

    curve: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Cause:
    """What may be behind a finding, and the trial or the measurement that would tell it from the other causes."""

    says: str
    told_by: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a treatment will do, so that it can be put on trial.

    treatment: the change of recipe, as words, such as "train three times as long"
    metric:    what it moves, such as "validation loss"
    direction: which way
    low, high: the range of sizes that is expected of the change, as positive numbers in `unit`
    """

    treatment: str
    metric: str
    direction: Literal["falls", "rises"]
    low: float
    high: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check saw.

    symptom:     its name, a key of the table of checks
    says:        one or two plain sentences with the numbers that matter
    severity:    how much it spoils the result
    probability: that an intervention would confirm it, in [0, 1]
    evidence:    the numbers behind it
    where:       the parts of curves that show it
    causes:      most likely first
    treatments:  changes of recipe worth a trial, best first
    prediction:  what the first treatment should do; None where nothing is to be treated
    """

    symptom: str
    says: str
    severity: Severity
    probability: float
    evidence: tuple[Measured, ...] = ()
    where: tuple[Place, ...] = ()
    causes: tuple[Cause, ...] = ()
    treatments: tuple[str, ...] = ()
    prediction: Prediction | None = None


@dataclass(frozen=True, slots=True)
class NotRun:
    """A check that could not run. `because` says what it needs, as words that go on after "because"."""

    check: str
    because: str


@dataclass(frozen=True, slots=True)
class Sign:
    """One of the four signs of healthy training: None where it could not be measured.

    name:     "both losses fall together", "small gap", "smooth convergence", "validation stabilises"
    healthy:  whether it is there
    says:     a sentence with its numbers, or what is missing
    """

    name: str
    healthy: bool | None
    says: str
    evidence: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Diagnosis:
    """What is wrong with a run, or with the replicates of an arm.

    source:        the run's name, or the arm's
    verdict:       one word of symptoms.md's list; "cannot tell" is one
    probability:   that an intervention would confirm it
    probabilities: of every verdict that was weighed; they sum to 1
    says:          the verdict as a sentence or two, and how sure one run can be
    next:          what to try or to measure next, best first
    findings:      worst first
    signs:         the four signs of health
    not_run:       checks that could not run, and what they need
    checked:       the symptoms that were looked for
    judged:        series that were judged: role ("train", "validation") → its name in the log
    best_step:     where the validation series is best; None without one
    runs:          how many replicates were judged
    lost:          of the log, what could not be read
    notes:         what a reader assumed
    """

    source: str
    verdict: Verdict
    probability: float
    says: str
    probabilities: Mapping[Verdict, float] = field(default_factory=lambda: MappingProxyType({}))
    next: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    signs: tuple[Sign, ...] = ()
    not_run: tuple[NotRun, ...] = ()
    checked: tuple[str, ...] = ()
    judged: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    best_step: int | None = None
    runs: int = 1
    lost: tuple[Lost, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """One line, however much was found.

        >>> Diagnosis("seed 3", "overfit", 0.93, "", findings=(Finding("overfit", "", "warning", 0.9),))
        Diagnosis('seed 3': overfit, probability 0.93, 1 finding)
        >>> Diagnosis("seed 3", "cannot tell", 0.4, "", runs=6)
        Diagnosis('seed 3', 6 runs: cannot tell, 0 findings)
        """
        of = f", {self.runs} runs" if self.runs > 1 else ""
        sure = "" if self.verdict == "cannot tell" else f", probability {self.probability:.2g}"
        found = f"{len(self.findings)} finding{'s' if len(self.findings) != 1 else ''}"
        return f"Diagnosis({self.source!r}{of}: {self.verdict}{sure}, {found})"
