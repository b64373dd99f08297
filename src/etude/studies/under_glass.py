"""Two arms under the glass: what one step says to the same example under each of two recipes, over replicates."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from etude.numerics.intervals import student_interval
from etude.values.errors import ComparisonError, ConfoundedError, NotEnoughDataError, RecipeError
from etude.values.recipe import Recipe, differing_fields, field_value

if TYPE_CHECKING:
    from etude.engine.microscope.glimpse import Glimpse, Which

STATE = "Nothing was trained."

FEWEST_PAIRS = 2
"""Pairs below which there is no interval."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One quantity under both arms.

    name, unit: what it is, in words
    control, treated: of each replicate
    how:     "ratio": treated over control, the geometric mean; "difference": treated less control, the mean
    mean, low, high: of that, with Student's interval over replicates, of logarithms for a ratio; NaN of fewer than two
    level, n_pairs: of the interval; pairs with a value that has no logarithm, or is not finite, are left out
    own_unit: whether the two arms measure it in units of their own, so that the ratio is one of units as well
    """

    name: str
    unit: str
    control: tuple[float, ...]
    treated: tuple[float, ...]
    how: Literal["ratio", "difference"]
    mean: float
    low: float
    high: float
    level: float
    n_pairs: int
    own_unit: bool


@dataclass(frozen=True, slots=True)
class UnderGlass:
    """Two recipes that differ in one field, at one step, with one example of each replicate.

    field, control, treated: the field and its two values, as words
    which:    how the example was chosen, under the control; examples: its number in each replicate's batch
    """

    field: str
    control: str
    treated: str
    step: int
    which: str
    examples: tuple[int, ...]
    contrasts: tuple[Contrast, ...]

    @property
    def replicates(self) -> int:
        """How many of each arm were looked at."""
        return len(self.examples)


@dataclass(frozen=True, slots=True)
class Glass:
    """What is looked at: which step, which example, of how many replicates.

    which: "most confidently wrong", "most confidently right", or the example's number in the batch
    level: of the intervals
    """

    step: int = 1
    which: "Which | int" = "most confidently wrong"
    replicates: int = 10
    level: float = 0.95
    device: str = "cpu"


def under_glass(control: Recipe, treated: Recipe, glass: Glass) -> UnderGlass:
    """What the step does to one example under each recipe, on paired replicates.

    A replicate draws the same data, labels, initialisation, order and dropout under both, so that at step 1 the weights
    are the same, and what differs is the field alone; at later steps each arm has trained by its own. The example is
    chosen by what the control says, by its logits or its error, not by its loss.
    """
    field = _one_field(control, treated)
    if glass.replicates < FEWEST_PAIRS:
        raise NotEnoughDataError(
            f"got replicates={glass.replicates}. One pair has no spread, so it says nothing about the next: look at "
            f"two at least, ten by default. {STATE}"
        )
    pairs = [_pair(control, treated, glass, replicate) for replicate in range(glass.replicates)]
    return UnderGlass(
        field=field,
        control=str(field_value(control, field)),
        treated=str(field_value(treated, field)),
        step=glass.step,
        which=glass.which if isinstance(glass.which, str) else f"example {glass.which}",
        examples=tuple(one.example for one, _ in pairs),
        contrasts=tuple(
            _contrast(quantity, pairs, glass.level, own_unit=quantity.has_unit and field.startswith("loss"))
            for quantity in QUANTITIES
        ),
    )


@dataclass(frozen=True, slots=True)
class _Quantity:
    """has_unit: whether it is counted in the loss's unit."""

    name: str
    unit: str
    of: Callable[["Glimpse"], float]
    has_unit: bool = False
    how: Literal["ratio", "difference"] = "ratio"


QUANTITIES = (
    _Quantity("how right the network is", "logits, or minus the error", lambda g: g.margin, how="difference"),
    _Quantity("its error signal at the output", "loss per output", lambda g: g.signal, has_unit=True),
    _Quantity(
        "its error signal beside the batch's", "batch's root mean square", lambda g: _over(g.signal, g.usual_signal)
    ),
    _Quantity("its gradient", "loss per weight", lambda g: g.gradient, has_unit=True),
    _Quantity(
        "its gradient beside the batch's", "batch's root mean square", lambda g: _over(g.gradient, g.usual_gradient)
    ),
    _Quantity("its gradient in the first layer", "loss per weight", lambda g: g.first, has_unit=True),
    _Quantity("the batch's gradient in the first layer", "loss per weight", lambda g: g.batch_first, has_unit=True),
    _Quantity(
        "change of the batch's loss",
        "of the loss before",
        lambda g: _over(g.after - g.before, g.before),
        how="difference",
    ),
)
"""What is compared, from the output backwards. Beside the batch's own, sizes have no unit, and two losses compare."""


def _over(one: float, other: float) -> float:
    """Their ratio; NaN where there is nothing to divide by."""
    return one / other if other else math.nan


def _one_field(control: Recipe, treated: Recipe) -> str:
    fields = differing_fields(control, treated)
    if not fields:
        raise RecipeError(f"the two recipes are the same, so there is nothing to compare. Change one field. {STATE}")
    if len(fields) > 1:
        raise ConfoundedError(
            f"the two recipes differ in {len(fields)} fields, {', '.join(fields)}, so that no difference could be laid "
            f"to one of them. Change one field at a time. {STATE}"
        )
    return fields[0]


def _pair(control: Recipe, treated: Recipe, glass: Glass, replicate: int) -> "tuple[Glimpse, Glimpse]":
    from etude.engine.microscope.glimpse import are_of_one_batch, chosen_example, glimpse_of, scene_of_step

    one, other = (scene_of_step(arm, replicate, glass.step, glass.device) for arm in (control, treated))
    if not are_of_one_batch(one, other):
        raise ComparisonError(
            f"at step {glass.step} of replicate {replicate} the two arms see different examples, so that none can be "
            "compared under both. Compare recipes of one data, batch size and augmentation. Nothing was kept."
        )
    example = chosen_example(one, glass.which)
    return glimpse_of(one, example), glimpse_of(other, example)


def _contrast(
    quantity: _Quantity, pairs: "Sequence[tuple[Glimpse, Glimpse]]", level: float, *, own_unit: bool
) -> Contrast:
    control, treated = (np.array([quantity.of(pair[arm]) for pair in pairs]) for arm in (0, 1))
    is_ratio = quantity.how == "ratio"
    with np.errstate(divide="ignore", invalid="ignore"):
        differences = np.log(treated) - np.log(control) if is_ratio else treated - control
    usable = differences[np.isfinite(differences)]
    bounds = (math.nan, math.nan, math.nan)
    if usable.size >= FEWEST_PAIRS:
        interval = student_interval(usable, level=level)
        bounds = (interval.mean, interval.low, interval.high)
    mean, low, high = (_exponential(one) for one in bounds) if is_ratio else bounds
    return Contrast(
        name=quantity.name,
        unit=quantity.unit,
        control=tuple(control.tolist()),
        treated=tuple(treated.tolist()),
        how=quantity.how,
        mean=mean,
        low=low,
        high=high,
        level=level,
        n_pairs=usable.size,
        own_unit=own_unit,
    )


def _exponential(log: float) -> float:
    """Of an interval's end, which may be infinite."""
    return math.inf if log == math.inf else math.exp(log)
