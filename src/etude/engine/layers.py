"""The layers of anybody's network: their names, their weights, and whether torch.compile has swallowed them."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

WRAPPERS = (nn.parallel.DistributedDataParallel, nn.DataParallel)

COMPILED = "_orig_mod"
"""Under this name a module that torch.compile returns holds the one it was given."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A module with weights of its own; a weight that several modules share is the first one's."""

    name: str
    module: nn.Module
    parameters: tuple[nn.Parameter, ...]


def unwrapped(model: nn.Module) -> nn.Module:
    """The network itself, without what torch.compile and data parallelism put around it."""
    while True:
        inner = dict(model.named_children()).get(COMPILED)
        if inner is None and isinstance(model, WRAPPERS):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def layers_of(model: nn.Module) -> tuple[Layer, ...]:
    """The layers with weights, in the order of the network.

    >>> [layer.name for layer in layers_of(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))]
    ['0', '2']
    """
    taken: set[int] = set()
    found = []
    for name, module in unwrapped(model).named_modules():
        own = [one for one in module.parameters(recurse=False) if id(one) not in taken]
        taken.update(map(id, own))
        if own:
            found.append(Layer(plain_name(name, module), module, tuple(own)))
    return tuple(found)


def plain_name(name: str, module: nn.Module) -> str:
    """A module's name as its author wrote it; that of the whole network is its class.

    >>> plain_name("block._orig_mod.0", nn.ReLU()), plain_name("", nn.Linear(1, 1))
    ('block.0', 'Linear')
    """
    parts = [part for part in name.split(".") if part and part != COMPILED]
    return ".".join(parts) or type(module).__name__


def order_of(model: nn.Module) -> tuple[str, ...]:
    """The names of all modules, in the order of the network."""
    return tuple(plain_name(name, module) for name, module in unwrapped(model).named_modules())


def eager_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every module that is not within compiled code, where a hook would be ignored or cost a compilation."""
    while isinstance(model, WRAPPERS):
        model = model.module
    yield from _eager(model, "")


def _eager(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    if is_compiled(module):
        return
    yield name, module
    for child, inner in module.named_children():
        yield from _eager(inner, f"{name}.{child}" if name else child)


def is_compiled(module: nn.Module) -> bool:
    """Whether it was made by torch.compile, by its own `compile`, or by torch.jit."""
    in_place = vars(module).get("_compiled_call_impl") is not None  # torch has no public word for it
    return in_place or COMPILED in dict(module.named_children()) or isinstance(module, torch.jit.ScriptModule)
