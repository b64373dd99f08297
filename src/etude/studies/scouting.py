"""Scouting: treatments on top of one another, screened by a few trainings each, until some are worth a trial.

A trial of single treatments finds what helps by itself. What helps only together, as dropout does once a network is
wide, takes several steps at once, and to verify each of them would take the whole budget. So scouts go ahead: random
combinations first, then changes of the best, as evolution would, all on replicates that no trial uses. What they find
is put on trial like any treatment; what they saw is no evidence.

The search is regularised evolution (Real et al. 2019) with successive halving over replicates (Jamieson and Talwalkar
2016) in place of ageing. Of the many changes that it could make, it trains those that promise most for their cost.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import case_of
from etude.diagnosis.diagnose import diagnosed
from etude.diagnosis.expected import expected_of
from etude.diagnosis.prescribe import prescribed
from etude.studies.foresight import Fields, Foresight, fields_of, unlike
from etude.studies.trial import Ward
from etude.values.effect import AND
from etude.values.errors import EtudeError
from etude.values.run import Run
from etude.values.treatment import TOGETHER, Prescription, Setting, Treatment, identity

FIRST = 500
"""The first replicate of scouts: beyond those of trials, and before the fresh ones."""

REPLICATES, THIRD = (1, 2, 4), 3
"""Replicates of a setting: all get the first number, the better third the second, and the best the last."""

SURE, EACH = 40, 100
"""Replicates, at most, of those that others are built on, and the trainings of a budget for each of them. A third of
them to begin with, and one more with every generation: what is best by a few replicates that never change is what
suits those few."""

SHARE = 0.5
"""Share of what is left, of trainings and of time, that scouts may spend."""

LONG = 16.0
"""From how many times the time that there is for each training a setting takes too long for scouts."""

CROWD, FEWEST = 96, 4
"""Random combinations at first, at most, and trainings for each that there must be."""

STEPS, BEYOND = (2, 6), (1, 3)
"""Treatments of a random combination, at least and at most; and of one that goes on from what was verified."""

PARENTS, CHILDREN, BRED = 4, 9, 3
"""Settings that are changed, no two of them alike, as near copies of the best would leave no room for anything else;
changed ones of a generation; and those of them that may become parents."""

POOL, BLIND, AFRESH = 16, 2, 0.5
"""Settings thought of for each one that is trained, those that promise most; how many of a generation are drawn
from the rest, since what was never tried is not foreseen; and the probability that one that is thought of is a random
combination, and no change of the best."""

AGAIN = 0.5
"""The probability that what was changed is changed further: by one step at a time, none would leave a local best."""

TRIES = 8
"""Draws of a change before it is given up: many change nothing, or lead where somebody has been."""

Steps = tuple[str, ...]
"""Treatments by name, with their strengths, in the order in which they are applied to the first control."""


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a scout has been: the setting, how it was reached, and its runs.

    seen:   the replicates, counted from the first one of scouts
    scores: of these runs, the lower the better; NaN where one failed
    rank:   what places are ordered by, the best first
    fields: of the setting, once it was trained
    """

    setting: Setting
    steps: Steps
    seen: range = range(0)
    runs: tuple[Run, ...] = ()
    scores: tuple[float, ...] = ()
    rank: tuple[int, float] = (0, 0.0)
    fields: Fields | None = None


class Scouts:
    """They remember where they have been, and go on from there when they are sent out again.

    control: what everything is a combination of treatments of
    """

    def __init__(self, control: Setting, treatments: Sequence[Treatment], ward: Ward, *, seed: int) -> None:
        """Nowhere yet."""
        self.control, self._treatments, self._ward = control, treatments, ward
        self._atoms = {
            treatment.called(strength): (treatment, strength)
            for treatment in treatments
            for strength in treatment.strengths
        }
        self._most = min(SURE, max(REPLICATES[-1], ward.purse.budget.trainings // EACH))
        self._sure = max(REPLICATES[-1], self._most // 3)
        self._hardness = np.zeros(self._most)
        self._rng = np.random.default_rng(seed)
        self._seen: set[str] = set()
        self._best: list[_Place] = []
        self._parents: list[_Place] = []
        self._prescribed: dict[str, Sequence[Prescription]] = {}
        self._foresight = Foresight()

    def ahead(self, now: Setting, steps: Steps) -> tuple[Prescription, ...]:
        """Settings that looked better than the present one, which `steps` led to, the best first; perhaps none."""
        until = _Until(self._ward)
        if not self._treatments or not until.affords([now], self._sure):
            return ()
        here = self._trained([_Place(now, steps)], range(self._sure))
        self._seen.add(identity(now))
        if not self._best:
            crowd = min(CROWD, until.trainings // FEWEST)
            drawn = self._reached(self._drawn(lambda: self._first(here[0], 1 - crowd / CROWD), crowd), crowd)
            self._keep(self._halved(drawn, until, most=PARENTS), until)
        self._keep(here, until)
        if not math.isfinite(self._best[0].rank[1]):  # nothing that was tried gives a score
            return ()
        while children := self._children():
            grown = self._halved(children, until, most=BRED)
            if not grown:
                break
            self._sure = min(self._most, self._sure + 1)
            self._keep(grown, until)
        same = next((place for place in self._best if place.setting == now), here[0])
        better = [place for place in self._parents if place.rank < same.rank and 2 * len(place.seen) > self._sure]
        found = {one.name: one for one in (self._prescription(place) for place in reversed(better))}
        return tuple(reversed(found.values()))

    def steps_to(self, setting: Setting) -> Steps | None:
        """How a setting was reached, where a scout has found it good."""
        return next((place.steps for place in self._best if place.setting == setting), None)

    def _keep(self, places: Sequence[_Place], until: "_Until") -> None:
        """Put them among the best, and train the foremost until all of those have as many replicates as are sure.

        Twice as many each time, so that whom more replicates do not bear out falls back at little cost.
        """
        while places:
            known = {identity(place.setting): place for place in (*self._best, *places)}
            ranked = sorted(known.values(), key=lambda place: (place.rank, len(place.steps)), reverse=True)
            self._best = [*reversed({place.rank: place for place in ranked}.values())]
            self._parents = _unlike(self._best)
            sure = [place.scores[: self._sure] for place in self._parents if len(place.seen) >= self._sure]
            if sure:
                self._hardness[: self._sure] = _hardness(np.array(sure))
            few = [place for place in self._parents if len(place.seen) < self._sure]
            alike = [place for place in few if place.seen == few[0].seen]
            n = min(self._sure, 2 * len(alike[0].seen)) if alike else 0
            while alike and not until.affords([place.setting for place in alike], n - len(alike[0].seen)):
                alike.pop()
            places = self._trained(alike, _around(alike[0].seen, n, self._sure)) if alike else []

    def _halved(self, places: Sequence[_Place], until: "_Until", *, most: int) -> list[_Place]:
        """The best by all replicates, `most` of them at most; none where the budget ends before.

        Each time on other ones of the replicates that the best have, by which it is known how hard those are.
        """
        left = list(places)
        start = int(self._rng.integers(self._sure - REPLICATES[-1] + 1)) if self._best else 0
        for replicates, n in zip(REPLICATES, (len(left), max(most, len(left) // THIRD), most), strict=True):
            left = sorted(left, key=lambda place: place.rank)[:n]
            while left and not until.affords([place.setting for place in left], replicates):
                left.pop()
            left = self._trained(left, range(start, start + replicates))
        return left

    def _trained(self, places: Sequence[_Place], seen: range) -> list[_Place]:
        """Each with the runs of these replicates, and ranked by their scores on validation."""
        if not places:
            return []
        ward, settings = self._ward, {str(i): place.setting for i, place in enumerate(places)}
        new = len(seen) - len(places[0].seen)
        runs = ward.purse.train(settings, range(FIRST + seen.start, FIRST + seen.stop), new=new)
        sign = 1 if ward.metric.lower_is_better else -1
        found = []
        for i, place in enumerate(places):
            own = runs[str(i)]
            scores = sign * ward.trainer.scores(place.setting, own, ward.metric)
            finite = np.isfinite(scores)
            failed = int((~finite).sum())
            mean = float((scores - self._hardness[seen.start : seen.stop])[finite].mean()) if finite.any() else math.inf
            self._foresight.learn(place.setting, mean, len(seen))
            fields = place.fields or fields_of(place.setting)
            found.append(_Place(place.setting, place.steps, seen, own, tuple(scores.tolist()), (failed, mean), fields))
        return found

    def _children(self) -> list[_Place]:
        """A generation: of many that are thought of those that are foreseen to be good, and a few by chance."""
        drawn = self._drawn(self._thought_of, POOL * CHILDREN)
        settings = [place.setting for place in drawn]
        costs = [*map(self._ward.purse.cost_of, settings)]
        order = self._foresight.order(settings, costs, seed=int(self._rng.integers(2**31)))
        foreseen = self._reached([drawn[at] for at in order], CHILDREN - BLIND)
        rest = [place for place in drawn if identity(place.setting) not in self._seen]
        return foreseen + self._reached([rest[at] for at in self._rng.permutation(len(rest))], BLIND)

    def _drawn(self, make: Callable[[], Steps], n: int) -> list[_Place]:
        """Up to n places, all different, where nobody has been."""
        new: dict[str, _Place] = {}
        for _ in range(n):
            for _ in range(TRIES):
                steps = make()
                setting = self._built(steps)
                key = identity(setting) if setting is not None else ""
                if setting is not None and key not in self._seen and key not in new:
                    new[key] = _Place(setting, steps)
                    break
        return [*new.values()]

    def _reached(self, places: Sequence[_Place], n: int) -> list[_Place]:
        """The first n of them that can be trained, and in time; nobody comes to any of them again."""
        reached: list[_Place] = []
        for place in places:
            if len(reached) == n:
                break
            self._seen.add(identity(place.setting))
            too_long = self._ward.purse.takes_long(place.setting, self.control, times=LONG)
            if not too_long and _is_trainable(place.setting, self._ward):
                reached.append(place)
        return reached

    def _built(self, steps: Steps) -> Setting | None:
        """The control with these treatments; None where they change nothing or do not go together."""
        setting = self.control
        try:
            for step in steps:
                treatment, strength = self._atoms[step]
                setting = treatment.apply(setting, strength) or setting
        except EtudeError:
            return None
        return None if setting == self.control else setting

    def _atom(self) -> str:
        """Any treatment, at any of its strengths."""
        treatment = self._treatments[int(self._rng.integers(len(self._treatments)))]
        return treatment.called(float(self._rng.choice(treatment.strengths)))

    def _first(self, place: _Place, odds: float) -> Steps:
        """A random combination, with these odds beyond what led to a place, which a small crowd would not find again.

        A large one does without, since what single treatments led to may be a dead end.
        """
        if place.steps and self._rng.random() < odds:
            return (*place.steps, *self._some(place, BEYOND))
        return self._random(place)

    def _random(self, place: _Place) -> Steps:
        """Treatments of the first control."""
        return self._some(place, STEPS)

    def _some(self, place: _Place, counts: tuple[int, int]) -> Steps:
        """Treatments, each of them with even odds one that answers the diagnosis of a place."""
        n = int(self._rng.integers(counts[0], counts[1] + 1))
        return tuple(self._answer(place) if self._rng.random() < 0.5 else self._atom() for _ in range(n))

    def _thought_of(self) -> Steps:
        """A change of one of the best or, with some odds, another random combination."""
        if self._rng.random() < AFRESH:
            return self._random(self._parent())
        return self._child()

    def _parent(self) -> _Place:
        return self._parents[int(self._rng.integers(len(self._parents)))]

    def _child(self) -> Steps:
        """One of the best, changed in one of several ways, and with even odds once more, and so on."""
        place = self._parent()
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
        other = self._parent()
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


def _hardness(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much harder each replicate is than the others; scores of shape (settings, replicates), NaN of a failed run.

    >>> _hardness(np.array([[1.0, 3.0], [4.0, 6.0]])), _hardness(np.array([[np.nan, 3.0]]))
    (array([-1.,  1.]), array([0., 0.]))
    """
    known = np.ma.masked_invalid(scores)
    return np.asarray((known - known.mean(axis=1, keepdims=True)).mean(axis=0).filled(0.0))


def _unlike(places: Sequence[_Place]) -> list[_Place]:
    """Those of the best that others are made of, the best first."""
    return [places[at] for at in unlike([place.fields or {} for place in places], PARENTS)]


def _around(seen: range, n: int, end: int) -> range:
    """So many replicates below the end, those that were seen among them.

    >>> _around(range(6, 10), 8, 12), _around(range(3, 7), 8, 20)
    (range(4, 12), range(3, 11))
    """
    start = min(seen.start, end - n)
    return range(start, start + n)


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


def _is_trainable(setting: Setting, ward: Ward) -> bool:
    try:
        ward.trainer.check(setting)
    except EtudeError:
        return False
    return True
