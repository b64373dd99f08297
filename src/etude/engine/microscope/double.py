"""A model, its loss, its optimiser and a batch, copied together, so that nobody's training learns of what is tried."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.optim import Optimizer

from etude.engine.layers import unwrapped
from etude.engine.trained_by import inner_of
from etude.engine.trees import mapped
from etude.values.errors import EngineError

STATE = "Nothing was changed."

Criterion = Callable[[Any, Any], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Double:
    """Copies that belong to one another as the originals do.

    inputs, targets: copies too, since a model may change its inputs in place
    originals: the names of the original's weights, by their identity
    """

    model: nn.Module
    criterion: Criterion
    optimizer: Optimizer
    inputs: Any
    targets: Any
    originals: Mapping[int, str]

    def loss(self) -> Tensor:
        """The batch's loss with a graph; an EngineError where it is none that can be descended."""
        with said("the forward pass"):
            outputs = called(self.model, self.inputs)
        with said("the loss"):
            loss = self.criterion(outputs, self.targets)
        if not isinstance(loss, Tensor) or loss.numel() != 1 or loss.is_complex():
            got = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise EngineError(
                f"the loss is {got}, and a step goes down one real number. Return the mean over the examples, such as "
                f"loss.mean(). {STATE}"
            )
        if not loss.requires_grad:
            raise EngineError(
                "the loss does not depend on any weight that is trained, so that there is no gradient. Leave .item(), "
                f".detach() and torch.no_grad() out of the model and the loss, and unfreeze some weights. {STATE}"
            )
        self._check_own(loss)
        return loss

    def _check_own(self, loss: Tensor) -> None:
        """Refuse a loss that reads the original's weights beside the outputs: those of the copy move."""
        read = [self.originals[id(one)] for one in _leaves(loss) if id(one) in self.originals]
        if read:
            raise EngineError(
                f"the loss reads the model's weights itself ({read[0]}), as a penalty does that is written into it, "
                "and the microscope must be able to try other weights. Give a loss of (outputs, targets) alone, and "
                f"the penalty as the optimiser's weight_decay, or let the model return it with its outputs. {STATE}"
            )


def doubled(model: nn.Module, criterion: Criterion, batch: tuple[Any, Any], optimizer: Optimizer) -> Double:
    """Copies of all four; an EngineError where they cannot be copied."""
    inner, memo = unwrapped(model), dict[int, Any]()
    for tensor in _made_in_passing(inner):
        memo[id(tensor)] = tensor.detach().clone()
    try:
        twin = _laid_out(copy.deepcopy(inner, memo))
        loss = copy.deepcopy(criterion, memo) if isinstance(criterion, nn.Module) else criterion
        mover = _optimizer_copied(inner_of(optimizer), memo)
    except Exception as error:
        raise EngineError(
            f"{type(inner).__name__} or {type(optimizer).__name__} cannot be copied: {type(error).__name__}: {error}. "
            "The microscope takes the step with a copy, so that training goes on untouched. Keep what cannot be "
            f"copied, such as open files, locks and generators, out of the model. {STATE}"
        ) from error
    for one, other in zip(inner.parameters(), twin.parameters(), strict=True):
        other.grad = None
        for hook in (one._backward_hooks or {}).values():  # noqa: SLF001 - torch copies a weight without its hooks
            other.register_hook(hook)  # type: ignore[no-untyped-call]
    inputs, targets = (mapped(one, lambda tensor: tensor.detach().clone()) for one in batch)
    names = {id(one): name for name, one in inner.named_parameters()}
    return Double(twin, loss, mover, inputs, targets, MappingProxyType(names))


def called(model: nn.Module, inputs: Any) -> Any:  # noqa: ANN401 - whatever the model takes and gives
    """The outputs: inputs in a tuple or list are arguments in order, those in a dict by name."""
    if isinstance(inputs, dict):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple | list) else model(inputs)


@contextmanager
def said(what: str) -> Iterator[None]:
    """Whatever the user's code raises, as an EngineError that says in what part of the step."""
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        raise EngineError(
            f"{what} failed: {type(error).__name__}: {error}. The microscope calls loss(model(inputs), targets) with "
            f"batch = (inputs, targets), and then the optimiser, as a training loop does: try that. {STATE}"
        ) from error


def _laid_out(model: nn.Module) -> nn.Module:
    """Itself, the weights of recurrent layers in one piece as cuDNN wants them, of which a copy has none."""
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            module.flatten_parameters()
    return model


def _made_in_passing(model: nn.Module) -> Iterator[Tensor]:
    """Tensors that a forward pass left at its modules: they have a graph, and torch refuses to copy such."""
    for module in model.modules():
        for value in vars(module).values():
            kept = value if isinstance(value, list | tuple) else value.values() if isinstance(value, dict) else (value,)
            yield from (one for one in kept if isinstance(one, Tensor) and not one.is_leaf)


def _optimizer_copied(optimizer: Optimizer, memo: dict[int, Any]) -> Optimizer:
    """A copy that moves the copied weights, without hooks; torch's own way leaves out what others add to an instance.

    A schedule puts a `step` of its own there, which counts: the copy's is that of its class.
    """
    twin = copy.deepcopy(optimizer, memo)
    added = {name: value for name, value in vars(optimizer).items() if name not in vars(twin)}
    theirs = {name: value for name, value in added.items() if not name.startswith("_") and name != "step"}
    vars(twin).update(copy.deepcopy(theirs, memo))
    return twin


def _leaves(loss: Tensor) -> Iterator[Tensor]:
    """What a loss was reckoned from, as far as it can be derived by it."""
    waiting, seen = [loss.grad_fn], set[Node]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if type(node).__name__ == "AccumulateGrad":  # torch has no name for the class itself
            yield node.variable  # type: ignore[attr-defined]
        waiting += [before for before, _ in node.next_functions]
