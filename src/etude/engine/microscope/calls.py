"""One forward pass in which every call of every module is seen, and can be derived by."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from etude.engine.layers import plain_name
from etude.engine.microscope.scene import Scene, Tensors
from etude.engine.trees import mapped, tensors_in


@dataclass(slots=True, eq=False)
class Call:
    """One call of one module.

    given:    the first tensor that it was given; None without one
    said:     the tensors of real numbers that it gave, in the graph: what came of them later may be derived by them
    made, passed: what it gave itself, and the copies of it that went on
    within:   the calls of modules inside it
    """

    name: str
    module: nn.Module
    given: Tensor | None
    said: tuple[Tensor, ...] = ()
    made: Any = None
    passed: Any = None
    within: list["Call"] = field(default_factory=list)

    def all_calls(self) -> Iterator["Call"]:
        """This one and all within it, in the order in which they began."""
        yield self
        for call in self.within:
            yield from call.all_calls()


def calls_of(
    scene: Scene,
    weights: Tensors,
    inputs: Any,  # noqa: ANN401 - whatever the model takes
    *,
    cut: Collection[nn.Module] = (),
) -> Call:
    """The call of the whole model, with all within it. `cut`: modules whose inputs have no past.

    Whatever a module gives goes on as a copy, so that one that works in place spoils no other's numbers.
    """
    root: list[Call] = []
    with _hooked(scene.model, root, cut):
        scene.outputs(weights, inputs)
    return root[0]


@contextmanager
def _hooked(model: nn.Module, root: list[Call], cut: Collection[nn.Module]) -> Iterator[None]:
    open_calls: list[Call] = []
    handles = []
    for name, module in model.named_modules():
        before, after = _hooks(plain_name(name, module), open_calls, root, cut)
        handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
        handles.append(module.register_forward_hook(after))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


Before = Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], tuple[Any, Any]]
After = Callable[[nn.Module, Any, Any], Any]


def _hooks(name: str, open_calls: list[Call], root: list[Call], cut: Collection[nn.Module]) -> tuple[Before, After]:
    def before(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
        call = Call(name, module, next(tensors_in((args, named)), None))
        (open_calls[-1].within if open_calls else root).append(call)
        open_calls.append(call)
        if any(module is one for one in cut):
            args, named = mapped((args, named), Tensor.detach)
        elif vars(module).get("inplace"):
            args, named = mapped((args, named), Tensor.clone)
        return args, named

    def after(module: nn.Module, args: Any, made: Any) -> Any:  # noqa: ANN401 - whatever the module takes and gives
        call = open_calls.pop()
        call.made = made
        call.said = tuple(one for one in tensors_in(made) if one.is_floating_point())
        call.passed = mapped(made, Tensor.clone)
        return call.passed

    return before, after


def chain_of(call: Call) -> list[Call]:
    """The calls that lie on the only way through, each fed by nothing but the one before: as fine as may be.

    A module whose inner calls are no such chain, because it adds, loops or reckons between them, is one link itself.
    """
    if not call.within or not _is_chain(call):
        return [call]
    return [link for inner in call.within for link in chain_of(inner)]


def _is_chain(call: Call) -> bool:
    fed = [call.given, *(inner.passed for inner in call.within)]
    took = [*(inner.given for inner in call.within), call.made]
    return all(_is_same(one, other) for one, other in zip(fed, took, strict=True))


def _is_same(one: object, other: object) -> bool:
    """Whether two tensors are the same numbers in memory, though one of them in another shape."""
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return False
    in_order = one.is_contiguous() and other.is_contiguous()
    return one is other or (in_order and one.data_ptr() == other.data_ptr() and one.numel() == other.numel())
