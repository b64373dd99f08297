"""The engines by name, and the check that a recipe can be trained, made before any training."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from etude.data.load import load
from etude.engine.machine import device_called, explained, facts, own_torch
from etude.engine.spread import Job, spread
from etude.engine.trial import prepare
from etude.values.errors import EngineError
from etude.values.recipe import Recipe
from etude.values.run import Run
from etude.values.spec import nearest

__all__ = ["ENGINES", "Job", "check", "engine_called", "facts"]

Engine = Callable[..., Iterator[tuple[Job, Run]]]
"""Called as engine(jobs, workers=…, device=…); yields each job with its run as it finishes."""

ENGINES: Mapping[str, Engine] = MappingProxyType({"loop": spread})


def engine_called(name: str) -> Engine:
    """The engine of that name.

    >>> engine_called("loop") is spread
    True
    """
    if name not in ENGINES:
        raise EngineError(f"no engine {name!r}. {nearest(name, ENGINES)} Nothing was trained.")
    return ENGINES[name]


def check(recipe: Recipe, *, device: str = "cpu") -> None:
    """Load the data of replicate 0 and build everything its training needs, without a step of it.

    A RecipeError where loss, batch size and data do not fit, an EngineError where the device or a model or loss of
    the user's cannot do it, a DataError where the rows cannot be used.
    """
    where = device_called(device)
    splits = load(recipe.data, seed=recipe.seed, replicate=0)
    with explained(recipe, 0), own_torch(where):
        prepare(recipe, splits, 0, device=where)
