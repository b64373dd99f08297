"""Treating, whoever asks for it: which treatments, on what means, with which budget, and what came of it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from etude.diagnosis.prescribe import COSTLY, TREATMENTS
from etude.values.errors import InterruptedStudy, RecipeError
from etude.values.metric import Limit
from etude.values.nearest import nearest
from etude.values.recipe import Recipe
from etude.values.study import DEFAULT_ENGINE
from etude.values.treatment import Treated, Treatment

if TYPE_CHECKING:
    from etude.faces.treat_terminal import Display

MOST_NAMED = 40
"""Arms that an error names."""

TYPICAL_TRAININGS, TYPICAL_MINUTES, TYPICAL_REPLICATES = 8000, 10.0, 20


@dataclass(frozen=True, slots=True)
class Choice:
    """Which treatments may be tried, by name.

    only:    these alone; none named: all but the costly ones
    without: not these
    also:    costly ones beside the others
    """

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a recipe is to be treated; nothing here is part of the recipe.

    name: of the treatment, which names its report
    out:  the folder with the store of runs
    """

    name: str
    out: Path
    metric: str | None = None
    trainings: int = TYPICAL_TRAININGS
    minutes: float = TYPICAL_MINUTES
    replicates: int = TYPICAL_REPLICATES
    choice: Choice = Choice()
    level: float = 0.95
    engine: str = DEFAULT_ENGINE
    workers: int | None = None
    device: str = "cpu"
    quiet: bool = False

    def __post_init__(self) -> None:
        """Refuse what no interval can cover."""
        if not 0.5 <= self.level <= 0.9999:
            raise RecipeError(f"level {self.level:g} is not between 0.5 and 0.9999. Nothing was trained.")


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """What came of treating, and the terms that it was on.

    limits:   by metric: chance, best constant, best possible
    offered:  the names of the treatments that might have been tried
    facts:    versions, engine, workers
    """

    found: Treated
    limits: Mapping[str, Limit]
    wanted: Wanted
    offered: tuple[str, ...]
    facts: Mapping[str, str | int | float] = field(default_factory=lambda: MappingProxyType({}))


def chosen(choice: Choice) -> tuple[Treatment, ...]:
    """The treatments that may be tried, in their own order; a RecipeError where a name is unknown or none is left.

    >>> [one.name for one in chosen(Choice(only=("dropout", "more data"), without=("dropout",)))]
    ['more data']
    """
    known = {one.name: one for one in TREATMENTS}
    for name in (*choice.only, *choice.without, *choice.also):
        if name not in known:
            raise RecipeError(f"no treatment is called {name!r}. {nearest(name, known)} Nothing was trained.")
    usual = choice.only or tuple(name for name in known if name not in COSTLY)
    left = {*usual, *choice.also} - set(choice.without)
    if not left:
        raise RecipeError("every treatment was ruled out beforehand, so there is nothing to try. Nothing was trained.")
    return tuple(one for name, one in known.items() if name in left)


def recipe_in(study: str, *, arm: str | None = None, seed: int | None = None) -> tuple[str, Recipe]:
    """The name and the recipe of a file, of an arm in it, or of an arm of a built-in study."""
    from etude.studies.design import arms_of
    from etude.studies.load import load_plan

    plan = load_plan(study, seed=seed)
    arms = {one.label: one.recipe for one in arms_of(plan)}
    known = list(plan.arms) or list(arms)
    if arm is None and len(arms) == 1:
        return plan.name, plan.base
    if arm is None:
        named = _some(known)
        raise RecipeError(
            f"{study} is a study of {len(arms):,} recipes, and one is treated at a time. "
            f"Say which with --arm: {named}. Nothing was trained."
        )
    if arm not in arms:
        raise RecipeError(
            f"no arm of {study} is called {arm!r}. {nearest(arm, known[:MOST_NAMED])} Nothing was trained."
        )
    return f"{plan.name}-{_as_file(arm)}", arms[arm]


def treated(recipe: Recipe, wanted: Wanted, own: Sequence[Treatment] = ()) -> Record:
    """Treat a recipe on the store of a folder, telling what goes on unless quiet; stopped, the same call goes on.

    own: the user's own treatments, which are tried first
    """
    from etude.data.load import fetch
    from etude.faces.terminal import download_display, talk
    from etude.faces.treat_terminal import treat_display

    offered = (*own, *chosen(wanted.choice))
    try:
        with download_display(talk(), quiet=wanted.quiet) as watch_bytes:
            fetch(recipe.data, watch_bytes)
        return _treated(recipe, wanted, offered, treat_display(talk(), quiet=wanted.quiet))
    except KeyboardInterrupt:
        raise InterruptedStudy(
            f"stopped. Finished runs are kept in {wanted.out}; the same command goes on from there."
        ) from None


def _treated(
    recipe: Recipe, wanted: Wanted, offered: Sequence[Treatment], display: AbstractContextManager["Display"]
) -> Record:
    from etude.data.load import limits
    from etude.engine.engines import facts
    from etude.faces.python import STORE
    from etude.records.store import open_store
    from etude.studies.budget import Budget
    from etude.studies.collect import Means
    from etude.studies.trainers import RecipeTrainer
    from etude.studies.treat import Order, treat

    means = Means(engine=wanted.engine, workers=wanted.workers, device=wanted.device)
    budget = Budget(wanted.trainings, wanted.minutes, wanted.replicates)
    order = Order(wanted.name, offered, wanted.metric, wanted.level, recipe.seed)
    with open_store(wanted.out / STORE) as store, display as shown:
        trainer = RecipeTrainer(store, means, shown.watch)
        found = treat(recipe, order, trainer=trainer, budget=budget, told=shown.told)
    names = tuple(one.name for one in offered)
    return Record(found, limits(recipe.data, seed=recipe.seed), wanted, names, facts(wanted.device))


def _some(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(f"'{name}'" for name in names[:most]) + more


def _as_file(label: str) -> str:
    """An arm's label as part of a file's name."""
    return "-".join("".join(c if c.isalnum() else " " for c in label).split())[:60]
