"""Treating: diagnose, prescribe, put on trial, keep what is verified to help, and go round again."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from etude.diagnosis.case import case_of
from etude.diagnosis.diagnose import diagnosed
from etude.diagnosis.expected import expected_of
from etude.diagnosis.prescribe import prescribed
from etude.studies.budget import FRESH, Budget, Purse
from etude.studies.estimate import Terms
from etude.studies.fresh import fresh_comparison
from etude.studies.trainers import Trainer
from etude.studies.trial import Trial, Ward, on_trial
from etude.values.finding import Diagnosis
from etude.values.study import MINIMUM_REPLICATES
from etude.values.treatment import Final, Prescription, Round, Setting, Treated, Treatment

ARMS = 8
"""Treatments of one trial at most, each strength counted."""

WORTH = 0.003
"""The weight below which a prescription is not worth a trial."""

WELL = 0.95
"""The probability of a good fit from which nothing is tried on a recipe as it comes."""

WELL_AGAIN = 0.99
"""The same of a treated one. Who came ill is not sent home at the first good day: a good fit is the best of nothing,
and what helps it further is verified like all else."""

HOPEFUL = 0.6
"""A treatment that was verified too, though another was kept, is gone on from later where it helped at least so much of
what the kept one did."""

MOST_ROUNDS = 24
"""Nobody follows more."""

JUDGED = 10
"""Replicates that are diagnosed together."""

SPENT = "the budget is spent"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done.

    treatments: those that may be tried
    metric:     what they are chosen by; None: the score that the loss is
    level:      one minus the rate of false improvements
    seed:       of resampling
    """

    name: str
    treatments: Sequence[Treatment]
    metric: str | None = None
    level: float = 0.95
    seed: int = 0


Told = Callable[[Round], None]
"""Called with every round as it ends."""


@dataclass(frozen=True, slots=True, eq=False)
class _Start:
    """Where a round may begin: a setting, the round that verified it, by which treatment, and its estimated score."""

    setting: Setting
    parent: int | None = None
    by: str = ""
    score: float = 0.0


def treat(control: Setting, order: Order, *, trainer: Trainer, budget: Budget, told: Told = lambda _: None) -> Treated:
    """Treat until it fits, nothing is verified to help, or the budget is spent.

    Each round's control is a setting that a round before verified. Where nothing helps further, the best of those that
    were verified and passed over is gone on from, and at last the best end of all is taken. Treatments are chosen by
    the validation part alone; the last comparison is the one that is quoted: on seeds that no trial used, and on test
    rows that no replicate of a trial learned from or was chosen by. The same order on the same store goes on where it
    was stopped, and trains nothing twice.
    """
    control = trainer.set_aside(control)
    trainer.check(control)
    purse = Purse(budget, trainer)
    ward = Ward(trainer, trainer.metric(control, order.metric), purse)
    rounds: list[Round] = []
    waiting = [_Start(control)]
    while waiting and len(rounds) < MOST_ROUNDS:
        start = waiting.pop(0)
        found = _round(start, order, ward)
        rounds.append(found)
        told(found)
        if found.ended.startswith(SPENT) or is_well(found.diagnosis, treated=bool(start.by)):
            break
        waiting = _next(rounds, waiting, ward)
    path = _path(rounds, ward)
    chosen = rounds[path[-1]].control
    final = _final(control, chosen, order, ward) if len(path) > 1 else None
    ended = rounds[-1].ended or f"{MOST_ROUNDS} rounds are as many as it makes"
    return Treated(
        order.name,
        control,
        chosen,
        ward.metric,
        tuple(rounds),
        path,
        ended,
        final,
        trainer.made,
        round(purse.seconds, 1),
    )


def _round(start: _Start, order: Order, ward: Ward) -> Round:
    """One control diagnosed and treated, in trials of a few treatments, until one helps."""
    control, trainer, purse = start.setting, ward.trainer, ward.purse
    blank = Round(control, start.parent, start.by, UNSEEN, (), ())
    if not purse.affords([control], MINIMUM_REPLICATES):
        return replace(blank, ended=SPENT)
    runs = trainer.train({"control": control}, range(MINIMUM_REPLICATES))["control"]
    purse.spent([control], MINIMUM_REPLICATES)
    scores = trainer.scores(control, runs, ward.metric)
    found = replace(blank, diagnosis=diagnosed(runs, "control"), runs=runs, scores=tuple(scores.tolist()))
    if is_well(found.diagnosis, treated=bool(start.by)):
        return replace(found, ended=f"the verdict is good fit, probability {found.diagnosis.probability:.2f}")
    expected = expected_of([case_of(run) for run in runs])
    given = prescribed(found.diagnosis, control, order.treatments, expected)
    worth = [_in_unit(one, control, ward) for one in given if one.weight >= WORTH]
    return _treated(found, worth, order, ward)


def _in_unit(one: Prescription, control: Setting, ward: Ward) -> Prescription:
    """With what is expected of it in the metric's unit; with nothing where that is not known."""
    unit = ward.trainer.unit(control, ward.metric)
    return replace(one, expected=one.expected.times(unit) if one.expected and unit else None)


def _treated(found: Round, worth: Sequence[Prescription], order: Order, ward: Ward) -> Round:
    """The round with its trials: a few treatments at a time, those for which most speaks first, until one helps.

    All of them are one family, whose error rate the trials share by their numbers of treatments.
    """
    purse = ward.purse
    dear = [one for one in worth if purse.is_too_dear(one.setting)]
    left = family = [one for one in worth if one not in dear]
    while left:
        batch = purse.share(left, lambda one: one.setting, found.control, ARMS)
        rate = (1 - order.level) * len(batch) / len(family)
        trial = on_trial(found.control, batch, ward, Terms(1 - rate, order.seed, purse.budget.looks))
        found, left = _with(found, trial, ward), left[len(batch) :]
        if trial.kept is not None:
            return found
        if trial.broke:
            return replace(found, ended=SPENT)
    too_dear = f"; {len(dear)} more would have taken too long" if dear else ""
    if not family:
        return replace(found, ended=f"no treatment answers the diagnosis{too_dear}")
    return replace(found, ended=f"none of {len(family)} treatments was verified to help{too_dear}")


def _with(found: Round, trial: Trial, ward: Ward) -> Round:
    runs = trial.runs if len(trial.runs) > len(found.runs) else found.runs
    return replace(
        found,
        runs=runs,
        scores=tuple(ward.trainer.scores(found.control, runs, ward.metric).tolist()),
        tried=(*found.tried, *trial.tried),
        looks=tuple(sorted({*found.looks, *trial.looks})),
        kept="" if trial.kept is None else trial.kept.name,
    )


def _next(rounds: Sequence[Round], waiting: Sequence[_Start], ward: Ward) -> list[_Start]:
    """What the last round kept, and then what any round verified and passed over, the most promising first."""
    last, place = rounds[-1], len(rounds) - 1
    sign = 1 if ward.metric.lower_is_better else -1
    helped = [one for one in last.tried if one.effect is not None and one.bears == "confirmed"]
    base = float(np.nanmean(last.scores)) if np.isfinite(last.scores).any() else math.inf
    best = max((-sign * one.effect.mean for one in helped if one.effect), default=0.0)
    starts = {
        one.prescription.name: _Start(
            one.prescription.setting, place, one.prescription.name, sign * (base + one.effect.mean)
        )
        for one in helped
        if one.effect and (one.prescription.name == last.kept or -sign * one.effect.mean >= HOPEFUL * best)
    }
    kept = [starts.pop(last.kept)] if last.kept else []
    passed = [one for one in (*waiting, *starts.values()) if not _is_taken_up(one, rounds)]
    return [*kept, *sorted(passed, key=lambda one: one.score)]


def _is_taken_up(start: _Start, rounds: Sequence[Round]) -> bool:
    """Whether what was passed over became part of a later control all the same."""
    later = rounds[(start.parent or 0) + 1 :]
    return any(one.by == start.by or one.control == start.setting for one in later)


def _path(rounds: Sequence[Round], ward: Ward) -> tuple[int, ...]:
    """The places of the rounds that lead to the best control, by its mean score on the replicates that all have."""
    sign = 1 if ward.metric.lower_is_better else -1
    n = min((len(one.scores) for one in rounds if one.scores), default=0)

    def rank(place: int) -> tuple[int, float]:
        scores = np.array(rounds[place].scores[:n])
        finite = scores[np.isfinite(scores)]
        return n - finite.size, sign * float(finite.mean()) if finite.size else math.inf

    place: int | None = min((i for i, one in enumerate(rounds) if one.scores), key=rank, default=0)
    path: list[int] = []
    while place is not None:
        path.append(place)
        place = rounds[place].parent
    return tuple(reversed(path))


def _final(control: Setting, setting: Setting, order: Order, ward: Ward) -> Final:
    purse, trainer = ward.purse, ward.trainer
    left = (purse.budget.trainings - trainer.made) // 2
    replicates = max(MINIMUM_REPLICATES, min(FRESH, left))
    while replicates > MINIMUM_REPLICATES and not purse.affords([control, setting], replicates, reserve=False):
        replicates -= 1
    final = fresh_comparison(control, setting, ward, Terms(order.level, order.seed, (replicates,)))
    return replace(final, diagnosis=diagnosed(final.after[:JUDGED], "treated"))


def is_well(diagnosis: Diagnosis, *, treated: bool = False) -> bool:
    """Whether nothing is tried, because a good fit is as sure as it has to be."""
    return diagnosis.verdict == "good fit" and diagnosis.probability >= (WELL_AGAIN if treated else WELL)


UNSEEN = Diagnosis("control", "cannot tell", 1.0, "The budget was spent before it could be diagnosed.")
