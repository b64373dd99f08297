"""What a check is given: one run, or the replicates of one arm, with the curves that are judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from etude.values.curve import Curve, frozen
from etude.values.run import Run

if TYPE_CHECKING:
    from etude.values.recipe import Recipe  # pydantic, which a log of another tool never needs


LARGEST = float(np.finfo(np.float32).max)
"""Single precision holds no larger number, so a loss beyond it has left all bounds: it is judged as infinite."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One run as it is judged. Build it with `case_of`.

    run:        the run itself, for every other curve of it
    train:      the judged series on what is learned from; None where there is none
    validation: the judged series on what is held out; None where there is none
    higher:     whether more of what is judged is better
    recipe:     what was run; None for a log of another tool
    """

    run: Run
    train: Curve | None
    validation: Curve | None
    higher: bool
    recipe: "Recipe | None"

    @property
    def unit(self) -> str:
        """Of what is judged; "" where it is not known."""
        judged = self.validation or self.train
        return judged.unit if judged else ""


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """The replicates of one recipe, or runs that the user says are replicates. `name`: what a person calls it."""

    name: str
    cases: tuple[Case, ...]

    @property
    def recipe(self) -> "Recipe | None":
        """What was run; None for logs of other tools."""
        return self.cases[0].recipe


def case_of(run: Run) -> Case:
    """A run as it is judged: on its score where it has one of these alone, else on its objective."""
    run = _bounded(run)
    higher = not any(f"{split}/objective" in run.curves for split in ("train", "validation"))
    word = "score" if higher else "objective"
    train, validation = (run.curves.get(f"{split}/{word}") for split in ("train", "validation"))
    return Case(run, _kept(train), _kept(validation), higher, run.recipe)


def arm_of(runs: Sequence[Run], name: str = "") -> Arm:
    """Runs as the replicates of one arm."""
    return Arm(name or runs[0].name, tuple(case_of(run) for run in runs))


def badness(case: Case, curve: Curve) -> NDArray[np.float64]:
    """The judged values such that less is better: losses as they are, scores turned over, shape (n,)."""
    return -curve.values if case.higher else curve.values


def _bounded(run: Run) -> Run:
    """The run itself, or where numbers lie beyond `LARGEST` one with these infinite, so that no sum overflows."""
    curves = {name: _bounded_curve(curve) for name, curve in run.curves.items()}
    if all(curves[name] is curve for name, curve in run.curves.items()):
        return run
    return replace(run, curves=MappingProxyType(curves))


def _bounded_curve(curve: Curve) -> Curve:
    parts = (curve.values, curve.standard_errors)
    if not any(part is not None and ((np.abs(part) > LARGEST) & np.isfinite(part)).any() for part in parts):
        return curve
    errors = None if curve.standard_errors is None else _infinite_beyond(curve.standard_errors)
    return replace(curve, values=_infinite_beyond(curve.values), standard_errors=errors)


def _infinite_beyond(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return frozen(np.where(np.abs(values) > LARGEST, np.copysign(np.inf, values), values))


def _kept(curve: Curve | None) -> Curve | None:
    return curve if curve is not None and curve.values.size else None
