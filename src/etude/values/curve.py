"""A curve: one quantity measured at increasing optimiser steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etude.values.errors import CurveError

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One measured quantity along a run. Build it with `curve`, or from arrays that are `frozen` already.

    name:            split and quantity, e.g. ``"validation/log_loss"``
    steps:           optimiser steps, strictly increasing, shape (n,)
    values:          the measurement at each step, shape (n,); NaN and inf are kept, they are evidence
    unit:            ``"nats"``, ``"examples"``, ``""`` for a pure number
    standard_errors: sampling standard error of each value over the split's examples, shape (n,), or None
    """

    name: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    unit: str = ""
    standard_errors: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.steps.shape != self.values.shape or self.steps.ndim != 1:
            raise CurveError(
                f"curve {self.name!r}: {self.steps.shape} steps against {self.values.shape} values. "
                "Every value needs the step it was measured at: pass two 1-D arrays of one length."
            )
        if self.standard_errors is not None and self.standard_errors.shape != self.values.shape:
            raise CurveError(
                f"curve {self.name!r}: {self.standard_errors.shape} standard errors against "
                f"{self.values.shape} values. Give one standard error a value, or none at all."
            )
        forwards = self.steps[1:] > self.steps[:-1]
        if not forwards.all():
            i = int(forwards.argmin())
            raise CurveError(
                f"curve {self.name!r}: step {self.steps[i + 1]} comes after step {self.steps[i]} "
                f"(row {i + 2}). "
                "Steps must increase; a restarted job usually appends a second run to the same log. "
                "Read the two parts as two runs, or drop the overlap."
            )

    def at(self, step: int) -> float:
        """The value measured at `step`; the last one before it where that step was not measured."""
        i = int(np.searchsorted(self.steps, step, side="right")) - 1
        if i < 0:
            raise CurveError(
                f"curve {self.name!r} starts at step {self.steps[0] if self.steps.size else 'none'}, "
                f"after step {step}. Ask for a later step."
            )
        return float(self.values[i])


def curve(
    name: str,
    steps: Sequence[int] | ArrayLike,
    values: ArrayLike,
    *,
    unit: str = "",
    standard_errors: ArrayLike | None = None,
) -> Curve:
    """A curve from anything array-like; copies, so later changes to the input change nothing.

    >>> curve("train/log_loss", [1, 2], [0.7, 0.6], unit="nats").at(2)
    0.6
    """
    errors = None if standard_errors is None else frozen(np.array(standard_errors, dtype=np.float64))
    return Curve(
        name,
        frozen(np.array(steps, dtype=np.int64)),
        frozen(np.array(values, dtype=np.float64)),
        unit,
        errors,
    )


def frozen(array: NDArray[T]) -> NDArray[T]:
    """The array itself, which from now on cannot be written to."""
    array.setflags(write=False)
    return array
