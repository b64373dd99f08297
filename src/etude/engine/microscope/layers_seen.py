"""What every layer says of a batch, and the error signal that comes back to it."""

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

from etude.engine.activations import CONVOLUTIONS, RECTIFYING, SATURATING
from etude.engine.layers import plain_name
from etude.engine.microscope.scene import Scene
from etude.engine.trees import mapped, n_examples, tensors_in
from etude.values.step_record import LayerSeen

CHANNELS_SECOND = (*CONVOLUTIONS, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm)
UNITS_LAST = (nn.Linear, nn.Flatten, nn.LayerNorm, nn.Embedding, nn.RNNBase, nn.MultiheadAttention)
"""After which layers units lie along the second axis, and after which along the last; others keep to what was."""

AT_ONCE = 1_024
"""Examples of the whole set that pass at once."""


@dataclass(slots=True, eq=False)
class _Seen:
    """A module while its calls are counted; sums are over all of them.

    alive: units that were not 0 everywhere, where the kind can be dead
    errors, errors_in: squared norms of the loss's gradient by its outputs, and by its inputs through it alone
    """

    name: str
    module: nn.Module
    axis: int
    shape: tuple[int, ...] = ()
    units: int = 0
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    zeros: int = 0
    flat: int = 0
    alive: Tensor | None = None
    is_derived: bool = False
    errors: list[float] = field(default_factory=list)
    errors_in: list[float] = field(default_factory=list)
    is_finite: bool = True

    def note(self, output: Tensor) -> None:
        """Count what one call said."""
        values, saturated = output.detach(), SATURATING.get(type(self.module))
        if not self.count:
            self.shape, self.units = tuple(values.shape), values.shape[self.axis] if values.dim() > 1 else 1
        self.is_finite = self.is_finite and bool(torch.isfinite(values).all())
        self.count += values.numel()
        self.total += float(values.sum(dtype=torch.float64))
        self.squares += _square(values)
        self.zeros += int((values == 0).sum())
        self.flat += int(saturated(values).sum()) if saturated else 0
        if isinstance(self.module, RECTIFYING):
            alive = _alive(values, self.axis)
            self.alive = alive if self.alive is None else self.alive | alive
        if output.requires_grad:
            self.is_derived = True
            output.register_hook(_noting(self.errors))  # type: ignore[no-untyped-call]


def layers_seen(scene: Scene, whole: Any | None = None) -> tuple[tuple[LayerSeen, ...], tuple[str, ...]]:  # noqa: ANN401 - what the model takes
    """Every layer in the order of its first call, forward and backward, and notes.

    whole: inputs of the whole set, on which units are looked for that never answer. A module that is called several
    times in a step, as in a loop over time, is seen as one: its numbers together, its error signals' squares summed.
    What is written without a module, such as a functional activation, cannot be seen.
    """
    leaves = {name: value.detach().clone().requires_grad_() for name, value in scene.before.items()}
    with _watched(scene.model) as seen:
        loss = scene.loss(leaves)
        torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    called = [one for one in seen.values() if one.count]
    dead = {} if whole is None else _dead_on(scene, whole, called)
    squares = _weight_gradients(scene, called)
    whole_square = sum(_square(gradient) for gradient in scene.gradient.values())
    made = tuple(_layer(one, squares.get(one.module), whole_square, dead.get(one.module)) for one in called)
    return made, tuple(_first_bad(called))


def _layer(one: _Seen, square: float | None, whole_square: float, dead_on_set: int | None) -> LayerSeen:
    error = math.sqrt(sum(one.errors)) if one.is_derived else math.nan
    mean = one.total / one.count
    variance = one.squares / one.count - mean**2
    return LayerSeen(
        name=one.name,
        kind=type(one.module).__name__,
        shape=one.shape,
        mean=mean,
        std=math.sqrt(max(variance, 0.0)) if one.is_finite else math.nan,
        zeros=one.zeros / one.count if one.is_finite else math.nan,
        saturated=(one.flat / one.count if one.is_finite else math.nan) if type(one.module) in SATURATING else None,
        units=one.units,
        dead=None if one.alive is None or not one.is_finite else int((~one.alive).sum()),
        dead_on_set=dead_on_set,
        error=error,
        gain=math.sqrt(sum(one.errors_in)) / error if one.errors_in and error > 0 else None,
        weight_gradient=None if square is None else math.sqrt(square),
        share=None if square is None else square / whole_square if whole_square else 0.0,
    )


def _first_bad(called: Sequence[_Seen]) -> Iterator[str]:
    """Where numbers first went bad, as a sentence."""
    bad = next((one for one in called if not one.is_finite), None)
    if bad is not None:
        yield f"the first output that is not finite is that of {bad.name} ({type(bad.module).__name__})"


@contextmanager
def _watched(model: nn.Module) -> Iterator[dict[nn.Module, _Seen]]:
    """Hooks on every module that has no other within it, or weights of its own, while one batch passes."""
    seen: dict[nn.Module, _Seen] = {}
    before, after = _hooks({module: plain_name(name, module) for name, module in model.named_modules()}, seen)
    handles = []
    for module in filter(_is_layer, model.modules()):
        handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
        handles.append(module.register_forward_hook(after))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _is_layer(module: nn.Module) -> bool:
    if isinstance(module, ParametrizationList):
        return False
    has_none_within = next(module.children(), None) is None
    return has_none_within or next(module.parameters(recurse=False), None) is not None or is_parametrized(module)


Before = Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], tuple[Any, Any]]
After = Callable[[nn.Module, Any, Any], None]


def _hooks(names: Mapping[nn.Module, str], seen: dict[nn.Module, _Seen]) -> tuple[Before, After]:
    def before(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
        if module not in seen:
            last = next(reversed(seen.values()), None)
            seen[module] = _Seen(names[module], module, _axis(module, -1 if last is None else last.axis))
        hooked = _aliased(_noting(seen[module].errors_in), in_place=bool(vars(module).get("inplace")))
        args, named = mapped((args, named), hooked)
        return args, named

    def after(module: nn.Module, args: object, output: object) -> None:
        said = next((one for one in tensors_in(output) if one.is_floating_point()), None)
        if said is not None:
            seen[module].note(said)

    return before, after


def _aliased(note: Callable[[Tensor], None], *, in_place: bool) -> Callable[[Tensor], Tensor]:
    """Another name for each input, whose gradient is the one through this module alone.

    What a module changes in place keeps its name: it has no other use. Attention asks whether its three inputs are one
    and the same, so that each has one alias.
    """
    aliases: dict[int, Tensor] = {}

    def hooked(tensor: Tensor) -> Tensor:
        if not tensor.requires_grad:
            return tensor
        if id(tensor) not in aliases:
            aliases[id(tensor)] = tensor if in_place else tensor.view_as(tensor)
            aliases[id(tensor)].register_hook(note)  # type: ignore[no-untyped-call]
        return aliases[id(tensor)]

    return hooked


def _noting(squares: list[float]) -> Callable[[Tensor], None]:
    return lambda gradient: squares.append(_square(gradient))


def _axis(module: nn.Module, before: int) -> int:
    """Along which axis of a module's output its units lie."""
    if isinstance(module, CHANNELS_SECOND):
        return 1
    return -1 if isinstance(module, UNITS_LAST) else before


def _dead_on(scene: Scene, whole: Any, called: Sequence[_Seen]) -> dict[nn.Module, int]:  # noqa: ANN401 - what the model takes
    """How many units of each rectifying module are 0 on every example of a set, in evaluation mode."""
    alive: dict[nn.Module, Tensor] = {}
    axes: dict[nn.Module, int] = {one.module: one.axis for one in called if isinstance(one.module, RECTIFYING)}

    def after(module: nn.Module, args: object, output: Tensor) -> None:
        mine = _alive(output.detach(), axes[module])
        alive[module] = alive[module] | mine if module in alive else mine

    handles = [module.register_forward_hook(after) for module in axes]
    modes = {module: module.training for module in scene.model.modules()}
    scene.model.eval()
    try:
        with torch.no_grad():
            for start in range(0, n_examples(whole), AT_ONCE):
                rows = slice(start, start + AT_ONCE)
                scene.outputs(scene.before, mapped(whole, operator.itemgetter(rows)))
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    return {module: int((~units).sum()) for module, units in alive.items()}


def _weight_gradients(scene: Scene, called: Sequence[_Seen]) -> dict[nn.Module, float]:
    """The squared norm of the gradient of each module's weights; of one that is not called itself, its owner's."""
    modules, were_called = dict(scene.model.named_modules()), {one.module for one in called}
    squares: dict[nn.Module, float] = {}
    for name, gradient in scene.gradient.items():
        path = name.rpartition(".")[0]
        while path and modules[path] not in were_called:
            path = path.rpartition(".")[0]
        squares[modules[path]] = squares.get(modules[path], 0.0) + _square(gradient)
    return squares


def _alive(values: Tensor, axis: int) -> Tensor:
    """Which units are not 0 on every example, shape (units,)."""
    if values.dim() < 2:
        return values.ne(0).any().reshape(1)
    return values.ne(0).movedim(axis, 0).flatten(1).any(dim=1)


def _square(values: Tensor) -> float:
    return float(torch.linalg.vector_norm(values.detach(), dtype=torch.float64)) ** 2
