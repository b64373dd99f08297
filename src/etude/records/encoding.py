"""A run as bytes and back: every number bit for bit, and no changed byte unnoticed."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from etude.records import layout_1
from etude.records.columns import Column, column, packed, unpacked
from etude.records.sealing import Json, seal, unseal
from etude.values.curve import Curve
from etude.values.errors import RecipeError, StoreDamagedError
from etude.values.recipe import Recipe
from etude.values.run import Run

Arrays = Mapping[Any, NDArray[Any]]
"""By what the description calls them: a number, or in layout 1 a digest."""


@dataclass(frozen=True, slots=True)
class EncodedRun:
    """A run as it is kept, made by `encoded`: one string of bytes, cheap to hand to another thread or process."""

    key: str
    body: bytes


def encoded(key: str, run: Run) -> EncodedRun:
    """The run as sealed JSON followed by its numbers; equal arrays are kept once. Any thread may call it.

    Most of what a run takes are the mantissas of its scores, which are noise to any compressor: benchmarks/store.py
    says how much that is for a run of the journey.
    """
    places: dict[Column, int] = {}
    known: dict[int, int] = {}  # by an array's identity, which is quicker: the curves of a run share their steps

    def place(array: NDArray[Any], what: str) -> int:
        if id(array) not in known:
            known[id(array)] = places.setdefault(column(array, what), len(places))
        return known[id(array)]

    curves = [[c.name, c.unit, *(place(part, c.name) for part in _parts(c))] for c in run.curves.values()]
    arrays = [[name, place(array, name)] for name, array in run.arrays.items()]
    described, blocks = packed(tuple(places))
    return EncodedRun(key, seal({**_described(key, run), "curves": curves, "arrays": arrays, **described}) + blocks)


def decoded(kept: EncodedRun, recipe: Recipe | None) -> Run:
    """The run as it was encoded; a StoreDamagedError says which of its bytes are not those written.

    recipe: becomes the run's. None: it is rebuilt from what was stored; a recipe with the user's own code or arrays
        cannot be, so such a run has none and a note that says so.
    """
    head, numbers = _opened(kept)
    rebuilt, notes = (recipe, ()) if recipe else _rebuilt(head["recipe"])
    curves = {name: _curve(name, unit, *(numbers[part] for part in parts)) for name, unit, *parts in head["curves"]}
    return Run(
        name=head["name"],
        curves=MappingProxyType(curves),
        ended=head["ended"],
        last_step=head["last_step"],
        kept_step=head["kept_step"],
        recipe=rebuilt,
        replicate=head["replicate"],
        arrays=MappingProxyType({name: numbers[part] for name, part in head["arrays"]}),
        provenance=MappingProxyType(head["provenance"]),
        notes=(*head["notes"], *notes),
    )


def same_result(one: EncodedRun, other: EncodedRun) -> bool:
    """Whether both hold the same numbers; name, provenance and notes may differ, seconds always do.

    Not asked is what the recipe says: a run's key stands for it, and a field that it gains later changes no number.
    """
    return _result(one) == _result(other)


def _opened(kept: EncodedRun) -> tuple[Json, Arrays]:
    head, start = unseal(kept.body)
    if head["key"] != kept.key:
        raise StoreDamagedError(f"the description is that of run {head['key']}")
    names = _names(head)
    if "blocks" in head:
        arrays = unpacked(head, kept.body[start:], [names[i] for i in range(len(names))])
        return head, dict(enumerate(arrays))
    return head, layout_1.unpacked(head["columns"], kept.body[start:], names)


def _names(head: Json) -> dict[Any, str]:
    """What each array is, by what the description calls it: the first curve or array that it is part of."""
    names: dict[Any, str] = {}
    for name, _, *parts in head["curves"]:
        for part in parts:
            names.setdefault(part, f"curve {name!r}")
    for name, part in head["arrays"]:
        names.setdefault(part, f"array {name!r}")
    return names


def _described(key: str, run: Run) -> Json:
    return {
        "key": key,
        "name": run.name,
        "ended": run.ended,
        "last_step": run.last_step,
        "kept_step": run.kept_step,
        "recipe": run.recipe.model_dump(mode="json") if run.recipe else None,
        "replicate": run.replicate,
        "provenance": dict(run.provenance),
        "notes": list(run.notes),
    }


def _result(kept: EncodedRun) -> Json:
    head, numbers = _opened(kept)
    told = {name: head[name] for name in ("ended", "last_step", "kept_step", "replicate")}
    columns = {name: column(array, "") for name, array in numbers.items()}
    curves = {name: [unit, *(columns[part] for part in parts)] for name, unit, *parts in head["curves"]}
    return {**told, "curves": curves, "arrays": {name: columns[part] for name, part in head["arrays"]}}


def _rebuilt(fields: Json | None) -> tuple[Recipe | None, tuple[str, ...]]:
    if fields is None:
        return None, ()
    try:
        return Recipe(**fields), ()
    except RecipeError:
        return None, (
            "its recipe holds the user's own code or arrays, or fields this étude does not know, "
            "so it cannot be rebuilt from the store: ask with the recipe itself",
        )


def _parts(c: Curve) -> tuple[NDArray[Any], ...]:
    return (c.steps, c.values) if c.standard_errors is None else (c.steps, c.values, c.standard_errors)


def _curve(
    name: str, unit: str, steps: NDArray[Any], values: NDArray[Any], errors: NDArray[Any] | None = None
) -> Curve:
    return Curve(name, steps, values, unit, errors)
