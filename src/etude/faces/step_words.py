"""A step in words, the same in a terminal, a notebook and on the page."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from etude.figures.numbers import NOT_FINITE, listed, percent, plural
from etude.figures.small import plus, small
from etude.values.step_record import (
    Coordinate,
    Curvature,
    LayerSeen,
    Noise,
    Path,
    Pulls,
    Regime,
    StepRecord,
    TensorStep,
    Worked,
)

REGIME_MEANING: Mapping[Regime, str] = MappingProxyType(
    {
        "linear regime": "The loss fell by about what the gradient at the old weights promised, or more: over the "
        "length of this step the surface is nearly straight, or bends downwards.",
        "curvature-limited": "The surface bends upwards along the step, so that much of what the gradient promised "
        "was lost. A smaller step would have lost a smaller share of its promise.",
        "overshoot": "The step went past the bottom of what it descended into, and came out no lower than it went in. "
        "A smaller learning rate would have lowered the loss.",
        "kink-limited": "So many units switched on or off on the way that neither the slope nor the curvature at the "
        "old weights tells what happened.",
        "uphill": "The step goes against the gradient of its own batch: memory of earlier batches, weight decay or "
        "both carried it, so that to first order the loss of this batch had to rise.",
        "no step": "No weight moved, so the loss stayed what it was.",
        "not finite": "The loss or its gradient was no number before the step, so that nothing can be said of it. Look "
        "at the step at which it went bad.",
    }
)
"""What limited a step, as a learner is told it."""

REGIME_STYLES: Mapping[Regime, str] = MappingProxyType(
    {
        "linear regime": "green",
        "curvature-limited": "yellow",
        "overshoot": "red",
        "kink-limited": "yellow",
        "uphill": "red",
        "no step": "",
        "not finite": "red",
    }
)
"""The colour of each in a terminal."""

COURSE_HEADS = ("step", "loss before", "after", "change", "of first order", "regime", "|gradient|", "|step|")

LAYER_HEADS = (
    "layer", "output", "mean", "spread", "zeros", "saturated", "dead", "error signal", "gain", "weight gradient",
    "share",
)  # fmt: skip

TENSOR_HEADS = ("tensor", "shape", "weights", "gradient", "step", "step / weights", "step / gradient", "sign step")

WORKED_HEADS = ("", "value", "what it is")

MOSTLY = 0.5
"""A share from which something is called most of it."""

NEAR, AT = 0.8, 1.0
"""Sharpness over what the optimiser allows, from which it is called near the edge of stability, and beyond it."""


def headline(record: StepRecord) -> str:
    """What the step did to the loss, how much of the promise that is, and what limited it: one sentence."""
    worked, named = record.worked, f"Step {record.step:,}"
    if worked.regime == "no step":
        return f"{named} moved no weight."
    if not math.isfinite(worked.before):
        return f"{named} began with a loss of {_number(worked.before)}, so that nothing can be said of it: not finite."
    if not math.isfinite(worked.after):
        return f"{named} took the loss from {small(worked.before, 4)} to {_number(worked.after)}."
    change = worked.change
    did = "left the loss as it was" if change == 0 else f"{_way(change)} the loss by {small(abs(change))}"
    if worked.first < 0 and change <= 0:
        return f"{named} {did}, {percent(change / worked.first)} of what first order promised: {worked.regime}."
    if worked.first < 0:
        return f"{named} {did}, where first order promised {plus(worked.first)}: {worked.regime}."
    return f"{named} {did}; first order expected {plus(worked.first)}: {worked.regime}."


def _way(change: float) -> str:
    return "lowered" if change < 0 else "raised"


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinity" if math.isinf(value) else small(value, 4)


def subline(record: StepRecord) -> str:
    """Who took the step, with which settings that are not off, on how much, and how exact the numbers are."""
    settings = [f"{name.replace('_', ' ')} {_setting(value)}" for name, value in record.settings.items() if value]
    told = ", ".join([record.optimizer, f"learning rate {small(record.rate)}", *settings])
    return f"{told}; {plural(record.examples, 'example')} in the batch; numbers in {record.precision}."


def _setting(value: float | str) -> str:
    """A setting in words; a boolean is a number to Python, and yes or no to people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else small(value)


def course_cells(record: StepRecord) -> tuple[str, ...]:
    """A row of the table of steps, under COURSE_HEADS."""
    worked = record.worked
    return (
        f"{record.step:,}",
        small(worked.before, 4),
        small(worked.after, 4),
        plus(worked.change),
        percent(worked.change / worked.first) if worked.first else "–",
        worked.regime,
        small(record.gradient_norm),
        small(record.step_norm),
    )


def worked_rows(worked: Worked) -> tuple[tuple[str, str, str], ...]:
    """Did it work? A number a row: its name, its value, what it is."""
    lost = "half of the first-order gain is lost at 1, all of it at 2"
    return (
        ("loss before", small(worked.before, 5), "L(w), of the batch"),
        ("loss after", small(worked.after, 5), "L(w + d), dropout and all other chance being the same"),
        ("change", plus(worked.change), "after − before"),
        ("first order", plus(worked.first), "g · d: gradient times step"),
        ("second order", plus(worked.second), "g · d + dᵀHd / 2"),
        ("curvature along the step", plus(worked.curvature), "dᵀHd"),
        ("curvature ratio", small(worked.ratio), f"dᵀHd / |g · d|: {lost}"),
        _kinks(worked),
    )


def _kinks(worked: Worked) -> tuple[str, str, str]:
    name, says = "kinks crossed", "pairs of an example and a unit that switched on or off"
    if not math.isfinite(worked.change):
        return name, NOT_FINITE, "of what is no number no side is known"
    if not worked.of:
        return name, "none", "no unit seen has a kink"
    return name, f"{worked.kinks:,} ({percent(worked.kinks / worked.of, 1)})", f"of {worked.of:,} {says}"


def layer_cells(layer: LayerSeen) -> tuple[str, ...]:
    """A row of the table of layers, under LAYER_HEADS."""
    return (
        f"{layer.kind} {layer.name}".strip(),
        " × ".join(map(str, layer.shape)),
        small(layer.mean),
        small(layer.std),
        percent(layer.zeros),
        "–" if layer.saturated is None else percent(layer.saturated),
        dead_text(layer),
        small(layer.error),
        _or_dash(layer.gain),
        _or_dash(layer.weight_gradient),
        "–" if layer.share is None else percent(layer.share, 1),
    )


def dead_text(layer: LayerSeen) -> str:
    """Units that say nothing on the batch and, where it is known, on the whole set."""
    if layer.dead is None:
        return "–"
    on_set = "" if layer.dead_on_set is None else f", {layer.dead_on_set} on the set"
    return f"{layer.dead} of {layer.units}{on_set}"


def _or_dash(value: float | None) -> str:
    return "–" if value is None else small(value)


def tensor_cells(tensor: TensorStep) -> tuple[str, ...]:
    """A row of the table of tensors, under TENSOR_HEADS."""
    shape = " × ".join(map(str, tensor.shape)) or "one number"
    if tensor.untouched:
        return (tensor.name, shape, small(tensor.weight_norm), *(tensor.untouched, "–", "–", "–", "–"))
    return (
        tensor.name,
        shape,
        small(tensor.weight_norm),
        small(tensor.gradient_norm),
        small(tensor.step_norm),
        ratio_text(tensor.ratio) if math.isfinite(tensor.step_norm + tensor.weight_norm) else NOT_FINITE,
        small(tensor.rate) if math.isfinite(tensor.rate) or math.isnan(tensor.step_norm) else "–",
        "–" if tensor.signs is None else percent(tensor.signs),
    )


def ratio_text(ratio: float) -> str:
    """The step as a share of the weights.

    >>> ratio_text(0.0012), ratio_text(float("nan"))
    ('0.12 %', 'from 0')
    """
    return percent(ratio, 2 if abs(ratio) < 0.1 else 0) if math.isfinite(ratio) else "from 0"


def factor_heads(tensors: Sequence[TensorStep]) -> tuple[str, ...]:
    """The heads of the table of factors: all that any tensor's parts were multiplied by."""
    return ("tensor", *dict.fromkeys(factor.name for one in tensors for factor in one.factors))


def factor_cells(tensor: TensorStep, heads: Sequence[str]) -> tuple[str, ...]:
    """A row of that table: one number, or the median between the smallest and the largest."""
    told = {
        one.name: small(one.middle)
        if one.low == one.high
        else f"{small(one.low)} … {small(one.middle)} … {small(one.high)}"
        for one in tensor.factors
    }
    return (tensor.name, *(told.get(name, "–") for name in heads[1:]))


def update_sentence(record: StepRecord) -> str:
    """What the step is mostly made of, how long it is beside the weights, and whether it is but a sign step."""
    moved = [one for one in record.tensors if one.step_norm > 0]
    lost = [one.name for one in record.tensors if not math.isfinite(one.step_norm)]
    if lost:
        return f"The step of {listed(lost) if len(lost) < 4 else plural(len(lost), 'tensor')} is not finite."
    if not moved:
        return "Nothing moved."
    largest = max(moved, key=lambda one: one.step_norm)
    shares = sorted(largest.parts, key=lambda part: -abs(part.along))
    told = f"{largest.name} moved farthest, by {ratio_text(largest.ratio)} of its norm"
    if math.isnan(largest.ratio):
        told = f"{largest.name} moved farthest, away from 0"
    made = [f"{part.name} {percent(part.along)}" for part in shares[:3] if abs(part.along) >= 0.005]
    return f"{told}: {listed(made)} of the step. {signs_sentence(record)}".strip() if made else f"{told}."


def signs_sentence(record: StepRecord) -> str:
    """Whether the step is a sign step; "" of optimisers whose steps have no such scale."""
    sized = [(math.prod(one.shape), one.signs) for one in record.tensors if one.signs is not None]
    if not sized:
        return ""
    share = math.fsum(n * signs for n, signs in sized) / sum(n for n, _ in sized)
    if share < MOSTLY:
        return f"It is no mere sign step: {percent(share)} of the weights that moved did so by the learning rate."
    return (
        f"It is mostly a sign step: {percent(share)} of the weights that moved did so by the learning rate, whatever "
        "the size of their gradient."
    )


def coordinate_title(one: Coordinate) -> str:
    """Which weight it is.

    >>> coordinate_title(Coordinate("0.weight", (3, 1), 0.5, 0.1, -0.01, {}, {}))
    '0.weight[3, 1]'
    """
    return f"{one.tensor}[{', '.join(map(str, one.index))}]"


def path_lines(path: Path) -> tuple[str, ...]:
    """The chain rule, as it is summed and checked."""
    name, index = path.weight
    weight, output = f"{name}[{', '.join(map(str, index))}]", ", ".join(map(str, path.output))
    through = path.target * path.total
    return (
        f"∂ output {output} / ∂ {weight} = {plus(path.total, 6)}, the sum over "
        f"{plural(len(path.routes) + path.others, 'route')}; automatic differentiation says {plus(path.autograd, 6)}.",
        check_text(path),
        f"∂ loss / ∂ output {output} = {plus(path.target, 6)}, so that through this output "
        f"∂ loss / ∂ {weight} = {plus(path.target, 6)} × {plus(path.total, 6)} = {plus(through, 6)}.",
    )


def check_text(path: Path) -> str:
    """What the finite differences said, or why there are none."""
    kinks = f" At a kink, and left out of the check: {listed(path.kinks)}." if path.kinks else ""
    if path.difference is None:
        return f"There is no check by differences here, because a kink or chance is in the way.{kinks}"
    wrong = "" if path.error is None else f", a relative error of {small(path.error, 2)}"
    return f"Checked by central differences in float64: {plus(path.difference, 6)}{wrong}.{kinks}"


def pulls_sentence(pulls: Pulls) -> str:
    """Whom the step helps, to first order."""
    told = f"The step helps {percent(pulls.share_helped)} of the examples, to first order."
    flipped = [one for one in pulls.helped if one.flipped]
    if any(one.flipped is not None for one in (*pulls.helped, *pulls.hurt)):
        of = plural(len(pulls.helped), "example")
        told += f" Of the {of} that it helps most, {len(flipped) or 'none'} had its label flipped on purpose."
    return told


def noise_sentence(noise: Noise) -> str:
    """How much of the batch's gradient is signal, and the batch size at which both are alike."""
    if noise.scale is None or noise.ratio is None:
        return f"The noise scale is {noise.because}."
    more = "more signal than noise" if noise.ratio > 1 else "more noise than signal"
    return (
        f"The batch’s gradient is {more} (signal to noise {small(noise.ratio)}, {plural(noise.examples, 'example')}); "
        f"both would be equal at {small(noise.scale)} examples, the noise scale."
    )


def curvature_sentence(curvature: Curvature) -> str:
    """The sharpness against what the optimiser allows."""
    share = curvature.sharpness / curvature.limit if curvature.limit else math.nan
    where = "beyond the edge of stability" if share > AT else "near the edge of stability"
    if share < NEAR:
        where = "below the edge of stability"
    values = listed(map(small, curvature.eigenvalues))
    return (
        f"Largest eigenvalues of the Hessian: {values}, after {plural(curvature.steps, 'Lanczos step')} (residuals "
        f"{listed(small(one, 2) for one in curvature.residuals)}). Sharpness {small(curvature.sharpness)} of at most "
        f"{small(curvature.limit)} = {curvature.formula}: {where}."
    )


def repr_lines(record: StepRecord) -> list[str]:
    """A step in a few lines."""
    told = (record.pulls and pulls_sentence(record.pulls), record.noise and noise_sentence(record.noise))
    return [
        headline(record),
        subline(record),
        update_sentence(record),
        *(sentence for sentence in told if sentence),
        *(f"note: {note}" for note in record.notes),
    ]


FORMULAS: tuple[tuple[str, str, str], ...] = (
    (
        "Chain rule",
        "∂y/∂w = Σ over routes of the product of the derivatives along each; ∂L/∂w = ∂L/∂y · ∂y/∂w",
        "Rumelhart, Hinton and Williams (1986), doi:10.1038/323533a0",
    ),
    (
        "Gradient check",
        "(L(w + h) − L(w − h)) / 2h in float64, against automatic differentiation; kinks are left out, and told",
        "central difference, error O(h²)",
    ),
    (
        "SGD",
        "g = ∇L + λw; m ← μm + (1 − τ)g; d = −ηm, with Nesterov’s momentum d = −η(g + μm)",
        "Sutskever et al. (2013), PMLR 28:1139–1147; as torch.optim.SGD reckons it",
    ),
    (
        "RMSprop",
        "v ← αv + (1 − α)g²; d = −ηg / (√v + ε)",
        "Tieleman and Hinton (2012), Coursera lecture 6.5; as torch.optim.RMSprop reckons it",
    ),
    (
        "Adam",
        "m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ); d = −η m̂ / (√v̂ + ε)",
        "Kingma and Ba (2015), arXiv:1412.6980",
    ),
    (
        "AdamW",
        "as Adam without λw in g, and −ηλw beside it: decoupled decay",
        "Loshchilov and Hutter (2019), arXiv:1711.05101",
    ),
    (
        "Did it work",
        "L(w + d) ≈ L(w) + g·d + dᵀHd/2; Hd is the gradient of g·d, no Hessian is built",
        "Pearlmutter (1994), doi:10.1162/neco.1994.6.1.147",
    ),
    (
        "Noise scale",
        "tr(S)/|G|², with unbiased |G|² and tr(S) from the gradients of the batch’s examples",
        "McCandlish et al. (2018), arXiv:1812.06162",
    ),
    (
        "Sharpness",
        "largest eigenvalue of H, or of P^(−1/2) H P^(−1/2) with P = √v̂ + ε; steps grow along it beyond 2/η, or "
        "(2 + 2β₁)/((1 − β₁)η) of Adam",
        "Cohen et al. (2021), arXiv:2103.00065; (2022), arXiv:2207.14484",
    ),
    (
        "Loss surface",
        "a plane through the weights, its random directions scaled filter by filter to the weights’ norms",
        "Li et al. (2018), arXiv:1712.09913",
    ),
)
"""What is reckoned how, and whose formula it is: name, formula, source."""
