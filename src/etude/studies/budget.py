"""What treating may cost, and what is left of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from etude.studies.estimate import looks_up_to
from etude.studies.trainers import Trainer
from etude.values.errors import RecipeError
from etude.values.run import Run
from etude.values.study import MINIMUM_REPLICATES
from etude.values.treatment import Setting, identity

LEAST = 5 * MINIMUM_REPLICATES
"""Trainings that there must be room for: a diagnosis, one comparison, and its repetition on fresh seeds."""

FRESH = 20
"""Fresh replicates of both sides behind the number that is quoted; fewer where the budget is small."""

KEPT_BACK = 0.2
"""Share of the trainings that is kept for the fresh comparison, at most."""

HALF = 0.5
"""Share of what is left that one trial may take, so that another can follow it."""

TIMES = 4.0
"""Times what a training of the control takes that no setting is said to take long for."""

COSTLY = 0.1
"""Share of the time that is left which the first look of one treatment may take."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent.

    trainings:  that are asked for, those among them that the store has already included
    minutes:    of this call; a look that would end later is not begun
    replicates: of an arm in a trial, at most; twice as many of what scouts found
    """

    trainings: int = 8000
    minutes: float = 10.0
    replicates: int = 20

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise RecipeError(f"{self.minutes:g} minutes are no time: it takes more than 0. Nothing was trained.")
        if self.replicates < MINIMUM_REPLICATES or self.trainings < LEAST:
            raise RecipeError(
                f"a budget of {self.trainings:,} trainings and {self.replicates} replicates "
                f"is too small for one comparison. It takes {LEAST} trainings: {MINIMUM_REPLICATES} replicates of the "
                "control to diagnose it, room for as many of it and of one treatment, and as many of both on fresh "
                "seeds. Nothing was trained."
            )

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of replicates at which a trial looks."""
        return self.looks_at_most(self.replicates)

    def looks_at_most(self, replicates: int) -> tuple[int, ...]:
        """The same of a trial that may take so many; none is planned that the trainings never reach."""
        reached = (self.trainings - self.reserve) // 2
        return looks_up_to(max(MINIMUM_REPLICATES, min(replicates, reached)))

    @property
    def reserve(self) -> int:
        """Trainings kept back for the fresh comparison."""
        return min(2 * FRESH, max(2 * MINIMUM_REPLICATES, int(KEPT_BACK * self.trainings)))


class Purse:
    """What is left of a budget while it is spent."""

    def __init__(self, budget: Budget, trainer: Trainer) -> None:
        """Full."""
        self.budget, self._trainer = budget, trainer
        self._started, self._trained = time.monotonic(), trainer.trained
        self._work = self._training = 0.0
        self._calls = 0
        self._seen: set[tuple[str, int]] = set()
        self._seen_work = self._seen_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Of this call so far."""
        return time.monotonic() - self._started

    def train(self, arms: Mapping[str, Setting], replicates: range, *, new: int) -> Mapping[str, tuple[Run, ...]]:
        """The runs of each arm, of which `new` replicates were not asked for before; it takes note of the time."""
        started = time.monotonic()
        runs = self._trainer.train(arms, replicates)
        made, self._trained = self._trainer.trained - self._trained, self._trainer.trained
        if made:
            if self._calls == 1:  # the first call held what begins once, as workers do, and says too much of others
                self._training = self._work = 0.0
            self._calls += 1
            self._training += time.monotonic() - started
            self._work += min(1.0, made / (new * len(arms))) * new * sum(map(self._trainer.work, arms.values()))
        for name, of in runs.items():
            key, work = identity(arms[name]), self._trainer.work(arms[name])
            unseen = [run for place, run in zip(replicates, of, strict=True) if (key, place) not in self._seen]
            self._seen |= {(key, place) for place in replicates}
            self._seen_work += len(unseen) * work
            self._seen_seconds += sum(float(run.provenance.get("seconds", 0.0)) for run in unseen)
        return runs

    def affords(self, settings: Sequence[Setting], replicates: int, *, reserve: bool = True) -> bool:
        """Whether so many trainings of each setting fit into what is left, the fresh comparison kept back."""
        kept_back = self.budget.reserve if reserve else 0
        if self._trainer.made + kept_back + replicates * len(settings) > self.budget.trainings:
            return False
        work = replicates * sum(self._trainer.work(setting) for setting in settings)
        dearest = max((self._trainer.work(setting) for setting in settings), default=0.0)
        return self.seconds_for(work + kept_back * dearest) <= self.left

    @property
    def trainings_left(self) -> int:
        """Those that are not kept back."""
        return max(0, self.budget.trainings - self._trainer.made - self.budget.reserve)

    def has_spent(self, share: float) -> bool:
        """Whether so large a share of the trainings that are not kept back is gone, or of the time on one core.

        Runs of the store count as they took when they were made, so that this is the same when a call is repeated.
        """
        trainings, seconds = self.budget.trainings - self.budget.reserve, 60 * self.budget.minutes
        return self._trainer.made >= share * trainings or self._seen_seconds >= share * seconds

    @property
    def left(self) -> float:
        """Seconds."""
        return 60 * self.budget.minutes - self.seconds

    def seconds_for(self, work: float) -> float:
        """About how long so much work takes, by what it took so far; 0 before anything was trained."""
        return self._training * work / self._work if self._work else 0.0

    def cost_of(self, setting: Setting) -> float:
        """The share of what is left that one training of it takes: of the trainings or, if more, of the time."""
        seconds = self.seconds_for(self._trainer.work(setting))
        return max(1 / max(1, self.trainings_left), seconds / max(1.0, self.left))

    def seconds_of(self, setting: Setting) -> float:
        """About how long one training of it takes on one core, by what all runs took, those of the store too."""
        return self._seen_seconds * self._trainer.work(setting) / self._seen_work if self._seen_work else 0.0

    def takes_long(self, setting: Setting, control: Setting, *, times: float) -> bool:
        """Whether a training of it, on one core, takes so many times what the budget has for each of its trainings.

        Not where it takes little more than one of the control.
        """
        each = 60 * self.budget.minutes / self.budget.trainings
        return self.seconds_of(setting) > max(times * each, TIMES * self.seconds_of(control))

    def is_too_dear(self, setting: Setting) -> bool:
        """Whether its first look alone would take too large a share of the time that is left."""
        return self.seconds_for(MINIMUM_REPLICATES * self._trainer.work(setting)) > COSTLY * self.left

    def share(self, given: Sequence[T], setting_of: Callable[[T], Setting], control: Setting, most: int) -> list[T]:
        """The first of those given whose trial, carried to its last look, takes at most half of what is left."""
        for n in range(min(most, len(given)), 1, -1):
            trainings, work = self._trial([setting_of(one) for one in given[:n]], control)
            if trainings <= HALF * self.trainings_left and self.seconds_for(work) <= HALF * self.left:
                return list(given[:n])
        return list(given[:1])

    def _trial(self, given: Sequence[Setting], control: Setting) -> tuple[int, float]:
        """Trainings and work of a trial that goes to its last look, where arms of mean work go on."""
        mean = sum(self._trainer.work(one) for one in given) / len(given)
        own = self._trainer.work(control)
        trainings, work, before, arms = 0, 0.0, 0, len(given)
        for look in self.budget.looks:
            trainings += (arms + 1) * (look - before)
            work += (arms * mean + own) * (look - before)
            before, arms = look, max(2, -(-arms // 2))
        return trainings, work
