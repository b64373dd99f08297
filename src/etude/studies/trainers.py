"""Who trains what is treated: étude's engines, or a function of the user's; both keep every run that they finish."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from etude.data.load import kind_of, limits
from etude.diagnosis.evidence import SCORED_BY
from etude.engine.engines import check
from etude.engine.ensemble import Ensemble, ensemble
from etude.engine.native.replicate import rows_of
from etude.engine.reckoning import work_of
from etude.records.store import Store
from etude.studies.collect import Collection, Means, Watcher, collect, keys_by_arm
from etude.studies.selection import selection_scores
from etude.values.errors import EtudeError, RecipeError
from etude.values.metric import METRICS, METRICS_OF, Limit, Metric
from etude.values.nearest import nearest
from etude.values.recipe import Recipe, changed
from etude.values.run import Run
from etude.values.study import Arm
from etude.values.treatment import Setting


class Trainer(Protocol):
    """Trains any setting of one kind."""

    @property
    def made(self) -> int:
        """Distinct trainings so far, be they made now or taken from the store."""

    @property
    def trained(self) -> int:
        """Those of them that were made now."""

    def work(self, setting: Setting) -> float:
        """About how long one training takes, as a ratio to other settings."""

    def check(self, setting: Setting) -> None:
        """An EtudeError where the setting cannot be trained; nothing is trained."""

    def set_aside(self, setting: Setting) -> Setting:
        """The setting with its test rows out of the reach of every trial."""

    def train(self, arms: Mapping[str, Setting], replicates: range) -> Mapping[str, tuple[Run, ...]]:
        """The runs of each arm, in replicate order; an interrupt loses none that is finished."""

    def metric(self, setting: Setting, asked: str | None) -> Metric:
        """What treatments are chosen by."""

    def scores(self, setting: Setting, runs: Sequence[Run], metric: Metric) -> NDArray[np.float64]:
        """What each run is chosen by, shape (n,); NaN where it failed."""

    def limits(self, setting: Setting) -> Mapping[str, Limit]:
        """What can be reached, where that is known."""

    def unit(self, setting: Setting, metric: Metric) -> float | None:
        """What the best constant scores, where the metric is what the loss is: predictions are shares of it."""

    def ensemble(self, setting: Setting, replicate: int, members: int) -> Ensemble | None:
        """So many networks on the rows of one replicate, alone and averaged; None where predictions are not known."""


WORST = 3.0
"""Times the best constant's score that a run counts at most in a trial, as in the bank: how far above all bounds a loss
is has no meaning, and its spread would hide every cure."""


MEMBERS_FROM, MOST_MEMBERS = 10_000, 100
"""The replicate number of the first network of an ensemble of replicate 0, beyond all replicates; and how far apart
those of two replicates are."""


@dataclass(slots=True)
class RecipeTrainer:
    """Trains recipes with étude's engines."""

    store: Store
    means: Means
    watch: Watcher
    _seen: set[tuple[str, int]] = field(default_factory=set)
    _engines: dict[str, str] = field(default_factory=dict)
    _trained: int = 0

    @property
    def made(self) -> int:
        """Distinct trainings so far."""
        return len(self._seen)

    @property
    def trained(self) -> int:
        """Those that the store did not have."""
        return self._trained

    def check(self, setting: Setting) -> None:
        """Build everything the recipe needs, without a step of training."""
        check(_recipe(setting), engine=self.means.engine, workers=self.means.workers, device=self.means.device)

    def set_aside(self, setting: Setting) -> Setting:
        """With test rows drawn once for all replicates, where each would draw its own of the same few rows."""
        recipe = _recipe(setting)
        data = dict(recipe.data)
        own = data.get("test_drawn") == "per replicate" and data["test"]
        return changed(recipe, {"data.test_drawn": "once"}) if own else recipe

    def work(self, setting: Setting) -> float:
        """By the size of the network, the rows and the epochs, and by the engine that can train it."""
        recipe = _recipe(setting)
        return work_of(recipe, rows_of(recipe.data, recipe.seed, 0), self._engine(recipe))

    def _engine(self, recipe: Recipe) -> str:
        """The engine that trains it; the one asked for, where it cannot be trained and so costs nothing."""
        means, key = self.means, recipe.checksum
        if key not in self._engines:
            try:
                found = check(recipe, engine=means.engine, workers=means.workers, device=means.device)
                self._engines[key] = found.engine
            except EtudeError:
                self._engines[key] = means.engine
        return self._engines[key]

    def train(self, arms: Mapping[str, Setting], replicates: range) -> Mapping[str, tuple[Run, ...]]:
        """Every replicate of each recipe."""
        given = [Arm(label, {}, _recipe(setting)) for label, setting in arms.items()]
        means = self.means
        choices = {
            arm.label: check(arm.recipe, engine=means.engine, workers=means.workers, device=means.device)
            for arm in given
        }
        collection = Collection(self.store, means, choices, self.watch, first=replicates.start)
        collection.keys = keys_by_arm(given, replicates.stop, collection)
        runs = collect(given, collection)
        self._trained += len(runs) - collection.kept
        self._seen |= {(arm.recipe.checksum, replicate) for arm in given for replicate in replicates}
        return {arm.label: tuple(runs[arm.label, replicate] for replicate in replicates) for arm in given}

    def metric(self, setting: Setting, asked: str | None) -> Metric:
        """The one that was asked for, else the score that the recipe's loss is."""
        recipe = _recipe(setting)
        known = METRICS_OF[kind_of(recipe.data)]
        if asked is not None and asked not in known:
            other = "scores the other kind of problem" if asked in METRICS else "is no metric"
            raise RecipeError(f"{asked!r} {other}. {nearest(asked, known)} Nothing was trained.")
        named = SCORED_BY.get(str(recipe.loss), ())
        return METRICS[asked or next((name for name in named if name in known), known[0])]

    def unit(self, setting: Setting, metric: Metric) -> float | None:
        """Nothing is predicted of a metric that the loss is not."""
        recipe = _recipe(setting)
        named = SCORED_BY.get(str(recipe.loss), ())
        return self.limits(setting)[metric.name].best_constant if metric.name in named else None

    def scores(self, setting: Setting, runs: Sequence[Run], metric: Metric) -> NDArray[np.float64]:
        """Of the validation part; what is worse than any answer could usefully be counts as `WORST` constants."""
        scores = selection_scores(runs, metric.name, stops_early=_recipe(setting).early_stopping is not None)
        constant = self.limits(setting)[metric.name].best_constant
        return np.minimum(scores, WORST * constant) if metric.lower_is_better else scores

    def ensemble(self, setting: Setting, replicate: int, members: int) -> Ensemble | None:
        """So many networks on the rows of one replicate, alone and averaged; they are counted, and not kept."""
        recipe, means = _recipe(setting), self.means
        first = MEMBERS_FROM + MOST_MEMBERS * replicate
        numbers = range(first, first + min(members, MOST_MEMBERS))
        rows = rows_of(recipe.data, recipe.seed, replicate)
        found = ensemble(recipe, rows, numbers, engine=self._engine(recipe), device=means.device)
        self._seen |= {(recipe.checksum, number) for number in numbers}
        self._trained += len(numbers)
        return found

    def limits(self, setting: Setting) -> Mapping[str, Limit]:
        """Chance, the best constant, and the best possible."""
        recipe = _recipe(setting)
        return limits(recipe.data, seed=recipe.seed)


def _recipe(setting: Setting) -> Recipe:
    assert isinstance(setting, Recipe)
    return setting
