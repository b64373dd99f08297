"""From runs to diagnoses, worst first: which runs are replicates of one thing, and what came of every file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from etude.figures.verdicts import rank
from etude.values.errors import EtudeError, LogError
from etude.values.finding import SEVERITIES, Diagnosis, Finding, NotRun, Severity
from etude.values.run import Run

ALL = "all"
"""What a user says whose runs are all replicates."""

JUDGED = 10
"""Replicates of a study's arm that are judged: enough to say how many agree, and no study waits for it."""

LIKELY = 0.5
"""Findings below this probability do not fail a build: what is less likely true than not is for people to weigh."""

REPLICATE = re.compile(r"(?P<arm>.+) · (?P<replicate>\d+)")
"""How étude's own store names the runs of a study."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A diagnosis and the runs that it is of."""

    diagnosis: Diagnosis
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of some runs.

    judged:     worst first
    comparison: what shows only when arms are held against each other
    failed:     of each log that could not be read, why
    passed:     files that are no logs
    """

    judged: tuple[Judged, ...]
    comparison: tuple[Finding | NotRun, ...] = ()
    failed: tuple[LogError, ...] = ()
    passed: int = 0

    @property
    def counted(self) -> tuple[Finding, ...]:
        """Findings that are more likely true than not, and those that say what the verdict on their run says."""
        of_runs = (
            finding
            for one in self.judged
            for finding in one.diagnosis.findings
            if finding.probability >= LIKELY or finding.symptom == one.diagnosis.verdict
        )
        across = (one for one in self.comparison if isinstance(one, Finding) and one.probability >= LIKELY)
        return (*of_runs, *across)

    def fails_on(self, severity: Severity | None) -> bool:
        """Whether any finding that counts is as severe, or more."""
        if severity is None:
            return False
        least = SEVERITIES.index(severity)
        return any(SEVERITIES.index(finding.severity) >= least for finding in self.counted)


def examined(arms: Mapping[str, Sequence[Run]], *, failed: Sequence[LogError] = (), passed: int = 0) -> Examined:
    """Every arm judged, be it one run or several replicates, and the arms held against each other."""
    from etude.diagnosis.diagnose import compared, diagnosed

    judged = sorted((Judged(diagnosed(runs, name), tuple(runs)) for name, runs in arms.items()), key=_worst_first)
    across = compared(arms) if len(arms) > 1 else ()
    return Examined(tuple(judged), tuple(across), tuple(failed), passed)


def arms_diagnosed(runs: Mapping[str, Sequence[Run]]) -> tuple[Diagnosis, ...]:
    """How each arm of a study trained, in the order of the arms, by the first `JUDGED` of its replicates."""
    from etude.diagnosis.diagnose import diagnosed

    return tuple(diagnosed(of[:JUDGED], arm) for arm, of in runs.items())


def grouped(runs: Sequence[Run], replicates: str | None = None) -> Mapping[str, tuple[Run, ...]]:
    """The runs by what they are replicates of; a run that has none is a group of its own.

    replicates: "all"; the name of a parameter that the tool logged, so that runs with one value of it belong together;
                or a regular expression, so that runs belong together whose names are alike but for what it matches.
                None: étude's own runs by arm, each other run for itself
    """
    if replicates is None:
        names = [_arm(run) for run in runs]
    elif replicates == ALL:
        names = [f"{len(runs)} runs" if len(runs) != 1 else runs[0].name] * len(runs)
    elif any(replicates in run.provenance for run in runs):
        names = [f"{replicates} {run.provenance[replicates]}" if replicates in run.provenance else "" for run in runs]
    else:
        names = _without(replicates, runs)
    groups: dict[str, list[Run]] = {}
    for name, run in zip(names, runs, strict=True):
        groups.setdefault(name or _unlike(run, groups), []).append(run)
    return {name: tuple(of) for name, of in groups.items()}


def by_reason(not_run: Sequence[NotRun]) -> list[tuple[str, list[str]]]:
    """The checks by why they could not run, the reason that stops most of them first."""
    reasons: dict[str, list[str]] = {}
    for one in not_run:
        reasons.setdefault(one.because, []).append(one.check)
    return sorted(reasons.items(), key=lambda reason: -len(reason[1]))


def _arm(run: Run) -> str:
    """The arm of a run of étude's own; nothing for a run that stands for itself."""
    named = REPLICATE.fullmatch(run.name)
    return named["arm"] if named and run.recipe is not None else ""


def _without(pattern: str, runs: Sequence[Run]) -> list[str]:
    """The names of the runs without what the pattern matches; nothing for those it does not match."""
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise EtudeError(
            f"--replicates {pattern!r} is no regular expression: {error}. Say 'all', the name of a logged parameter, "
            "or a pattern of what replicates differ in, such as '_seed[0-9]+'. Nothing was judged."
        ) from None
    if not any(found.search(run.name) for run in runs):
        names = ", ".join(repr(run.name) for run in runs[:4])
        raise EtudeError(
            f"--replicates {pattern!r} is neither 'all' nor the name of a parameter that was logged, and as a pattern "
            f"it matches the name of no run: {names}{', …' if len(runs) > 4 else ''}. Nothing was judged."
        )
    return [found.sub("", run.name).strip(" ._-/") or "runs" if found.search(run.name) else "" for run in runs]


def _unlike(run: Run, taken: Mapping[str, object]) -> str:
    """The run's name; with its file, or else a number, where another run has that name."""
    names = (run.name, *(f"{run.name} ({Path(file).name})" for file in run.files[:1]))
    numbered = (f"{run.name} ({i})" for i in range(2, len(taken) + 3))
    return next(name for name in chain(names, numbered) if name not in taken)


def _worst_first(one: Judged) -> tuple[int, int, float, str]:
    """By verdict, then by the worst finding; of two alike, the surer trouble and the less sure health first."""
    diagnosis = one.diagnosis
    worst = max((SEVERITIES.index(finding.severity) for finding in diagnosis.findings), default=-1)
    sure = diagnosis.probability if diagnosis.verdict == "good fit" else -diagnosis.probability
    return -(worst == len(SEVERITIES) - 1), rank(diagnosis.verdict), sure, diagnosis.source
