"""Any optimiser's step on one tensor, taken apart into parts that sum to it, and shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from etude.engine.microscope.updates import adam, rmsprop, sgd, unknown
from etude.engine.microscope.updates.moved import ROUNDING, SCALE, Apart, Moved
from etude.values.curve import frozen
from etude.values.step_record import Coordinate, Factor, Floats, Part, TensorStep

Update = Callable[[Moved], Apart]

UPDATES: Mapping[type[Optimizer], Update] = MappingProxyType(
    {SGD: sgd.update, RMSprop: rmsprop.update, Adam: adam.update, AdamW: adam.update}
)
"""Optimiser → how its step is taken apart; one that is derived from these is tried as its parent is."""

SIGN_STEP = 0.1
"""A coordinate whose step is the learning rate to this share of it makes a sign step."""

NEAR_ENOUGH = 1e-3
"""A gap beyond this share of the largest coordinate's step, and beyond what rounding explains, is no rounding: the
optimiser did something else than its formula."""

ROUNDINGS = 8
"""Roundings, of the precision of the weights, that may lie between a step and its formula."""

SEEN = 1e-3
"""Share of a tensor's step from which its rounding is a part of its own, so that the shares that are shown add up."""

STRONGEST = 20
"""Coordinates whose parts are told one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Dissected:
    """One tensor's step and what it is made of, in float64.

    gap: the largest distance of a coordinate's parts from its step, rounding left out
    untouched: why there are no parts; empty where there are
    """

    name: str
    moved: Moved
    apart: Apart
    gap: float = 0.0
    untouched: str = ""


def dissected(name: str, moved: Moved, kind: type[Optimizer], *, epsilon: float) -> tuple[Dissected, str]:
    """The step of a tensor, taken apart as its kind of optimiser makes it, and a note where that is not known.

    epsilon: of the precision of the weights, that rounding may be told from another formula
    """
    known = next((UPDATES[base] for base in kind.__mro__ if base in UPDATES), None)
    if known is None:
        return _as_unknown(name, moved), (
            f"étude does not know how {kind.__name__} makes its step: it is taken apart into −η × gradient and the rest"
        )
    apart = known(moved)
    gap, rounding = _largest(apart.total - moved.step), ROUNDINGS * epsilon * _largest(moved.weights)
    if gap > NEAR_ENOUGH * _largest(moved.step) + rounding:
        return _as_unknown(name, moved), (
            f"{kind.__name__} did not step as its formula says, so that its step is taken apart into −η × gradient "
            "and the rest"
        )
    return Dissected(name, moved, _with_rounding(apart, moved), gap), ""


def _with_rounding(apart: Apart, moved: Moved) -> Apart:
    """What the weights' own precision added to the step or took from it is a part too, where it would be seen."""
    rounding = moved.step - apart.total
    if not _norm(rounding) > SEEN * _norm(moved.step):
        return apart
    return Apart({**apart.parts, ROUNDING: rounding}, apart.factors)


def _as_unknown(name: str, moved: Moved) -> Dissected:
    apart = unknown.update(moved)
    return Dissected(name, moved, apart, _largest(apart.total - moved.step))


def tensor_step(of: Dissected, *, totals: bool) -> TensorStep:
    """What is shown of a tensor. totals: whether its single numbers are left out."""
    moved, step = of.moved, of.moved.step
    weight, gradient, length = (_norm(one) for one in (moved.weights, moved.gradient, step))
    return TensorStep(
        name=of.name,
        shape=tuple(step.shape),
        parts=tuple(_part(name, values, step, totals=totals) for name, values in of.apart.parts.items()),
        factors=tuple(_factor(name, value, totals=totals) for name, value in of.apart.factors.items()),
        weight_norm=weight,
        gradient_norm=gradient,
        step_norm=length,
        ratio=length / weight if weight else float("nan"),
        rate=length / gradient if gradient else float("nan"),
        signs=_signs(of),
        gap=of.gap,
        untouched=of.untouched,
        weights=None if totals else shown(moved.weights),
        gradient=None if totals else shown(moved.gradient),
        step=None if totals else shown(step),
    )


def strongest(of: Dissected, n: int = STRONGEST) -> list[Coordinate]:
    """The coordinates of a tensor with the largest steps; those that did not move are left out."""
    sizes = of.moved.step.abs().flatten()
    best = torch.topk(torch.nan_to_num(sizes), min(n, sizes.numel()))
    return [_coordinate(of, int(i)) for size, i in zip(best.values, best.indices, strict=True) if size > 0]


def shown(values: Tensor) -> Floats:
    """A read-only copy for a record."""
    return frozen(values.detach().to("cpu", torch.float64).numpy().copy())


def _coordinate(of: Dissected, i: int) -> Coordinate:
    index = tuple(int(k) for k in torch.unravel_index(torch.tensor(i), tuple(of.moved.step.shape)))
    parts = {name: float(values.flatten()[i]) for name, values in of.apart.parts.items()}
    factors = {
        name: float(value.flatten()[i]) if isinstance(value, Tensor) else value
        for name, value in of.apart.factors.items()
    }
    weight, gradient, step = (float(one.flatten()[i]) for one in (of.moved.weights, of.moved.gradient, of.moved.step))
    return Coordinate(of.name, index, weight, gradient, step, MappingProxyType(parts), MappingProxyType(factors))


def _part(name: str, values: Tensor, step: Tensor, *, totals: bool) -> Part:
    square = float((step * step).sum())
    along = float((values * step).sum()) / square if square else float("nan")
    return Part(name, _norm(values), along, None if totals else shown(values))


def _factor(name: str, value: Tensor | float, *, totals: bool) -> Factor:
    if not isinstance(value, Tensor):
        return Factor(name, value, value, value)
    if not value.numel():
        return Factor(name, float("nan"), float("nan"), float("nan"))
    low, high = (float(one) for one in torch.aminmax(value))
    return Factor(name, low, float(value.median()), high, None if totals else shown(value))


def _signs(of: Dissected) -> float | None:
    """The share of sign steps among the coordinates that moved, of optimisers that scale each one."""
    if SCALE not in of.apart.factors:
        return None
    rate, sizes = of.moved.setting("lr"), of.moved.step.abs()
    if not bool(torch.isfinite(sizes).all()):
        return float("nan")
    moved = sizes[sizes > 0]
    return float(((moved - rate).abs() <= SIGN_STEP * rate).double().mean()) if moved.numel() else 0.0


def _largest(values: Tensor) -> float:
    return float(values.abs().max()) if values.numel() else 0.0


def _norm(values: Tensor) -> float:
    return float(torch.linalg.vector_norm(values))
