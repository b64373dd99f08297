"""The engines by name, and the check that a recipe can be trained, made before any training."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from etude.engine.machine import device_called, explained, facts, own_torch
from etude.engine.memory import check_rows
from etude.engine.native.library import core
from etude.engine.native.pool import cohort
from etude.engine.native.replicate import lacking, rows_of
from etude.engine.reckoning import check_memory
from etude.engine.spread import Job, default_workers, spread
from etude.engine.trial import check_fit, prepare
from etude.values.errors import EngineError
from etude.values.nearest import nearest
from etude.values.recipe import Recipe
from etude.values.run import Run
from etude.values.study import DEFAULT_ENGINE

__all__ = ["ENGINES", "Choice", "Job", "check", "engine_called", "facts"]

Engine = Callable[..., Generator[tuple[Job, Run], None, None]]
"""Called as engine(jobs, workers=…, device=…); yields each job with its run as it finishes."""

ENGINES: Mapping[str, Engine] = MappingProxyType({"native": cohort, "loop": spread})


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine that trains a recipe and, where it is not the one asked for, why: words that end a sentence."""

    engine: str
    because: str = ""


def engine_called(name: str) -> Engine:
    """The engine of that name.

    >>> engine_called("loop") is spread
    True
    """
    if name not in ENGINES:
        raise EngineError(f"no engine {name!r}. {nearest(name, ENGINES)} Nothing was trained.")
    return ENGINES[name]


def check(recipe: Recipe, *, engine: str = DEFAULT_ENGINE, workers: int | None = None, device: str = "cpu") -> Choice:
    """Which engine trains a recipe, having built everything that needs for replicate 0, without a step of it.

    A RecipeError where loss, batch size and data do not fit, an EngineError where the device, the memory or a model
    or loss of the user's cannot do it, a DataError where the rows cannot be used.
    """
    engine_called(engine)
    where = device_called(device)
    check_rows(recipe, workers=default_workers() if workers is None else workers)
    splits = rows_of(recipe.data, recipe.seed, 0)
    with explained(recipe, 0), own_torch(where):
        check_fit(recipe, splits)
        check_memory(recipe, splits, workers=workers)
        reason = _unable(recipe, device) if engine == "native" else ""
        if reason or engine != "native":
            prepare(recipe, splits, 0, device=where)
    return Choice("loop", reason) if reason else Choice(engine)


def _unable(recipe: Recipe, device: str) -> str:
    """Why the native engine does not train this recipe here, as words that end a sentence; "" where it does."""
    if core() is None:
        return "it was not built here"
    if device != "cpu":
        return "it trains on the cpu only"
    reason = lacking(recipe)
    return f"it has no {reason.removeprefix('a ').removeprefix('an ')}" if reason else ""
