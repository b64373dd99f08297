"""The fields of a recipe by their paths, as a log of another tool would have them."""

from collections.abc import Iterator, Mapping
from typing import Any

from etude.values.code import Code
from etude.values.data import Arrays
from etude.values.recipe import Recipe
from etude.values.spec import Spec

Value = str | int | float

NO_PARAMETERS = frozenset({"seed", "score_every"})
"""Fields of chance and of looking on."""


def recipe_fields(recipe: Recipe) -> Mapping[str, Value]:
    """Every field with its value; what is no number is told as text.

    >>> recipe_fields(Recipe(data={"task": "sincos"}, loss="bce", epochs=10))["optimizer.name"]
    'adam'
    """
    return {path: value if isinstance(value, str | int | float) else repr(value) for path, value in values_of(recipe)}


def values_of(recipe: Spec, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every field by its path, and its value as it is."""
    for name, value in dict(recipe).items():
        if not before and name in NO_PARAMETERS:
            continue
        if isinstance(value, Spec) and not isinstance(value, Code | Arrays):
            yield from values_of(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
