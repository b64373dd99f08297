"""Treating: diagnose, prescribe, put on trial, keep what is verified to help, and go round again."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from etude.diagnosis.case import case_of
from etude.diagnosis.diagnose import diagnosed
from etude.diagnosis.expected import expected_of
from etude.diagnosis.prescribe import prescribed
from etude.studies.averaging import MOST, averaging
from etude.studies.budget import FRESH, Budget, Purse
from etude.studies.estimate import Terms
from etude.studies.fresh import fresh_comparison
from etude.studies.scouting import Scouts, Steps
from etude.studies.trainers import Trainer
from etude.studies.trial import Trial, Ward, on_trial
from etude.values.finding import Diagnosis
from etude.values.study import MINIMUM_REPLICATES
from etude.values.treatment import Final, Prescription, Round, Setting, Treated, Treatment, identity

ARMS = 8
"""Treatments of one trial at most, each strength counted."""

WORTH = 0.003
"""The weight below which a prescription is not worth a trial."""

WELL = 0.95
"""The probability of a good fit from which nothing is tried on a recipe as it comes."""

WELL_AGAIN = 0.99
"""The same of a treated one. Who came ill is not sent home at the first good day: a good fit is the best of nothing,
and what helps it further is verified like all else."""

MOST_ROUNDS = 24
"""Nobody follows more."""

SINGLE = 0.15
"""Share of the budget after which treatments are no longer tried one by one, but together, as scouts find them."""

FOUND, FOUND_RATE = 3, 0.5
"""Settings found by scouts that are put on trial, and their share of a round's error rate."""

JUDGED = 10
"""Replicates that are diagnosed together."""

SPENT = "the budget is spent"

NOTHING_MORE = "nothing that scouts found was verified to help further"


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
    """Where a round begins: a setting, the round that verified it, by which treatment, and all that led to it."""

    setting: Setting
    parent: int | None = None
    by: str = ""
    steps: Steps = ()


def treat(control: Setting, order: Order, *, trainer: Trainer, budget: Budget, told: Told = lambda _: None) -> Treated:
    """Treat until it fits, nothing is verified to help, or the budget is spent.

    Each round's control is the setting that the round before verified: at first by single treatments, then by several
    together, as scouts find them, and at last the best of all rounds is taken. Treatments are chosen by the validation
    part alone; the last comparison is the one that is quoted: on seeds that no trial used, and on test
    rows that no replicate of a trial learned from or was chosen by. The same order on the same store goes on where it
    was stopped, and trains nothing twice.
    """
    control = trainer.set_aside(control)
    trainer.check(control)
    purse = Purse(budget, trainer)
    ward = Ward(trainer, trainer.metric(control, order.metric), purse)
    scouts = Scouts(control, order.treatments, ward, seed=order.seed)
    rounds: list[Round] = []
    start: _Start | None = _Start(control)
    while start and len(rounds) < MOST_ROUNDS:
        found = _round(start, order, ward, scouts)
        rounds.append(found)
        told(found)
        start = _next(rounds, start, scouts)
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


def _next(rounds: Sequence[Round], start: _Start, scouts: Scouts) -> _Start | None:
    """From what the last round kept, if it did."""
    last = rounds[-1]
    if not last.kept:
        return None
    (setting,) = [one.prescription.setting for one in last.tried if one.prescription.name == last.kept]
    steps = scouts.steps_to(setting) or (*start.steps, last.kept)
    return _Start(setting, len(rounds) - 1, last.kept, steps)


def _round(start: _Start, order: Order, ward: Ward, scouts: Scouts) -> Round:
    """One control diagnosed and treated, in trials of a few treatments, until one helps, and then of several together.

    A recipe that came ill and fits well by now is still scouted from, while there is budget.
    """
    control, trainer, purse = start.setting, ward.trainer, ward.purse
    blank = Round(control, start.parent, start.by, UNSEEN, (), ())
    if not purse.affords([control], MINIMUM_REPLICATES):
        return replace(blank, ended=SPENT)
    runs = purse.train({"control": control}, range(MINIMUM_REPLICATES), new=MINIMUM_REPLICATES)["control"]
    scores = trainer.scores(control, runs, ward.metric)
    found = replace(blank, diagnosis=diagnosed(runs, "control"), runs=runs, scores=tuple(scores.tolist()))
    if is_well(found.diagnosis, treated=bool(start.by)):
        well = replace(found, ended=f"the verdict is good fit, probability {found.diagnosis.probability:.2f}")
        return _together(well, start, order, ward, scouts) if start.by else well
    if purse.has_spent(SINGLE):
        return _together(replace(found, ended=NOTHING_MORE), start, order, ward, scouts)
    expected = expected_of([case_of(run) for run in runs])
    given = prescribed(found.diagnosis, control, order.treatments, expected)
    worth = [_in_unit(one, control, ward) for one in given if one.weight >= WORTH]
    tried = _treated(found, worth, order, ward)
    return tried if tried.kept else _together(tried, start, order, ward, scouts)


def _together(found: Round, start: _Start, order: Order, ward: Ward, scouts: Scouts) -> Round:
    """The round with a trial of what scouts find: several treatments on top of one another."""
    made = ward.trainer.made
    known = {identity(one.prescription.setting) for one in found.tried}
    ahead = scouts.ahead(start.setting, start.steps)
    batch = [one for one in ahead if identity(one.setting) not in known][:FOUND]
    found = replace(found, scouted=ward.trainer.made - made)
    if not batch:
        return found
    terms = Terms(1 - FOUND_RATE * (1 - order.level), order.seed, ward.purse.budget.looks)
    trial = on_trial(found.control, batch, ward, terms)
    after = _with(found, trial, ward)
    return replace(after, ended="") if after.kept else after


def _in_unit(one: Prescription, control: Setting, ward: Ward) -> Prescription:
    """With what is expected of it in the metric's unit; with nothing where that is not known."""
    unit = ward.trainer.unit(control, ward.metric)
    return replace(one, expected=one.expected.times(unit) if one.expected and unit else None)


def _treated(found: Round, worth: Sequence[Prescription], order: Order, ward: Ward) -> Round:
    """The round with its trials: a few treatments at a time, those for which most speaks first, until one helps.

    All of them are one family, whose error rate the trials share by their numbers of treatments; what is found by
    scouts has its own share.
    """
    purse = ward.purse
    dear = [one for one in worth if purse.is_too_dear(one.setting)]
    left = family = [one for one in worth if one not in dear]
    while left:
        batch = purse.share(left, lambda one: one.setting, found.control, ARMS)
        rate = (1 - FOUND_RATE) * (1 - order.level) * len(batch) / len(family)
        trial = on_trial(found.control, batch, ward, Terms(1 - rate, order.seed, purse.budget.looks))
        found, left = _with(found, trial, ward), left[len(batch) :]
        if trial.kept is not None:
            return found
        if trial.broke:
            return replace(found, ended=SPENT)
    too_dear = f"; {len(dear)} more would have taken too long" if dear else ""
    if dear and not family:
        n = f"{len(dear)} treatments answer" if len(dear) > 1 else "1 treatment answers"
        return replace(found, ended=f"{n} the diagnosis, and the time that was left was too short for a trial of any")
    if not family:
        return replace(found, ended="no treatment answers the diagnosis")
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
    terms = Terms(order.level, order.seed, (MOST,))
    found = replace(final, diagnosis=diagnosed(final.after[:JUDGED], "treated"))
    return replace(found, averaged=averaging(setting, found, ward, terms))


def is_well(diagnosis: Diagnosis, *, treated: bool = False) -> bool:
    """Whether nothing is tried, because a good fit is as sure as it has to be."""
    return diagnosis.verdict == "good fit" and diagnosis.probability >= (WELL_AGAIN if treated else WELL)


UNSEEN = Diagnosis("control", "cannot tell", 1.0, "The budget was spent before it could be diagnosed.")
