"""One derivative written out: from a weight, unit by unit, to an output of one example, and checked twice."""

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from etude.engine.microscope.differences import UNCHECKED, Checked, checked
from etude.engine.microscope.examples import checked_example, example_losses, one_output, trying
from etude.engine.microscope.scene import Scene
from etude.engine.microscope.shadow import in_float64
from etude.engine.microscope.stations import End, Way, way_to
from etude.engine.trees import mapped, n_examples, only
from etude.numerics.chain_rule import Products, products_along, slopes_along
from etude.values.errors import EngineError
from etude.values.nearest import nearest
from etude.values.step_record import Hop, Path, Route

STRONGEST = 12
"""Routes that are told; of the others only their number and their sum."""

ROUNDING: Mapping[torch.dtype, float] = {torch.float64: 1e-9, torch.float32: 1e-4}
"""How far the sum of the routes may be from automatic differentiation, relative to the sum of their sizes."""

TABLE = 2
"""Axes of the weights of a layer that is no convolution."""

Weight = tuple[str, tuple[int, ...]]
Found = tuple[Path | None, tuple[str, ...]]


def path_of(scene: Scene, example: int | None, output: int | None, weight: Weight | None) -> Found:
    """The chain rule from a weight to an output of an example, with notes; None where it cannot be written out.

    example: None: the one with the largest loss
    output:  its number among all outputs of the example; None: the first
    weight:  tensor and index; None: of the first layer, or of the last where the first is a convolution, that with the
             largest gradient

    Reckoned by a copy in float64 where the network has one that says the same. Where layers follow each other as a
    chain, a route passes one unit of each; of a block that adds, loops or mixes examples, it passes a unit of what the
    block says. Where even that does not add up, a route is a place where the weight is used, and the rest of the
    network one derivative. Routes are told only if their sum is what automatic differentiation says.
    """
    try:
        with trying():
            return _path(scene, example, output, weight)
    except EngineError:
        raise
    except Exception as error:  # noqa: BLE001 - the model is the user's, and may raise anything when it is tried
        return None, (f"no path: {type(error).__name__}: {str(error).partition(chr(10))[0][:200]}",)


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What is derived by what, and what the notes say so far."""

    example: int
    output: tuple[int, ...]
    weight: Weight
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Derived:
    """The derivative in three ways: by automatic differentiation, written out, and by differences."""

    slope: float
    way: Way
    products: Products
    checked: Checked


def _path(scene: Scene, example: int | None, output: int | None, weight: Weight | None) -> Found:
    asked = _asked(scene, example, output, weight)
    slope = float(_slopes(scene, asked.weight[0], asked.example, asked.output)[asked.weight[1]])
    if not math.isfinite(slope):
        name, index = asked.weight
        return None, (*asked.notes, f"no path: the derivative of this output by {name} {list(index)} is not finite")
    precise, note = _in_float64(scene)
    with in_float64() if precise else nullcontext():
        derived = _derived(precise or scene, asked, is_precise=precise is not None)
    notes = (*asked.notes, *note)
    if derived is None:
        return None, (*notes, f"no path: {_nowhere(scene, asked)}")
    if not derived.products.count:
        name, index = asked.weight
        notes = (*notes, f"{name} {list(index)} does nothing to this output of this example: no route has a product")
    return _told(scene, asked, derived), notes


def _derived(scene: Scene, asked: _Asked, *, is_precise: bool) -> _Derived | None:
    """None where it cannot be written out."""
    name, index = asked.weight
    slope = float(_slopes(scene, name, asked.example, asked.output)[index])
    found = next(_ways(scene, asked, slope), None)
    if found is None:
        return None
    end, way, products = found
    return _Derived(slope, way, products, checked(scene, end) if is_precise else UNCHECKED)


def _told(scene: Scene, asked: _Asked, derived: _Derived) -> Path:
    products, difference = derived.products, derived.checked.slope
    told = list(zip(products.units, products.products, strict=True))
    routes = [_route(derived.way, units, product) for units, product in told]
    others = products.count - sum(product != 0 for _, product in told)
    return Path(
        example=asked.example,
        output=asked.output,
        weight=asked.weight,
        target=_target(scene, asked),
        routes=tuple(one for one in routes if one.product != 0 or not _ends_beside(one)),
        others=others,
        rest=products.total - sum(products.products) if others else 0.0,
        total=products.total,
        autograd=derived.slope,
        difference=difference,
        error=None if difference is None else _relative(difference, derived.slope),
        kinks=derived.checked.kinks,
    )


def _asked(scene: Scene, example: int | None, output: int | None, weight: Weight | None) -> _Asked:
    """What was asked for, or what is chosen, checked; an EngineError where it does not exist."""
    notes: tuple[str, ...] = ()
    with torch.no_grad():
        outputs = scene.outputs(scene.before)
    chosen = 0 if example is None else checked_example(example, n_examples(outputs))
    if example is None:
        losses = example_losses(scene).values
        chosen = int(np.nan_to_num(losses, nan=-np.inf).argmax()) if losses.size else 0
        notes = () if losses.size else ("the loss cannot be asked of one example alone: the path is of the first",)
    shape = tuple(one_output(outputs, chosen).shape)
    number, size = output or 0, int(np.prod(shape))
    if not 0 <= number < size:
        raise EngineError(
            f"output {number} is asked for, and an example has {size}, counted from 0. Nothing was changed."
        )
    index = tuple(int(i) for i in np.unravel_index(number, shape)) if shape else ()
    return _Asked(chosen, index, _known(scene, weight) if weight else _largest(scene, chosen, index), notes)


def _known(scene: Scene, weight: Weight) -> Weight:
    name, index = weight
    if name not in scene.before:
        raise EngineError(f"no trained weight {name!r}. {nearest(name, scene.before)} Nothing was changed.")
    shape = tuple(scene.before[name].shape)
    if len(index) != len(shape) or not all(0 <= i < n for i, n in zip(index, shape, strict=True)):
        raise EngineError(
            f"{name} has the shape {shape}, and {tuple(index)} is not in it: give one number for each axis, counted "
            "from 0. Nothing was changed."
        )
    return name, tuple(index)


def _largest(scene: Scene, example: int, output: tuple[int, ...]) -> Weight:
    """Of the first weights that are a table and have a gradient, the one with the largest that has a way to the output.

    Where the first are a convolution's, which is used at every place of an image, of the last table. Of those with no
    way, the one with the largest gradient.
    """
    moving = [name for name, one in scene.gradient.items() if name in scene.before and bool(one.ne(0).any())]
    tables = [name for name in moving if scene.before[name].dim() > 1]
    is_convolution = bool(tables) and scene.before[tables[0]].dim() > TABLE
    name = next(iter((*(tables[-1:] if is_convolution else tables), *moving, *scene.before)))
    sizes = scene.gradient[name].abs() if name in scene.gradient else scene.before[name].abs()
    leads = _slopes(scene, name, example, output).ne(0)
    best = int((sizes * leads if bool((sizes * leads).any()) else sizes).argmax())
    return name, tuple(int(i) for i in np.unravel_index(best, tuple(sizes.shape)))


def _in_float64(scene: Scene) -> tuple[Scene | None, tuple[str, ...]]:
    """The scene by a copy of the model in float64; None, and why, where that would say something else."""
    try:
        twin = replace(
            scene,
            model=copy.deepcopy(scene.model).double(),
            inputs=mapped(scene.inputs, _double),
            targets=mapped(scene.targets, _double),
            before={name: _double(one) for name, one in scene.before.items()},
            buffers={name: _double(one) for name, one in scene.buffers.items()},
        )
        with in_float64(), torch.no_grad():
            precise = twin.outputs(twin.before)
    except Exception as error:  # noqa: BLE001 - as in path_of
        return None, (f"the path is not checked by differences: no copy in float64 runs ({type(error).__name__})",)
    with torch.no_grad():
        plain = scene.outputs(scene.before)
    if not torch.allclose(precise, plain.double(), rtol=1e-2, atol=1e-2 * _size(plain), equal_nan=True):
        return None, ("the path is not checked by differences: a copy in float64 says something else, as chance does",)
    return twin, ()


def _size(outputs: Tensor) -> float:
    """The largest of the outputs that are finite."""
    return float(torch.nan_to_num(outputs.detach().double(), 0.0, 0.0, 0.0).abs().max())


def _double(one: Tensor) -> Tensor:
    return one.double() if one.is_floating_point() else one


def _slopes(scene: Scene, name: str, example: int, output: tuple[int, ...]) -> Tensor:
    """Derivatives of an output by all weights of a tensor, by automatic differentiation in the batch as it is."""
    leaf = scene.before[name].detach().clone().requires_grad_()
    said = one_output(scene.outputs({**scene.before, name: leaf}), example)[output]
    if not said.requires_grad:
        return torch.zeros_like(leaf)
    return torch.autograd.grad(said, leaf, allow_unused=True, materialize_grads=True)[0]


def _ways(scene: Scene, asked: _Asked, slope: float) -> Iterator[tuple[End, Way, Products]]:
    """The ways of writing it out that add up, finest first."""
    for end in _ends(scene, asked):
        for fine in (True, False):
            way = way_to(scene, end, fine=fine)
            if way is None:
                continue
            products = products_along(way.start, way.links, n=STRONGEST)
            sizes = products_along(abs(way.start), [abs(link) for link in way.links], n=0).total
            room = ROUNDING.get(scene.before[asked.weight[0]].dtype, 1e-2)
            if abs(products.total - slope) <= room * max(abs(slope), sizes):
                yield end, way, products


def _ends(scene: Scene, asked: _Asked) -> Iterator[End]:
    """The example alone, where it says alone what it says in the batch; else in the batch, its own rows or all."""
    alone = only(scene.inputs, asked.example)
    if _says_the_same(scene, alone, asked.example):
        yield End(0, 0, alone, asked.weight, asked.output)
        yield End(None, 0, alone, asked.weight, asked.output)
    yield End(asked.example, asked.example, scene.inputs, asked.weight, asked.output)
    yield End(None, asked.example, scene.inputs, asked.weight, asked.output)


def _says_the_same(scene: Scene, alone: Any, example: int) -> bool:  # noqa: ANN401 - whatever the model takes
    try:
        with torch.no_grad():
            outputs, mine = scene.outputs(scene.before), scene.outputs(scene.before, alone)
    except Exception:  # noqa: BLE001 - as in path_of: a batch norm in training refuses one example
        return False
    room = ROUNDING.get(outputs.dtype, 1e-2)
    return len(mine) == 1 and torch.allclose(mine[0], outputs[example], rtol=room, atol=room * _size(outputs))


def _nowhere(scene: Scene, asked: _Asked) -> str:
    name = asked.weight[0]
    kept = f"{type(scene.model).__name__} uses {name} in a way that no sum over its modules' outputs is equal to"
    return f"{kept} automatic differentiation, or in too many places to write them out"


def _relative(one: float, other: float) -> float:
    size = max(abs(one), abs(other))
    return abs(one - other) / size if size > 0 else 0.0


def _route(way: Way, units: tuple[int, ...], product: float) -> Route:
    """A route in words' stead: a last station that only says again what the one before said is left out."""
    hops = [
        Hop(station.layers[unit], station.units[unit], slope, float(station.values[unit]))
        for station, unit, slope in zip(way.stations, units, slopes_along(way.start, way.links, units), strict=True)
    ]
    is_echo = hops[-1].layer == hops[-2].layer and hops[-1].derivative == 1 and hops[-1].value == hops[-2].value
    return Route(tuple(hops[:-1] if is_echo else hops), product)


def _ends_beside(route: Route) -> bool:
    """Whether its last derivative is one of 0 between two outputs, as from a weight of another output."""
    return len(route.hops) == 2 and route.hops[-1].derivative == 0


def _target(scene: Scene, asked: _Asked) -> float:
    """The derivative of the example's loss by the output; NaN where the loss cannot be asked of one example."""
    with torch.no_grad():
        outputs = scene.outputs(scene.before)
    mine = only(outputs, asked.example).requires_grad_()
    try:
        loss = scene.criterion(mine, only(scene.targets, asked.example))
        (slope,) = torch.autograd.grad(loss, mine)
    except (RuntimeError, ValueError, IndexError, TypeError):
        return float("nan")
    return float(slope[0][asked.output])
