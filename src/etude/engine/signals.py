"""What one optimiser step does to the weights: gradients before it, changes after it, as norms of each layer."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from etude.engine.layers import Layer

MOST_COMPARED = 1 << 20
"""Numbers of a weight that are copied to see how a step changes it; of a larger one every second is, or third."""

UNITS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""Layers of whose weights the first axis counts units."""

EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)

SECOND_MOMENTS = ("exp_avg_sq", "square_avg")
"""States of an optimiser that are 0 as long as a weight never had a gradient."""


@dataclass(frozen=True, slots=True, eq=False)
class _Weight:
    """A weight in one step; its numbers stay on its device until all are read at once.

    before:  what of it is compared, as it was before the step
    numbers: norms of the gradient and of the weight; for units the count of those without any gradient
    """

    layer: Layer
    parameter: nn.Parameter
    before: Tensor
    every: int
    numbers: dict[str, Tensor]


class Step:
    """One step of one optimiser or several, as far as it was seen.

    rows: of each embedding, which rows had a gradient since training began; it is kept from step to step
    """

    def __init__(self, layers: Sequence[Layer], rows: dict[str, Tensor], *, with_units: bool) -> None:
        """Nothing was seen yet. with_units: whether units whose weights have no gradient are counted."""
        self._layers = {id(one): layer for layer in layers for one in layer.parameters}
        self._last = layers[-1] if layers else None
        self._rows, self._with_units = rows, with_units
        self._weights: list[_Weight] = []
        self.learning_rate = math.nan
        self.skipped: list[Tensor] = []

    @torch.no_grad()
    def before(self, optimizer: Optimizer, *, closure: bool) -> None:
        """Look at gradients and weights before they change; with a closure the gradients are only there afterwards."""
        scale = vars(optimizer).get("grad_scale")  # set while a fused optimiser is to divide by it itself
        skipped = vars(optimizer).get("found_inf")
        self.skipped += [skipped] if isinstance(skipped, Tensor) else []
        if math.isnan(self.learning_rate):
            self.learning_rate = float(optimizer.param_groups[0]["lr"])
        for parameter in (one for group in optimizer.param_groups for one in group["params"]):
            layer = self._layers.get(id(parameter))
            if layer is None or not is_local(parameter) or (parameter.grad is None and not closure):
                continue
            weight = _weight(layer, parameter)
            if not closure:
                self._note_gradient(weight, scale if isinstance(scale, Tensor) else None)
            self._weights.append(weight)

    @torch.no_grad()
    def after(self, optimizer: Optimizer) -> None:
        """Look at the weights after they changed."""
        decayed = {id(one) for group in optimizer.param_groups if _decays(group) for one in group["params"]}
        owned = {id(one) for group in optimizer.param_groups for one in group["params"]}
        for weight in (one for one in self._weights if id(one.parameter) in owned):
            if "gradient" not in weight.numbers:
                self._note_gradient(weight, None)
            weight.numbers["change"] = norm(sliced(weight.parameter, weight.every) - weight.before)
            weight.numbers["weight"] = norm(weight.before)
            if isinstance(weight.layer.module, EMBEDDINGS):
                state = {} if id(weight.parameter) in decayed else optimizer.state.get(weight.parameter, {})
                self._note_rows(weight, state)
        self._weights = [one for one in self._weights if "gradient" in one.numbers]

    def curves(self, *, clipped_from: float | None, with_units: bool) -> dict[str, float]:
        """Everything that was measured, by the names of curves; nothing where the step was skipped.

        clipped_from: norm of the whole gradient before it was clipped, where that is known
        with_units:   whether dead units are to be told by weights without any gradient
        """
        named = [(weight, name, number) for weight in self._weights for name, number in weight.numbers.items()]
        numbers = read([*self.skipped, *(number for _, _, number in named)])
        if any(numbers[: len(self.skipped)]):
            return {}
        found: dict[Layer, dict[str, list[float]]] = {}
        for (weight, name, _), number in zip(named, numbers[len(self.skipped) :], strict=True):
            factor = math.sqrt(weight.every) if name in ("weight", "change") else 1.0
            found.setdefault(weight.layer, {}).setdefault(name, []).append(factor * number)
        return self._curves(found, clipped_from, with_units=with_units)

    def _curves(
        self, found: Mapping[Layer, Mapping[str, list[float]]], clipped_from: float | None, *, with_units: bool
    ) -> dict[str, float]:
        whole = together(number for numbers in found.values() for number in numbers["gradient"])
        factor = max(1.0, clipped_from / whole) if clipped_from is not None and whole > 0 else 1.0
        ratios = {layer: _ratio(numbers) for layer, numbers in found.items()}
        changing = sorted(ratio for ratio in ratios.values() if ratio is not None)
        before = whole if clipped_from is None else clipped_from
        curves = {"signals/learning_rate": self.learning_rate, "signals/gradient_norm": before}
        if changing:
            middle = len(changing) // 2
            curves["signals/update_ratio"] = (changing[middle] + changing[-1 - middle]) / 2
        for layer, numbers in found.items():
            start = f"layers/{layer.name}"
            curves[f"{start}/gradient_norm"] = factor * together(numbers["gradient"])
            if "weight" in numbers:
                curves[f"{start}/weight_norm"] = together(numbers["weight"])
            ratio = ratios[layer]
            if ratio is not None:
                curves[f"{start}/update_ratio"] = ratio
            if with_units and "still" in numbers and layer is not self._last:
                curves[f"{start}/dead"] = numbers["still"][0]
            if "rows" in numbers:
                curves[f"{start}/rows_used"] = numbers["rows"][0]
        return curves

    def _note_gradient(self, weight: _Weight, scale: Tensor | None) -> None:
        gradient = weight.parameter.grad
        if gradient is None:
            return
        values = gradient.coalesce().values() if gradient.is_sparse else gradient
        weight.numbers["gradient"] = norm(values) if scale is None else norm(values) / scale
        is_of_units = isinstance(weight.layer.module, UNITS) and gradient.dim() > 1 and not gradient.is_sparse
        if self._with_units and is_of_units:
            weight.numbers["still"] = 1 - gradient.flatten(1).ne(0).any(dim=1).float().mean()

    def _note_rows(self, weight: _Weight, state: Mapping[str, object]) -> None:
        gradient = weight.parameter.grad
        if gradient is None:
            return
        known = self._rows.get(weight.layer.name)
        rows = torch.zeros(len(weight.parameter), dtype=torch.bool, device=gradient.device) if known is None else known
        if gradient.is_sparse:
            rows[gradient.coalesce().indices()[0]] = True
        else:
            rows |= gradient.ne(0).any(dim=1)
        for moment in (state.get(name) for name in SECOND_MOMENTS):
            if isinstance(moment, Tensor) and moment.shape == weight.parameter.shape:
                rows |= moment.ne(0).any(dim=1)
        self._rows[weight.layer.name] = rows
        weight.numbers["rows"] = rows.float().mean()


def _weight(layer: Layer, parameter: nn.Parameter) -> _Weight:
    every = max(1, -(-parameter.numel() // MOST_COMPARED))
    return _Weight(layer, parameter, sliced(parameter, every).clone(), every, {})


def norm(values: Tensor) -> Tensor:
    """Its L2 norm, in float32 or better, on its device.

    >>> norm(torch.tensor([3.0, 4.0], dtype=torch.bfloat16)).item()
    5.0
    """
    real = values.detach().abs() if values.is_complex() else values.detach()
    length: Tensor = torch.linalg.vector_norm(real, dtype=torch.promote_types(real.dtype, torch.float32))
    return length


def sliced(parameter: Tensor, every: int) -> Tensor:
    """The numbers of a weight, or every second or third of them, as they are: not a copy where they lie in order."""
    return parameter.detach() if every == 1 else parameter.detach().flatten()[::every]


def is_local(parameter: Tensor) -> bool:
    """Whether all of it is in this process: to read one that is spread over several, they would wait for each other."""
    return type(parameter) in (Tensor, nn.Parameter)


def together(norms: Iterable[float]) -> float:
    """The norm of several parts from those of each.

    >>> together([3.0, 4.0])
    5.0
    """
    return math.hypot(*norms)


def read(numbers: Sequence[Tensor]) -> list[float]:
    """The values of many tensors of one number each, fetched from each device in one go."""
    by_device: dict[torch.device, list[int]] = {}
    for i, number in enumerate(numbers):
        by_device.setdefault(number.device, []).append(i)
    values = [math.nan] * len(numbers)
    for places in by_device.values():
        fetched = torch.stack([numbers[i].detach().reshape(()) for i in places]).float().tolist()
        for i, value in zip(places, fetched, strict=True):
            values[i] = value
    return values


def _ratio(numbers: Mapping[str, list[float]]) -> float | None:
    """Length of the change over that of the weights; None where there were no weights to change."""
    length = together(numbers.get("weight", []))
    return together(numbers["change"]) / length if length > 0 else None


def _decays(group: Mapping[str, object]) -> bool:
    """Whether a group's weight decay goes through the gradient, and so moves the state of rows that had none."""
    return bool(group.get("weight_decay")) and not group.get("decoupled_weight_decay")
