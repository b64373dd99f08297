"""The fields of a recipe by their paths, as a log of another tool would have them."""

from collections.abc import Iterator, Mapping

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
    return dict(_fields(recipe, ""))


def _fields(spec: Spec, before: str) -> Iterator[tuple[str, Value]]:
    for name, value in dict(spec).items():
        if not before and name in NO_PARAMETERS:
            continue
        if isinstance(value, Spec) and not isinstance(value, Code | Arrays):
            yield from _fields(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value if isinstance(value, str | int | float) else repr(value)
