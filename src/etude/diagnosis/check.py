"""What a check is: one symptom, what it is looked for in, and the function that looks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from etude.diagnosis.case import Arm, Case
from etude.values.finding import Finding, NotRun

Seen = Finding | NotRun | None
"""A finding; what the check needs and lacks; or None where all is well."""


@dataclass(frozen=True, slots=True)
class RunCheck:
    """A symptom that one run can show."""

    symptom: str
    look: Callable[[Case], Seen]


@dataclass(frozen=True, slots=True)
class ArmCheck:
    """A symptom that shows in the replicates of one arm."""

    symptom: str
    look: Callable[[Arm], Seen]


@dataclass(frozen=True, slots=True)
class StudyCheck:
    """A symptom that shows in the comparison of several arms."""

    symptom: str
    look: Callable[[Sequence[Arm]], Seen]


Check = RunCheck | ArmCheck | StudyCheck
