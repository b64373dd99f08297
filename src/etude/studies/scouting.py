"""Scouting: treatments on top of one another, screened by a few trainings each, until some are worth a trial.

A trial of single treatments finds what helps by itself. What helps only together, as dropout does once a network is
wide, takes several steps at once, and to verify each of them would take the whole budget. So scouts go ahead: random
combinations first, then changes of the best, as evolution would, all on replicates that no trial uses. What they find
is put on trial like any treatment; what they saw is no evidence.

The search is regularised evolution (Real et al. 2019) with successive halving over replicates (Jamieson and Talwalkar
2016) in place of ageing.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from etude.diagnosis.case import case_of
from etude.diagnosis.diagnose import diagnosed
from etude.diagnosis.expected import expected_of
from etude.diagnosis.prescribe import prescribed
from etude.studies.trial import Ward, rank
from etude.values.effect import AND
from etude.values.errors import EtudeError
from etude.values.run import Run
from etude.values.treatment import Prescription, Setting, Treatment, identity

FIRST = 500
"""The first replicate of scouts: beyond those of trials, and before the fresh ones."""

REPLICATES, THIRD = (1, 2, 4), 3
"""Replicates of a setting: all get the first number, the better third the second, and the best the last."""

SURE, EACH = 12, 300
"""Replicates, at most, of those that others are built on, and the trainings of a budget for each of them: by fewer, the
best of hundreds would be the luckiest."""

SHARE = 0.5
"""Share of what is left, of trainings and of time, that scouts may spend."""

CROWD, FEWEST = 32, 4
"""Random combinations at first, at most, and trainings for each that there must be."""

STEPS = (2, 6)
"""Treatments of a random combination, at least and at most."""

PARENTS, CHILDREN, BRED = 4, 9, 3
"""Settings that are changed, changed ones of a generation, and those of them that may become parents."""

AGAIN = 0.5
"""The probability that what was changed is changed further: by one step at a time, none would leave a local best."""

TRIES = 8
"""Draws of a change before it is given up: many change nothing, or lead where somebody has been."""

TOGETHER = "several together"
"""What a combination is called among treatments."""

Steps = tuple[str, ...]
"""Treatments by name, with their strengths, in the order in which they are applied to the first control."""


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a scout has been: the setting, how it was reached, its runs, and what they are ranked by."""

    setting: Setting
    steps: Steps
    runs: tuple[Run, ...] = ()
    rank: tuple[int, float] = (0, 0.0)


class Scouts:
    """They remember where they have been, and go on from there when they are sent out again."""

    def __init__(self, control: Setting, treatments: Sequence[Treatment], ward: Ward, *, seed: int) -> None:
        """Everything they do is a combination of treatments of the control."""
        self._control, self._treatments, self._ward = control, treatments, ward
        self._atoms = {
            treatment.called(strength): (treatment, strength)
            for treatment in treatments
            for strength in treatment.strengths
        }
        self._sure = min(SURE, max(REPLICATES[-1], ward.purse.budget.trainings // EACH))
        self._rng = np.random.default_rng(seed)
        self._seen: set[str] = set()
        self._best: list[_Place] = []
        self._prescribed: dict[str, Sequence[Prescription]] = {}

    def ahead(self, now: Setting, steps: Steps) -> tuple[Prescription, ...]:
        """Settings that looked better than the present one, which `steps` led to, the best first; perhaps none."""
        until = _Until(self._ward)
        if not self._treatments or not until.affords([now], self._sure):
            return ()
        here = _trained([_Place(now, steps)], self._sure, self._ward)
        self._seen.add(identity(now))
        if not self._best:
            crowd = min(CROWD, until.trainings // FEWEST)
            drawn = self._unseen(lambda: self._random(here[0]), crowd, until)
            self._keep(self._halved([*drawn], until, most=PARENTS), until)
        self._keep(here, until)
        while children := [*self._unseen(self._child, CHILDREN, until)]:
            grown = self._halved(children, until, most=BRED)
            if not grown:
                break
            self._keep(grown, until)
        better = [
            place for place in self._best[:PARENTS] if place.rank < here[0].rank and len(place.runs) >= self._sure
        ]
        found = {one.name: one for one in (self._prescription(place) for place in reversed(better))}
        return tuple(reversed(found.values()))

    def steps_to(self, setting: Setting) -> Steps | None:
        """How a setting was reached, where a scout has found it good."""
        return next((place.steps for place in self._best if place.setting == setting), None)

    def _keep(self, places: Sequence[_Place], until: "_Until") -> None:
        """Put them among the best, and train the foremost until all of those have as many replicates as are sure."""
        while places:
            known = {identity(place.setting): place for place in (*self._best, *places)}
            ranked = sorted(known.values(), key=lambda place: (place.rank, len(place.steps)), reverse=True)
            self._best = [*reversed({place.rank: place for place in ranked}.values())]
            few = [place for place in self._best[:PARENTS] if len(place.runs) < self._sure]
            while few and not until.affords([place.setting for place in few], self._sure - REPLICATES[-1]):
                few.pop()
            places = _trained(few, self._sure, self._ward)

    def _halved(self, places: Sequence[_Place], until: "_Until", *, most: int) -> list[_Place]:
        """The best by all replicates, `most` of them at most; none where the budget ends before."""
        left = list(places)
        for replicates, n in zip(REPLICATES, (len(left), max(most, len(left) // THIRD), most), strict=True):
            left = sorted(left, key=lambda place: place.rank)[:n]
            while left and not until.affords([place.setting for place in left], replicates):
                left.pop()
            left = _trained(left, replicates, self._ward)
        return left

    def _unseen(self, make: Callable[[], Steps], n: int, until: "_Until") -> Iterator[_Place]:
        """Up to n places where nobody has been."""
        for _ in range(n):
            for _ in range(TRIES):
                steps = make()
                setting = self._built(steps)
                if setting is None or identity(setting) in self._seen:
                    continue
                self._seen.add(identity(setting))
                if self._ward.purse.takes_long(setting) or not _is_trainable(setting, self._ward):
                    continue
                yield _Place(setting, steps)
                break

    def _built(self, steps: Steps) -> Setting | None:
        """The control with these treatments; None where they change nothing or do not go together."""
        setting = self._control
        try:
            for step in steps:
                treatment, strength = self._atoms[step]
                setting = treatment.apply(setting, strength) or setting
        except EtudeError:
            return None
        return None if setting == self._control else setting

    def _atom(self) -> str:
        """Any treatment, at any of its strengths."""
        treatment = self._treatments[int(self._rng.integers(len(self._treatments)))]
        return treatment.called(float(self._rng.choice(treatment.strengths)))

    def _random(self, place: _Place) -> Steps:
        """Treatments of the first control, each of them with even odds one that answers the diagnosis of a place."""
        n = int(self._rng.integers(STEPS[0], STEPS[1] + 1))
        return tuple(self._answer(place) if self._rng.random() < 0.5 else self._atom() for _ in range(n))

    def _child(self) -> Steps:
        """One of the best, changed in one of several ways, and with even odds once more, and so on."""
        place = self._best[self._rng.integers(min(PARENTS, len(self._best)))]
        changes = (self._answered, self._extended, self._replaced, self._shortened, self._crossed)
        for _ in range(self._rng.geometric(1 - AGAIN)):
            place = replace(place, steps=changes[self._rng.integers(len(changes))](place))
        return place.steps

    def _answered(self, place: _Place) -> Steps:
        return (*place.steps, self._answer(place))

    def _answer(self, place: _Place) -> str:
        """A treatment that answers its diagnosis, likelier the more speaks for it; any where nothing does."""
        given = self._answers(place)
        weights = np.array([one.weight for one in given])
        if not weights.sum() > 0:
            return self._atom()
        return str(self._rng.choice([one.name for one in given], p=weights / weights.sum()))

    def _answers(self, place: _Place) -> Sequence[Prescription]:
        key = identity(place.setting)
        if key not in self._prescribed:
            diagnosis, cases = diagnosed(place.runs, "scouted"), [case_of(run) for run in place.runs]
            try:
                self._prescribed[key] = prescribed(diagnosis, place.setting, self._treatments, expected_of(cases))
            except EtudeError:  # a treatment of the user's that cannot be beside others
                self._prescribed[key] = ()
        return self._prescribed[key]

    def _extended(self, place: _Place) -> Steps:
        return (*place.steps, self._atom())

    def _replaced(self, place: _Place) -> Steps:
        return (*self._shortened(place), self._atom())

    def _shortened(self, place: _Place) -> Steps:
        if not place.steps:
            return ()
        gone = self._rng.integers(len(place.steps))
        return place.steps[:gone] + place.steps[gone + 1 :]

    def _crossed(self, place: _Place) -> Steps:
        """With some steps of another one that is good too."""
        other = self._best[self._rng.integers(min(PARENTS, len(self._best)))]
        taken = [step for step in other.steps if self._rng.random() < 0.5 and step not in place.steps]
        return (*place.steps, *taken)

    def _prescription(self, place: _Place) -> Prescription:
        failed, mean = place.rank
        return Prescription(
            AND.join(self._needed(place)), TOGETHER, place.setting, (), -mean if not failed else -math.inf
        )

    def _needed(self, place: _Place) -> Steps:
        """Its steps without those that do nothing."""
        steps = place.steps
        for step in place.steps:
            fewer = tuple(one for one in steps if one is not step)
            if self._built(fewer) == place.setting:
                steps = fewer
        return steps


class _Until:
    """What scouts may spend: a share of what was left as they set out."""

    def __init__(self, ward: Ward) -> None:
        purse = ward.purse
        self._ward = ward
        self.trainings = int(SHARE * purse.trainings_left)
        self._last, self._seconds = ward.trainer.made + self.trainings, purse.seconds + SHARE * purse.left

    def affords(self, settings: Sequence[Setting], replicates: int) -> bool:
        """Whether all these replicates of each setting fit in."""
        trainer, purse = self._ward.trainer, self._ward.purse
        seconds = purse.seconds_for(replicates * sum(trainer.work(setting) for setting in settings))
        return trainer.made + replicates * len(settings) <= self._last and purse.seconds + seconds <= self._seconds


def _trained(places: Sequence[_Place], replicates: int, ward: Ward) -> list[_Place]:
    """Each with the runs of so many replicates, and ranked by their scores on validation."""
    if not places:
        return []
    settings = {str(i): place.setting for i, place in enumerate(places)}
    runs = ward.purse.train(settings, range(FIRST, FIRST + replicates), new=replicates)
    scores = {label: ward.trainer.scores(one, runs[label], ward.metric) for label, one in settings.items()}
    return [
        _Place(place.setting, place.steps, runs[str(i)], rank(scores[str(i)], ward.metric))
        for i, place in enumerate(places)
    ]


def _is_trainable(setting: Setting, ward: Ward) -> bool:
    try:
        ward.trainer.check(setting)
    except EtudeError:
        return False
    return True
