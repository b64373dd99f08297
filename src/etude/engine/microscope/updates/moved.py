"""A tensor of weights in one step, all that its optimiser knew of it, and the step taken apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Factors = Mapping[str, Tensor | float]

RATE, SCALE, CLIPPING = "learning rate", "1/(√v̂+ε)", "clipping"
"""Factors that several optimisers have."""

ROUNDING = "rounding"
"""The part of a step that is nobody's wish: a weight takes only the numbers that its precision has."""


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """One tensor in one step; every number in float64, whatever precision the step was taken in.

    weights, gradient: before the step; the gradient of the batch's loss alone, not clipped yet
    step:     after less before
    clipping: what clipping multiplied the gradient by; 1 where it did not
    state:    of the optimiser, before the step; empty at the first one
    settings: of the tensor's group
    count:    the number of this tensor's step, from 1
    """

    weights: Tensor
    gradient: Tensor
    step: Tensor
    clipping: float
    state: Mapping[str, Tensor]
    settings: Mapping[str, Any]
    count: int

    def setting(self, name: str) -> float:
        """A setting as a number; some are tensors of one."""
        return float(self.settings[name])

    @property
    def sign(self) -> float:
        """−1 where the optimiser climbs, else 1."""
        return -1.0 if self.settings.get("maximize") else 1.0

    @property
    def penalty(self) -> float:
        """λ of its penalty."""
        return penalty_in(self.settings)

    @property
    def whole_gradient(self) -> Tensor:
        """What the optimiser takes for the gradient: clipped, with its sign, plus λ w."""
        clipped = self.sign * (self.gradient * self.clipping)
        return clipped + self.penalty * self.weights if self.penalty else clipped

    def gradient_parts(self, times: Tensor | float) -> dict[str, Tensor]:
        """The whole gradient times something, as its summands: the data's, what clipping took of it, the penalty's."""
        parts = {"data gradient": times * self.sign * self.gradient}
        if self.clipping != 1:
            parts["clipping"] = times * self.sign * (self.clipping - 1) * self.gradient
        if self.penalty:
            parts["L2 penalty"] = times * self.penalty * self.weights
        return parts


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    """A step taken apart: `parts` sum to it; `factors` multiplied them, each one number or one a coordinate."""

    parts: Mapping[str, Tensor]
    factors: Factors

    @property
    def total(self) -> Tensor:
        """The sum of all parts."""
        first, *others = self.parts.values()
        return sum(others, first)


def penalty_in(settings: Mapping[str, Any]) -> float:
    """λ of a weight decay that joins the gradient; 0 where there is none, or where it goes beside.

    >>> penalty_in({"weight_decay": 0.1}), penalty_in({"weight_decay": 0.1, "decoupled_weight_decay": True})
    (0.1, 0.0)
    """
    return 0.0 if settings.get("decoupled_weight_decay") else float(settings.get("weight_decay") or 0.0)


def common_factors(moved: Moved) -> dict[str, Tensor | float]:
    """The factors of every optimiser: its learning rate, and the clipping where it did something."""
    clipping = {CLIPPING: moved.clipping} if moved.clipping != 1 else {}
    return {RATE: moved.setting("lr"), **clipping}
