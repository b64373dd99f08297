"""Treating a training function of the user's own: any framework, any loop, as long as it takes fields and a seed."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from etude.diagnosis.own_fields import OWN_TREATMENTS, own_treatment
from etude.faces.treating import Record, Wanted
from etude.values.errors import InterruptedStudy, RecipeError
from etude.values.treatment import Setting, Treatment

if TYPE_CHECKING:
    from etude.faces.treat_terminal import Display

OwnTreatment = Callable[[Any], Any]
"""A user's own treatment: from a recipe or from fields to the changed ones; what it was given where it cannot be."""


def own_treatments(given: Sequence[OwnTreatment | Treatment], untreated: Setting) -> tuple[Treatment, ...]:
    """Functions of the user's as treatments, each tried on the untreated setting; their names must differ."""
    found = tuple(one if isinstance(one, Treatment) else own_treatment(one) for one in given)
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RecipeError(
            f"two treatments are called {twice!r}, and nobody could tell their results apart. "
            "Give each function a name of its own. Nothing was trained."
        )
    for one in found:
        for strength in one.strengths:
            one.apply(untreated, strength)  # what raises is told before anything was trained
    return found


def treated_own(  # noqa: PLR0913 - what is said of a score that étude does not know
    train: Callable[[dict[str, Any], int], Any],
    fields: Mapping[str, Any],
    wanted: Wanted,
    *,
    treatments: Sequence[OwnTreatment | Treatment] = (),
    higher_is_better: bool | None = None,
    smallest_effect: float | None = None,
    seed: int = 0,
) -> Record:
    """Treat the fields of a function on the store of a folder; stopped, the same call goes on."""
    from etude.faces.terminal import talk
    from etude.faces.treat_terminal import treat_display
    from etude.studies.own import metric_called

    if not isinstance(fields, Mapping) or not fields:
        raise RecipeError(
            "fields= says what the training function takes, such as fields={'learning_rate': 0.001, 'epochs': 10}. "
            "Nothing was trained."
        )
    own = own_treatments(treatments, dict(fields))
    offered = tuple(one for one in _offered(wanted, own) if one.name not in wanted.choice.without)
    if all(one.apply(dict(fields), strength) in (None, fields) for one in offered for strength in one.strengths):
        known = sorted({field for one in OWN_TREATMENTS for field in one.fields})
        raise RecipeError(
            f"no treatment changes any of the fields {', '.join(fields)}. étude knows {', '.join(known)}; for others "
            "give functions from the fields to changed ones, as treatments=[…]. Nothing was trained."
        )
    metric = metric_called(wanted.metric, higher_is_better=higher_is_better, smallest_effect=smallest_effect)
    display = treat_display(talk(), quiet=wanted.quiet)
    try:
        return _treated(train, dict(fields), wanted, offered, (metric, seed), display)
    except KeyboardInterrupt:
        raise InterruptedStudy(
            f"stopped. Finished trainings are kept in {wanted.out}; the same call goes on from there."
        ) from None


def _offered(wanted: Wanted, own: Sequence[Treatment]) -> tuple[Treatment, ...]:
    """The user's own first; then those that étude knows for fields by their names, unless some alone are asked for."""
    only = wanted.choice.only
    known = {one.name for one in (*own, *OWN_TREATMENTS)}
    unknown = next((name for name in (*only, *wanted.choice.without) if name not in known), None)
    if unknown is not None:
        raise RecipeError(
            f"no treatment of fields is called {unknown!r}. Known: {', '.join(sorted(known))}. Nothing was trained."
        )
    return tuple(one for one in (*own, *OWN_TREATMENTS) if not only or one.name in only or one in own)


def _treated(  # noqa: PLR0913 - what the treatment is made of
    train: Callable[[dict[str, Any], int], Any],
    fields: dict[str, Any],
    wanted: Wanted,
    offered: Sequence[Treatment],
    judged: tuple[Any, int],
    display: AbstractContextManager["Display"],
) -> Record:
    from etude.faces.python import STORE
    from etude.records.store import open_store
    from etude.studies.budget import Budget
    from etude.studies.own import OwnTrainer
    from etude.studies.treat import Order, treat

    metric, seed = judged
    budget = Budget(wanted.trainings, wanted.minutes, wanted.replicates)
    order = Order(wanted.name, offered, metric.name, wanted.level, seed)
    with open_store(wanted.out / STORE) as store, display as shown:
        trainer = OwnTrainer(train, store, shown.watch, metric, seed, shown.remarked)
        found = treat(fields, order, trainer=trainer, budget=budget, told=shown.told)
        found = replace(found, notes=(*trainer.remarks, *found.notes))
    names = tuple(one.name for one in offered)
    return Record(found, MappingProxyType({}), wanted, names, {"engine": "your function"})
