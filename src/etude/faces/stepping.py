"""Looking at steps, whoever asks for it: which steps of what, and what was seen."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from etude.values.errors import RecipeError
from etude.values.recipe import Recipe
from etude.values.step_record import StepRecord

if TYPE_CHECKING:
    from etude.engine.microscope.asked import Wanted
    from etude.engine.microscope.glimpse import Which
    from etude.studies.under_glass import UnderGlass

LAST = "last"
"""What people may write for the number of the last step that a recipe takes."""

WEIGHT = re.compile(r"\s*(?P<name>.+?)\s*\[\s*(?P<index>\d+(?:\s*,\s*\d+)*)\s*\]\s*")
STATE = "Nothing was trained."

SIDES: Mapping[str, "Which"] = MappingProxyType({"wrong": "most confidently wrong", "right": "most confidently right"})
"""What people may write for an example that --vs compares → how it is chosen."""

Weight = tuple[str, tuple[int, ...]]
"""A tensor of weights by its name, and the place of one number in it."""


@dataclass(frozen=True, slots=True)
class Against:
    """A second arm: which field of the recipe differs, as FIELD=VALUE, and how many pairs of replicates are made."""

    told: str
    replicates: int = 10


@dataclass(frozen=True, slots=True)
class Look:
    """What of a recipe's steps is to be seen.

    steps:   numbers from 1, or "last"
    example, output, weight: whose path is written out; None: those that matter most; with a second arm the example is
             compared, by its number or by how right the network is on it
    curvature, surface: the largest eigenvalues, and the plane around the weights: both take a while
    float64: whether the steps are taken in that precision
    """

    steps: tuple[str, ...] = ("1",)
    replicate: int = 0
    example: "int | Which | None" = None
    output: int | None = None
    weight: str | None = None
    curvature: bool = False
    surface: bool = False
    float64: bool = False
    device: str = "cpu"
    against: Against | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Steps under the microscope.

    name:     of the recipe, or of the model
    compared: the recipe against one that differs from it in a field, at the same step on the same examples
    """

    name: str
    records: tuple[StepRecord, ...]
    compared: "UnderGlass | None" = None


def seen(name: str, recipe: Recipe, look: Look) -> Seen:
    """Train a replicate of a recipe up to the last step that is asked for, and look at each of them.

    With a second arm, both are compared over replicates at the one step that is asked for.
    """
    from etude.engine.microscope.of_recipe import stepped

    steps = steps_in(look.steps, recipe, look.replicate)
    compared = None if look.against is None else _compared(recipe, look, look.against, steps)
    records = stepped(recipe, look.replicate, steps, wanted_of(look), look.device)
    return Seen(name, records, compared)


def _compared(recipe: Recipe, look: Look, against: Against, steps: Sequence[int]) -> "UnderGlass":
    from etude.faces.step_arms import treated_in
    from etude.studies.under_glass import Glass, under_glass

    if len(steps) > 1:
        raise RecipeError(f"--vs compares two arms at one step, and {len(steps)} are asked for. Name one. {STATE}")
    glass = Glass(steps[0], replicates=against.replicates, device=look.device)
    if look.example is not None:
        glass = replace(glass, which=look.example)
    return under_glass(recipe, treated_in(against.told, recipe), glass)


def wanted_of(look: Look) -> "Wanted":
    """The same in the engine's words."""
    from etude.engine.microscope.asked import Wanted

    weight = None if look.weight is None else weight_in(look.weight)
    example = look.example if isinstance(look.example, int) else None
    return Wanted(
        path=path_asked(example, look.output, weight),
        example=example,
        output=look.output,
        weight=weight,
        shadow=look.float64,
        curvature=look.curvature,
        surface=look.surface,
    )


def example_in(told: str, *, compared: bool) -> "int | Which":
    """An example as people name it: its number in the batch or, where two arms are compared, how right the network is.

    >>> example_in("7", compared=False), example_in("right", compared=True)
    (7, 'most confidently right')
    """
    if told.isdecimal():
        return int(told)
    if told in SIDES and compared:
        return SIDES[told]
    why = "only with --vs is it chosen by how right the network is" if told in SIDES else "it is no number of one"
    known = f"its number in the batch, from 0{', or wrong or right' if compared else ''}"
    raise RecipeError(f"--example {told!r}: {why}. Write {known}. {STATE}")


def path_asked(example: int | None, output: int | None, weight: Weight | None) -> bool | None:
    """Whether a path is to be written out: surely, where its ends are named; else where the network is small."""
    return None if (example, output, weight) == (None, None, None) else True


def steps_in(told: Sequence[str], recipe: Recipe, replicate: int) -> tuple[int, ...]:
    """The numbers of the steps, in order and once each; a RecipeError where one is no number."""
    numbers = {_last(recipe, replicate) if one == LAST else _number(one) for one in told}
    return tuple(sorted(numbers))


def _number(told: str) -> int:
    try:
        number = int(told.replace(",", ""))
    except ValueError:
        raise RecipeError(
            f"--step {told!r} is neither a whole number nor {LAST!r}. Steps are counted from 1. {STATE}"
        ) from None
    if number < 1:
        raise RecipeError(f"--step {number}: steps are counted from 1. {STATE}")
    return number


def _last(recipe: Recipe, replicate: int) -> int:
    from etude.data.load import load
    from etude.engine.microscope.of_recipe import planned_steps

    return planned_steps(recipe, load(recipe.data, seed=recipe.seed, replicate=replicate))


def weight_in(told: str) -> Weight:
    """A weight as people write it.

    >>> weight_in("0.weight[3, 1]")
    ('0.weight', (3, 1))
    """
    found = WEIGHT.fullmatch(told)
    if found is None:
        raise RecipeError(
            f"{told!r} names no single weight. Write the tensor and the place in it, such as '0.weight[3,1]'. {STATE}"
        )
    return found["name"], tuple(int(one) for one in found["index"].split(","))
