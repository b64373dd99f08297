"""How sharply the batch's loss bends at the weights, and how sharply it may before steps of the optimiser grow."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from etude.engine.microscope.examples import trying
from etude.engine.microscope.scene import Scene, Tensors
from etude.numerics.lanczos import Ritz, lanczos
from etude.values.step_record import Curvature

Floats = NDArray[np.float64]

Kind = Literal["sgd", "nesterov", "rmsprop", "adam", "other"]

MOST_STEPS = 100
"""Products with the Hessian that are spent on one spectrum; most end sooner."""

MOST_NUMBERS = 1 << 26
"""Numbers of all directions that are kept, 512 MB: a network of a million weights has 67 steps."""

LOOSE = 1e-2
"""Residual from which a note says that an eigenvalue is not settled."""

SEED = 20_210_103
"""Of the random direction that Lanczos starts from: the same scene gives the same numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class CurvatureOf:
    """What of an optimiser decides how sharp a loss may be: its kind and numbers, as of its first group of weights.

    rate:      learning rate η
    momentum:  μ of plain descent, Nesterov's and RMSprop's
    beta1:     β₁ of Adam and AdamW
    dampening: of plain descent with momentum
    preconditioner: P = √v̂ + ε of every weight, by name, what the optimiser divides by; None where it does not
    """

    kind: Kind
    rate: float
    momentum: float = 0.0
    beta1: float = 0.0
    dampening: float = 0.0
    preconditioner: Tensors | None = None


def curvature_of(scene: Scene, of: CurvatureOf, n: int = 3) -> tuple[Curvature | None, tuple[str, ...]]:
    """The n largest eigenvalues of the Hessian, the sharpness as the optimiser feels it, its limit, and notes.

    The limits hold for a loss that is a parabola, and for an optimiser whose averages have settled: that of Adam in its
    first steps is not P = √v̂ + ε alone. Sharpness above the limit is where training is unstable along one direction.
    None, with a note, where torch has no second derivative of the model.
    """
    size = sum(one.numel() for one in scene.before.values())
    steps = min(size, MOST_STEPS, max(2, MOST_NUMBERS // size))
    start = np.random.default_rng(SEED).standard_normal(size)
    times = _hessian(scene)
    try:
        with trying():
            plain = lanczos(times, start, steps=steps, n=n)
            felt = plain if of.preconditioner is None else lanczos(_scaled(times, of, scene), start, steps=steps, n=1)
    except (RuntimeError, NotImplementedError, np.linalg.LinAlgError) as error:
        return None, (f"no curvature: {type(error).__name__}: {str(error).partition(chr(10))[0][:200]}",)
    limit, formula = limit_of(of)
    made = Curvature(
        eigenvalues=tuple(plain.values.tolist()),
        residuals=tuple(plain.residuals.tolist()),
        sharpness=float(felt.values[0]),
        limit=limit,
        formula=formula,
        steps=plain.steps + (felt.steps if felt is not plain else 0),
    )
    return made, tuple(_notes(plain, felt))


def limit_of(of: CurvatureOf) -> tuple[float, str]:
    """How sharp a parabola may be before steps grow along it, and the formula.

    Source: Cohen et al. (2021), arXiv:2103.00065, appendix B; (2022), arXiv:2207.14484, for preconditioned ones.

    >>> limit_of(CurvatureOf("adam", rate=0.1, beta1=0.9))
    (380.0, '(2 + 2β₁)/((1 − β₁) η)')
    """
    limit, formula = LIMITS[of.kind](of)
    return (limit / of.rate if of.rate > 0 else math.inf), formula


def _plain(of: CurvatureOf) -> tuple[float, str]:
    if not of.momentum:
        return 2.0, "2/η"
    damped = "2 (1 + μ)/((1 − dampening) η)" if of.dampening else "2 (1 + μ)/η"
    return 2 * (1 + of.momentum) / (1 - of.dampening), damped


def _nesterov(of: CurvatureOf) -> tuple[float, str]:
    return (2 + 2 * of.momentum) / (1 + 2 * of.momentum), "(2 + 2 μ)/((1 + 2 μ) η)"


def _adam(of: CurvatureOf) -> tuple[float, str]:
    return round((2 + 2 * of.beta1) / (1 - of.beta1), 12), "(2 + 2β₁)/((1 − β₁) η)"


def _unknown(_: CurvatureOf) -> tuple[float, str]:
    return math.nan, "not known of this optimiser"


LIMITS: Mapping[Kind, Callable[[CurvatureOf], tuple[float, str]]] = MappingProxyType(
    {"sgd": _plain, "nesterov": _nesterov, "rmsprop": _plain, "adam": _adam, "other": _unknown}
)
"""Kind → its limit at a learning rate of 1, and the formula."""


def _hessian(scene: Scene) -> Callable[[Floats], Floats]:
    def times(vector: Floats) -> Floats:
        return _joined(scene.hessian_times(_split(vector, scene.before)).values())

    return times


def _scaled(times: Callable[[Floats], Floats], of: CurvatureOf, scene: Scene) -> Callable[[Floats], Floats]:
    """P^(−1/2) H P^(−1/2); where P is 0, as of a weight that never had a gradient, nothing moves."""
    assert of.preconditioner is not None
    p = _joined(of.preconditioner[name] for name in scene.before)
    root = np.divide(1.0, np.sqrt(p), out=np.zeros_like(p), where=p > 0)
    return lambda vector: root * times(root * vector)


def _split(vector: Floats, like: Tensors) -> dict[str, Tensor]:
    """A vector as tensors of weights."""
    parts, start = {}, 0
    for name, one in like.items():
        flat = torch.from_numpy(vector[start : start + one.numel()])
        parts[name] = flat.to(one.device, one.dtype).reshape(one.shape)
        start += one.numel()
    return parts


def _joined(tensors: Iterable[Tensor]) -> Floats:
    made: Floats = torch.cat([one.detach().double().flatten().cpu() for one in tensors]).numpy()
    return made


def _notes(plain: Ritz, felt: Ritz) -> list[str]:
    notes = []
    if plain.residuals.max() > LOOSE:
        notes.append(
            f"an eigenvalue is not settled after {plain.steps} steps of Lanczos: its residual is "
            f"{plain.residuals.max():.1%} of the largest"
        )
    if felt is not plain and felt.residuals.max() > LOOSE:
        notes.append(f"the sharpness is not settled: its residual is {felt.residuals.max():.1%} of it")
    return notes
