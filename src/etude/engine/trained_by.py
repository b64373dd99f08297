"""Whether what is given to be watched is a model and the optimisers that train it."""

from collections.abc import Iterator, Sequence

import torch
from torch import nn
from torch.optim import Optimizer

from etude.engine.layers import unwrapped
from etude.engine.signals import is_local
from etude.engine.watch_options import STATE
from etude.values.errors import EngineError

ORDER = "etude.watch(model, optimizer)"


def check_kinds(model: object, optimizers: Sequence[object]) -> None:
    """Refuse what is no model, or no optimiser, with the right order."""
    if not isinstance(model, nn.Module):
        if isinstance(model, Optimizer) and any(isinstance(one, nn.Module) for one in optimizers):
            raise EngineError(f"the model and the optimiser change places: the right order is {ORDER}. {STATE}")
        raise EngineError(
            f"the first argument is {_kind(model)}, not a model of PyTorch (torch.nn.Module): {ORDER}. {STATE}"
        )
    for i, one in enumerate(optimizers):
        if not isinstance(one, Optimizer):
            raise EngineError(
                f"argument {i + 2} is {_kind(one)}, not an optimiser of PyTorch: {ORDER}. {_way_out(one)}{STATE}"
            )


def own(model: nn.Module, optimizers: Sequence[Optimizer]) -> list[bool]:
    """Of each optimiser, whether it holds any weight of the model."""
    weights = {id(one) for one in model.parameters()}
    return [
        any(id(one) in weights for group in optimizer.param_groups for one in group["params"])
        for optimizer in optimizers
    ]


def missing(model: nn.Module, optimizers: Sequence[Optimizer]) -> Iterator[str]:
    """What will not be seen for want of the model's own optimiser, as sentences."""
    if not optimizers:
        yield (
            "no optimiser was given, so that gradients, updates, dead units and the learning rate are not measured, "
            f"and each loss that is given counts as one step. Give it: {ORDER}"
        )
    for i, mine in enumerate(own(model, optimizers)):
        if not mine:
            which = f"{type(optimizers[i]).__name__}" + (f", optimiser {i + 1} of {len(optimizers)}," if i else "")
            yield (
                f"{which} holds no weight of this {type(model).__name__}, so that its gradients and updates are not "
                "measured, and steps that another optimiser takes are not seen. Give the one that was made of "
                "model.parameters(); make it again where the model was replaced since"
            )


def limits(model: nn.Module) -> Iterator[str]:
    """What of a model cannot be measured."""
    spread = sum(not is_local(one) for one in model.parameters())
    if spread:
        yield f"{spread} weights are spread over processes or of a kind of their own, and are not measured"
    if not isinstance(unwrapped(model), type(model)):
        yield "activations within compiled code cannot be seen; a probe measures them on a copy"


def inner_of(optimizer: Optimizer) -> Optimizer:
    """The optimiser that takes the steps, where another one, as accelerate's, is put around it."""
    inner = vars(optimizer).get("optimizer")
    return inner_of(inner) if isinstance(inner, Optimizer) else optimizer


def _kind(given: object) -> str:
    return "None" if given is None else f"of type {type(given).__name__}"


def _way_out(given: object) -> str:
    """How to give what was meant."""
    if isinstance(given, list | tuple):
        return "Give several one after the other: etude.watch(model, first, second). "
    if isinstance(given, torch.optim.lr_scheduler.LRScheduler):
        return "A schedule is seen through its optimiser. "
    return "Options are given by name, such as every=50. " if isinstance(given, int | float | str) else ""
