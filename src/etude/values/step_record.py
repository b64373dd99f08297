"""One optimiser step under the microscope: every number that made it, and whether it did what it was to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Regime = Literal["linear regime", "curvature-limited", "overshoot", "kink-limited", "uphill", "no step", "not finite"]
"""What limited a step. `uphill`: it goes against its own batch's gradient, as momentum can carry it. `not finite`: the
loss or its gradient was no number before it."""


@dataclass(frozen=True, slots=True)
class LayerSeen:
    """One module with an output of its own, in the order in which they are called; forward and backward.

    kind:    the module's class
    shape:   of its output, examples first
    mean, std: of the output's numbers
    zeros:   share of them that are exactly 0
    saturated: share in the flat ends of a squashing function; None where the kind has none
    units:   along the second axis of the output in convolutions and what follows them, else along the last
    dead:    units that are 0 for every example of the batch; None where the kind cannot be dead, or of numbers that are
        not finite; zeros and saturated are NaN of those
    dead_on_set: the same over the whole set that was given; None without one
    error:   norm of the loss's gradient by the output: the error signal that arrives there; NaN where nothing that is
        trained comes before it
    gain:    norm of the error signal at its input over that at its output; None where its input has none
    weight_gradient: norm of the gradient of its own weights; None where it has none
    share:   of the squared norm of the whole gradient; None likewise
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    mean: float
    std: float
    zeros: float
    saturated: float | None
    units: int
    dead: int | None
    dead_on_set: int | None
    error: float
    gain: float | None
    weight_gradient: float | None
    share: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One summand of a tensor's update, such as "data gradient" or "momentum memory"; all of them sum to the step.

    norm:   its L2 norm
    along:  its share of the step: its scalar product with the step over that of the step with itself; shares sum to 1
    values: in the tensor's shape; None in a record of totals
    """

    name: str
    norm: float
    along: float
    values: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """What every part of an update was multiplied by, such as "1/(√v̂+ε)", "bias correction" or "clipping".

    low, middle, high: the smallest, the median and the largest over the coordinates; alike where it is one number
    values: in the tensor's shape; None where it is one number, and in a record of totals
    """

    name: str
    low: float
    middle: float
    high: float
    values: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TensorStep:
    """What a step did to one tensor of weights, taken apart.

    parts, factors: in the order of the optimiser's formula; no parts where `untouched` says why
    weights, gradient, step: before the step, of the batch's loss alone, and after less before; None in a record of
        totals
    weight_norm, gradient_norm, step_norm: their L2 norms
    ratio:  step norm over weight norm; NaN where the weights are all 0
    rate:   step norm over gradient norm, the effective learning rate; NaN where the gradient is 0
    signs:  share of the coordinates that moved whose step is the learning rate to a tenth: a sign step; None of
            optimisers whose steps have no such scale
    gap:    largest |sum of the parts − step| of a coordinate, the part "rounding" left out
    untouched: why it did not move: "frozen", "no gradient", "not in the optimiser"; "" where it did or could
    """

    name: str
    shape: tuple[int, ...]
    parts: tuple[Part, ...]
    factors: tuple[Factor, ...]
    weight_norm: float
    gradient_norm: float
    step_norm: float
    ratio: float
    rate: float
    signs: float | None
    gap: float
    untouched: str = ""
    weights: Floats | None = None
    gradient: Floats | None = None
    step: Floats | None = None


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One weight whose step was among the largest: its parts by name, which sum to `step`, and its factors."""

    tensor: str
    index: tuple[int, ...]
    weight: float
    gradient: float
    step: float
    parts: Mapping[str, float]
    factors: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Worked:
    """Did the step lower what it was to lower, on its own batch?

    before, after: the loss, dropout and all other chance being the same
    first:     predicted change to first order, g·d, for gradient g and step d
    second:    to second order, g·d + dᵀHd / 2
    curvature: dᵀHd
    ratio:     dᵀHd / |g·d|: at 1 half of the first-order gain is lost, at 2 all of it; NaN where g·d is 0
    kinks:     (example, unit) pairs that crossed a kink, such as a ReLU's 0, and `of` how many could; none where a loss
        is no number
    """

    before: float
    after: float
    first: float
    second: float
    curvature: float
    ratio: float
    kinks: int
    of: int
    regime: Regime

    @property
    def change(self) -> float:
        """What the step did to the loss."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Hop:
    """One link of the chain rule: the unit of a layer that a route passes, and the derivative of it by the one before.

    value: of the unit, for the example
    """

    layer: str
    unit: tuple[int, ...]
    derivative: float
    value: float


@dataclass(frozen=True, slots=True)
class Route:
    """One way from the weight to the output; `product` is that of its hops' derivatives."""

    hops: tuple[Hop, ...]
    product: float


@dataclass(frozen=True, slots=True)
class Path:
    """The derivative of one output of one example by one weight, and so of that example's loss, written out.

    output, weight: the output's index; the weight's tensor and index
    target: derivative of the example's loss by that output: the loss's derivative by the weight, through this output,
        is `target` times the sum of the products
    routes: the strongest, by the size of their product; `others` further ones have the sum `rest`
    total:  the sum of all products
    autograd: the same derivative by automatic differentiation
    difference: by central differences in float64; None where a kink is in the way, or the network has chance in it
    error:  |difference − autograd| over the larger of the two; None without a difference
    kinks:  units of the example that stand exactly at, or would cross, a kink: left out of the check, and told
    """

    example: int
    output: tuple[int, ...]
    weight: tuple[str, tuple[int, ...]]
    target: float
    routes: tuple[Route, ...]
    others: int
    rest: float
    total: float
    autograd: float
    difference: float | None
    error: float | None
    kinks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pull:
    """One example and what the step did for it.

    pull:  the first-order change of its own loss by the step; negative: the step helps it
    cosine: of the angle between the step and its own downhill direction
    label: its target as words; flipped: whether it was made wrong on purpose, None where that is not known
    """

    example: int
    loss: float
    pull: float
    cosine: float
    label: str
    flipped: bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Pulls:
    """Who pulls: `all_pulls` of shape (examples,); the most helped and the most hurt, strongest first."""

    all_pulls: Floats
    helped: tuple[Pull, ...]
    hurt: tuple[Pull, ...]
    share_helped: float


@dataclass(frozen=True, slots=True)
class Noise:
    """How much of the batch's gradient is signal, from the gradients of its examples.

    signal:  estimate of the squared norm of the true gradient, |G|², unbiased, hence it may be negative
    spread:  estimate of the trace of the covariance of one example's gradient, tr(S)
    ratio:   signal over the noise of the batch's mean, |G|² n / tr(S); None where `because` says why
    scale:   tr(S) / |G|², in examples: the batch size at which signal and noise are equal; None likewise
    because: why it is "not estimable from this batch"; "" where it is
    Source: McCandlish et al. (2018), arXiv:1812.06162.
    """

    signal: float
    spread: float
    examples: int
    ratio: float | None
    scale: float | None
    because: str


@dataclass(frozen=True, slots=True)
class Curvature:
    """The largest eigenvalues of the Hessian of the batch's loss, by Lanczos, and what they allow.

    eigenvalues, residuals: largest first, and the norm of H v − λ v of each, relative to the largest
    sharpness: the largest eigenvalue, of the Hessian preconditioned as the optimiser does it: H itself for plain
        descent, P^(−1/2) H P^(−1/2) with P = √v̂ + ε for adaptive ones
    limit:     what sharpness may be before steps of this optimiser grow along it: 2/η of plain descent,
        (2 + 2 β₁)/((1 − β₁) η) of Adam, 2 (1 + μ)/η with momentum μ
    formula:   of the limit, as text
    steps:     Lanczos steps that were made
    Source: Cohen et al. (2021), arXiv:2103.00065; (2022), arXiv:2207.14484.
    """

    eigenvalues: tuple[float, ...]
    residuals: tuple[float, ...]
    sharpness: float
    limit: float
    formula: str
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class LossLine:
    """The batch's loss along the step and along −gradient, at multiples of the step's length; shape (n,) each.

    quadratic: what first and second order predict along the step
    """

    distances: Floats
    along_step: Floats
    along_gradient: Floats
    quadratic: Floats


@dataclass(frozen=True, slots=True, eq=False)
class LossSurface:
    """A plane through the weights: the loss at each point of a grid, and the way training took through it.

    across, up: coordinates, shape (columns,) and (rows,), in norms of the weights; losses: shape (rows, columns)
    trajectory: (steps, 2) in the same coordinates; steps: their numbers
    directions: how the axes were chosen, as words: "filter-normalised random directions", "the step and …"
    Source: Li et al. (2018), arXiv:1712.09913.
    """

    across: Floats
    up: Floats
    losses: Floats
    trajectory: Floats
    steps: tuple[int, ...]
    directions: str


@dataclass(frozen=True, slots=True, eq=False)
class UnitLine:
    """Where a unit of the first layer changes sides in the plane of two inputs: points with a·x + b·y + c = 0."""

    unit: int
    a: float
    b: float
    c: float
    alive: bool


@dataclass(frozen=True, slots=True, eq=False)
class Boundary:
    """What a network of two inputs answers over the plane.

    across, up: grid coordinates in the data's own unit; answers: shape (rows, columns), the probability of class 1,
        or the number that is predicted
    bayes:   the same of the best possible answer; None where it is not known
    lines:   of the first layer's units
    points, labels: the batch's examples, shape (n, 2) and (n,)
    """

    across: Floats
    up: Floats
    answers: Floats
    bayes: Floats | None
    lines: tuple[UnitLine, ...]
    points: Floats
    labels: Floats


@dataclass(frozen=True, slots=True, eq=False)
class NetworkSeen:
    """A small fully connected network with one example in it.

    values, errors: by layer, inputs first: what each unit says, and the derivative of the example's loss by it;
        errors of the inputs too
    weights, gradients: by layer of weights, shape (units, units before); the gradient is of the example's loss
    names: of the layers, inputs first
    """

    example: int
    values: tuple[Floats, ...]
    errors: tuple[Floats, ...]
    weights: tuple[Floats, ...]
    gradients: tuple[Floats, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StepRecord:
    """One optimiser step, every number of it. What was not asked for, or could not be, is None, and `notes` say why.

    step:      the number of the step, from 1
    optimizer: its class, as "AdamW"; rate: learning rate of its first group; settings: its other settings, as words
    examples:  in the batch
    precision: "float32", or "float64" where the step was taken again by a copy in that precision
    loss, penalty: the batch's loss before the step; the L2 penalty that weight decay in the gradient stands for
    gradient_norm, step_norm: of all tensors together; the gradient before clipping
    worked:    of the loss; worked_with_penalty: of loss and penalty together; None without a penalty
    """

    step: int
    optimizer: str
    rate: float
    settings: Mapping[str, float | bool | str]
    examples: int
    precision: str
    loss: float
    penalty: float
    gradient_norm: float
    step_norm: float
    layers: tuple[LayerSeen, ...]
    tensors: tuple[TensorStep, ...]
    strongest: tuple[Coordinate, ...]
    worked: Worked
    worked_with_penalty: Worked | None = None
    path: Path | None = None
    pulls: Pulls | None = None
    noise: Noise | None = None
    curvature: Curvature | None = None
    line: LossLine | None = None
    surface: LossSurface | None = None
    boundary: Boundary | None = None
    network: NetworkSeen | None = None
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, str | int | float] | None = None
