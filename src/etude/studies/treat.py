"""Treating: diagnose, prescribe, put on trial, keep what is verified to help, and go round again."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

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

SINGLE = 0.1
"""Share of the trainings, or of the time on one core, after which what was treated is no longer treated one by one, but
together, as scouts find."""

LONG = 2.0
"""From how many times the time that there is for each training a treatment takes so long that scouts go first: all that
follows what is kept takes as long, and what they add to it longer."""

FOUND, FURTHER = 3, 2
"""Settings found by scouts that are put on trial, and times the replicates of other trials that it may take: hundreds
of trainings have led there, and what it cannot decide is lost."""

SINGLY, TIMES = 0.5, (0.6, 0.4)
"""The share of a round's error rate that single treatments have, where there are any; and the shares of the rest for
the two times that scouts are sent out."""

JUDGED = 10
"""Replicates that are diagnosed together."""

SPENT = "the budget is spent"

NOTHING_MORE = "nothing that scouts found was verified to help further"

NOTHING_FOUND = "scouts found nothing that looked better"


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
    if not start.by and not purse.affords([control], MINIMUM_REPLICATES):  # what was kept has its runs from its trial
        return replace(blank, ended=SPENT)
    runs = purse.train({"control": control}, range(MINIMUM_REPLICATES), new=MINIMUM_REPLICATES)["control"]
    scores = trainer.scores(control, runs, ward.metric)
    found = replace(blank, diagnosis=diagnosed(runs, "control"), runs=runs, scores=tuple(scores.tolist()))
    terms = Terms(order.level, order.seed, purse.budget.looks)
    further = replace(terms, looks=purse.budget.looks_at_most(FURTHER * purse.budget.replicates))

    def together(share: float) -> Sequence[Callable[[Round], Round]]:
        each = [_share(further, share * time) for time in TIMES]
        return [partial(_together, start=start, ward=ward, scouts=scouts, terms=terms) for terms in each]

    if is_well(found.diagnosis, treated=bool(start.by)):
        well = replace(found, ended=f"the verdict is good fit, probability {found.diagnosis.probability:.2f}")
        return _until_kept(well, together(1.0)) if start.by else well
    if start.by and purse.has_spent(SINGLE):
        return _scouted(_until_kept(found, together(1.0)))
    expected = expected_of([case_of(run) for run in runs])
    given = prescribed(found.diagnosis, control, order.treatments, expected)
    worth = [_in_unit(one, control, ward) for one in given if one.weight >= WORTH]
    each = _share(terms, SINGLY / max(1, len(worth)))
    quick = [one for one in worth if not purse.takes_long(one.setting, scouts.control, times=LONG)]
    singly = partial(_treated, worth=worth, each=each, ward=ward)
    first, again = together(1 - SINGLY)
    return _until_kept(found, (partial(singly, quick), first, partial(singly, worth), again))


def _share(terms: Terms, share: float) -> Terms:
    """The terms with a share of their error rate."""
    return replace(terms, level=1 - share * (1 - terms.level))


def _until_kept(found: Round, steps: Sequence[Callable[[Round], Round]]) -> Round:
    """One step after the other, until one keeps a treatment or the budget is spent."""
    for step in steps:
        found = step(found)
        if found.kept or found.ended == SPENT:
            break
    return found


def _together(found: Round, *, start: _Start, ward: Ward, scouts: Scouts, terms: Terms) -> Round:
    """The round with a trial of what scouts find: several treatments on top of one another."""
    made = ward.trainer.made
    known = {identity(one.prescription.setting) for one in found.tried}
    ahead = scouts.ahead(start.setting, start.steps)
    batch = [one for one in ahead if identity(one.setting) not in known][:FOUND]
    found = replace(found, scouted=found.scouted + ward.trainer.made - made)
    if not batch:
        return found
    after = _with(found, on_trial(found.control, batch, ward, terms), ward)
    return replace(after, ended="") if after.kept else after


def _scouted(found: Round) -> Round:
    """With why it went no further, where nothing but what scouts found was to be tried."""
    if found.kept:
        return found
    if any(one.effect is not None for one in found.tried):
        return replace(found, ended=NOTHING_MORE)
    return replace(found, ended=NOTHING_FOUND if found.scouted and not found.tried else SPENT)


def _in_unit(one: Prescription, control: Setting, ward: Ward) -> Prescription:
    """With what is expected of it in the metric's unit; with nothing where that is not known."""
    unit = ward.trainer.unit(control, ward.metric)
    return replace(one, expected=one.expected.times(unit) if one.expected and unit else None)


def _treated(
    now: Sequence[Prescription], found: Round, *, worth: Sequence[Prescription], each: Terms, ward: Ward
) -> Round:
    """The round with its trials: a few treatments at a time, those for which most speaks first, until one helps.

    now:   those whose turn it is; what the round has tried is not tried again
    worth: all that answer the diagnosis
    each:  the terms of every one of them, which are one family
    """
    purse = ward.purse
    left = [one for one in now if one.name not in _names(found) and not purse.is_too_dear(one.setting)]
    while left:
        batch = purse.share(left, lambda one: one.setting, found.control, ARMS)
        trial = on_trial(found.control, batch, ward, _share(each, len(batch)))
        found, left = _with(found, trial, ward), left[len(batch) :]
        if trial.kept is not None:
            return found
        if trial.broke:
            return replace(found, ended=SPENT)
    tried = [one for one in worth if one.name in _names(found)]
    return replace(found, ended=_ended(len(tried), len(worth) - len(tried)))


def _names(found: Round) -> set[str]:
    return {one.prescription.name for one in found.tried}


def _ended(tried: int, dear: int) -> str:
    """Why no single treatment was kept."""
    if tried:
        more = f"; {dear} more would have taken too long" if dear else ""
        return f"none of {tried} treatments was verified to help{more}"
    if dear:
        n = f"{dear} treatments answer" if dear > 1 else "1 treatment answers"
        return f"{n} the diagnosis, and the time that was left was too short for a trial of any"
    return "no treatment that may be tried answers the diagnosis"


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
