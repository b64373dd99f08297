"""The way from one weight to one output of an example, as stations with all derivatives from each to the next."""

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from etude.engine.dropout import CountedDropout
from etude.engine.microscope.calls import Call, calls_of, chain_of
from etude.engine.microscope.scene import Scene, check_derivable
from etude.engine.probes import DROPPING

Floats = NDArray[np.float64]
Index = tuple[int, ...]

MOST_ASKED = 4_096
"""Units that are derived by the weight one by one, of a module that cannot be asked at once."""

MOST_LINK = 1 << 20
"""Derivatives from one station to the next that are reckoned; where there are more, the way is told more coarsely."""

MOST_UNITS = 1 << 20
"""Units of a first station; a way with more is not written out."""

MOST_RECKONED = 1 << 24
"""Derivatives between two stations that are reckoned to find those, among them other examples' of the batch."""

AT_ONCE = 1 << 24
"""Numbers of all derivatives that are reckoned in one go: 128 MB in float64."""


@dataclass(frozen=True, slots=True)
class End:
    """What is derived by what.

    example: where its row is in the inputs; None: all rows are told apart, because the network mixes them
    inputs:  the batch, or the example alone
    weight:  tensor and index; output: the index, and of which row
    """

    example: int | None
    row: int
    inputs: Any
    weight: tuple[str, Index]
    output: Index


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """The units of a layer that a route may pass: of each the layer's name, its index there, and what it says."""

    layers: tuple[str, ...]
    units: tuple[Index, ...]
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Stations from where the weight is used to the output, and derivatives.

    start: of the first station's units by the weight with all else fixed, shape (units,)
    links: of each further station's by the one's before, shape (units, units before), or shape (units,) where each
           unit depends on the one in its place alone
    """

    stations: tuple[Station, ...]
    start: Floats
    links: tuple[Floats, ...]


def way_to(scene: Scene, end: End, *, fine: bool) -> Way | None:
    """The way from a weight to an output; None where no module uses the weight, or too many units are in it.

    fine: with every layer between as a station, where the layers are a chain from the weight on; else the first station
          and the output alone, which is right for any network
    """
    leaf = scene.before[end.weight[0]].detach().clone().requires_grad_()
    root = calls_of(scene, {**scene.before, end.weight[0]: leaf}, end.inputs)
    users = _users(scene.model, end.weight[0], {id(call.module) for call in root.all_calls()})
    sites = list(_sites(root, users))
    if not sites or not isinstance(root.made, Tensor) or _size(sites) > MOST_UNITS:
        return None
    start = _by_weight(scene, end, leaf, [site.module for site in sites])
    first = _Stop(_tap_names(sites), tuple(tap for site in sites for tap in site.said))
    kept = _kept(start, sites, first, end)
    between = _between(root, sites) if fine else []
    stops = [first, *(_Stop((call.name,), call.said, call.module) for call in between)]
    last = _Stop((chain_of(root)[-1].name,), (root.made[end.row][end.output].reshape(1),))
    return _linked(_Begun(scene, end, start[kept], kept), stops, last)


@dataclass(frozen=True, slots=True, eq=False)
class _Stop:
    """What is said at a station, by one module or several: names and tensors belong together."""

    names: tuple[str, ...]
    taps: tuple[Tensor, ...]
    module: nn.Module | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """Derivatives of the first stop's units by the weight, of those that are kept."""

    scene: Scene
    end: End
    start: Floats
    kept: NDArray[np.int64]


def _tap_names(sites: Sequence[Call]) -> tuple[str, ...]:
    """The name of each tensor that is said where the weight is used: which call of the module, which part of it."""
    names = []
    for i, site in enumerate(sites):
        earlier = sum(one.module is site.module for one in sites[:i])
        often = sum(one.module is site.module for one in sites) > 1
        name = f"{site.name}, call {earlier + 1}" if often else site.name
        names += [name] if len(site.said) == 1 else [f"{name}, part {j + 1}" for j in range(len(site.said))]
    return tuple(names)


def _users(model: nn.Module, name: str, called: Collection[int]) -> set[int]:
    """The modules that use a weight, by id: those that hold it or, where such a one is never called, the one around."""
    weight = dict(model.named_parameters(remove_duplicate=False))[name]
    modules = dict(model.named_modules())
    found = set()
    for holder, module in modules.items():
        if any(weight is own for own in module.parameters(recurse=False)):
            around = holder
            while id(modules[around]) not in called and around:
                around = around.rpartition(".")[0]
            found.add(id(modules[around]))
    return found


def _sites(call: Call, users: Collection[int]) -> Iterator[Call]:
    """The calls that use the weight; not those within one that does."""
    if id(call.module) in users:
        yield call
        return
    for inner in call.within:
        yield from _sites(inner, users)


def _size(sites: Sequence[Call]) -> int:
    return sum(tap.numel() for site in sites for tap in site.said)


def _by_weight(scene: Scene, end: End, leaf: Tensor, users: Sequence[nn.Module]) -> Floats:
    """Derivatives, by the weight alone, of all that the modules say that use it, what they are given being fixed.

    The backward pass is linear in what is put in at its end, so that its own derivative is the row that is wanted; of a
    module whose backward pass has no derivative, every unit is asked by itself.
    """
    index = end.weight[1]
    root = calls_of(scene, {**scene.before, end.weight[0]: leaf}, end.inputs, cut=users)
    said = [tap for call in _sites(root, {id(one) for one in users}) for tap in call.said]
    try:
        asked = [torch.zeros_like(one, requires_grad=True) for one in said]
        back = torch.autograd.grad(said, leaf, asked, create_graph=True, retain_graph=True, materialize_grads=True)
        check_derivable(back[0])
        return _flat(torch.autograd.grad(back[0][index], asked, allow_unused=True, materialize_grads=True))
    except RuntimeError:
        whole = torch.cat([one.flatten() for one in said])
        if whole.numel() > MOST_ASKED:
            raise
        return _flat([torch.autograd.grad(unit, leaf, retain_graph=True)[0][index].reshape(1) for unit in whole])


def _kept(start: Floats, sites: Sequence[Call], first: _Stop, end: End) -> NDArray[np.int64]:
    """The units that the weight reaches; where it reaches none because it is fed 0, of a linear layer its own unit."""
    inside = np.concatenate([_inside(tap, end) for tap in first.taps])
    kept = np.flatnonzero((start != 0) & inside)
    if kept.size or len(first.taps) > 1 or not isinstance(sites[0].module, nn.Linear):
        return kept
    units = np.arange(start.size) % first.taps[0].shape[-1]
    return np.flatnonzero((units == end.weight[1][0]) & inside)


def _between(root: Call, sites: Sequence[Call]) -> list[Call]:
    """The links of the chain after the last use of the weight, those left out that only pass on what they get."""
    chain = chain_of(root)
    within = [i for i, link in enumerate(chain) if any(site in list(link.all_calls()) for site in sites)]
    if not within:
        return []
    last = within[-1]
    first = last + 1 if any(chain[last] is site for site in sites) else last
    return [link for link in chain[first:-1] if len(link.said) == 1 and not _passes_on(link.module)]


ELEMENTWISE = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU, nn.Threshold, nn.Hardtanh),
    *(nn.Hardsigmoid, nn.Hardswish, nn.Hardshrink, nn.Softshrink, nn.Tanhshrink, nn.Softplus, nn.Softsign),
    *(nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.GELU, nn.SiLU, nn.Mish),
)
"""Modules that make each number of the one in its place."""

SHAPES = (nn.Flatten, nn.Unflatten, nn.Identity)


def _passes_on(module: nn.Module) -> bool:
    """Whether it gives what it gets, in another shape perhaps."""
    return isinstance(module, SHAPES) or (isinstance(module, (*DROPPING, CountedDropout)) and not module.training)


def _linked(begun: _Begun, stops: Sequence[_Stop], last: _Stop) -> Way | None:
    """The way from stop to stop; None where a link would be too large."""
    end, kept = begun.end, begun.kept
    stations, links = [_station(stops[0], kept, end)], []
    for before, stop in itertools.pairwise(stops):
        inside = kept if _is_elementwise(before, stop) else np.flatnonzero(_inside(stop.taps[0], end))
        link = _link(begun.scene, before, stop, (kept, inside))
        if link is None:
            return None
        links.append(link)
        stations.append(_station(stop, inside, end))
        kept = inside
    links.append(_derivatives(last.taps[0], stops[-1].taps)[:, kept])
    stations.append(Station(last.names, (end.output,), _flat(last.taps)))
    return Way(tuple(stations), begun.start, tuple(links))


def _station(stop: _Stop, kept: NDArray[np.int64], end: End) -> Station:
    starts = np.cumsum([0, *(tap.numel() for tap in stop.taps)])
    taps = np.searchsorted(starts, kept, side="right") - 1
    places = [_index(stop.taps[tap], int(unit - starts[tap]), end) for tap, unit in zip(taps, kept, strict=True)]
    return Station(tuple(stop.names[tap] for tap in taps), tuple(places), _flat(stop.taps)[kept])


def _index(tap: Tensor, place: int, end: End) -> Index:
    """The index of a unit, that of the example left out."""
    index = tuple(int(i) for i in np.unravel_index(place, tuple(tap.shape)))
    return index[1:] if end.example is not None and tap.dim() > 1 else index


def _is_elementwise(before: _Stop, stop: _Stop) -> bool:
    is_one = len(before.taps) == 1 and before.taps[0].numel() == stop.taps[0].numel()
    return is_one and isinstance(stop.module, (*ELEMENTWISE, *DROPPING, CountedDropout))


Pair = tuple[NDArray[np.int64], NDArray[np.int64]]


def _link(scene: Scene, before: _Stop, stop: _Stop, units: Pair) -> Floats | None:
    """Derivatives of a stop's units by those before, of those that are kept there and here."""
    kept, inside = units
    if _is_elementwise(before, stop):
        ones = torch.ones_like(stop.taps[0])
        return _flat(torch.autograd.grad(stop.taps[0], before.taps, ones, retain_graph=True))[kept]
    if kept.size * inside.size > MOST_LINK:
        return None
    weight = scene.before.get(f"{stop.names[0]}.weight")
    if isinstance(stop.module, nn.Linear) and weight is not None and inside.size == len(weight):
        return np.asarray(weight.detach().double().cpu().numpy()[:, kept % weight.shape[1]])
    if inside.size * sum(one.numel() for one in before.taps) > MOST_RECKONED:
        return None
    return _derivatives(stop.taps[0].flatten()[torch.from_numpy(inside)], before.taps)[:, kept]


def _derivatives(of: Tensor, by: Sequence[Tensor]) -> Floats:
    """Of each number by each, shape (of, by), by as many backward passes, many at once where torch can."""
    size = sum(one.numel() for one in by)
    found = []
    for rows in torch.split(torch.eye(len(of), dtype=of.dtype, device=of.device), max(1, AT_ONCE // size)):
        try:
            slopes = torch.autograd.grad(
                of, by, rows, retain_graph=True, allow_unused=True, is_grads_batched=True, materialize_grads=True
            )
            found.append(torch.cat([one.reshape(len(rows), -1) for one in slopes], dim=1))
        except RuntimeError:
            found += [_one_row(of, by, row) for row in rows]
    made: Floats = torch.cat(found).double().cpu().numpy()
    return made


def _one_row(of: Tensor, by: Sequence[Tensor], row: Tensor) -> Tensor:
    slopes = torch.autograd.grad(of, by, row, retain_graph=True, allow_unused=True, materialize_grads=True)
    return torch.cat([one.flatten() for one in slopes])[None]


def _inside(tap: Tensor, end: End) -> NDArray[np.bool_]:
    """Which of its units are the example's."""
    inside = np.ones(tuple(tap.shape), dtype=np.bool_)
    if end.example is not None and tap.dim() and len(tap) > end.example:
        inside[:] = False
        inside[end.example] = True
    return inside.ravel()


def _flat(tensors: Sequence[Tensor]) -> Floats:
    made: Floats = torch.cat([one.detach().flatten() for one in tensors]).double().cpu().numpy()
    return made
