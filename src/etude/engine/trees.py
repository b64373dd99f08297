"""Tensors in whatever a model takes or gives: one alone, or tuples, lists and dicts of them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor


def tensors_in(tree: Any) -> Iterator[Tensor]:  # noqa: ANN401 - whatever a model takes or gives
    """Every tensor, in order.

    >>> import torch
    >>> [int(one) for one in tensors_in({"a": torch.tensor(1), "b": (torch.tensor(2), None)})]
    [1, 2]
    """
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from tensors_in(value)
    elif isinstance(tree, tuple | list):
        for value in tree:
            yield from tensors_in(value)


def mapped(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:  # noqa: ANN401 - as above
    """The same with every tensor changed, and all else as it is.

    >>> import torch
    >>> mapped((torch.tensor(1), "as it is"), lambda one: one + 1)
    (tensor(2), 'as it is')
    """
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, dict):
        return type(tree)((key, mapped(value, change)) for key, value in tree.items())
    if isinstance(tree, Mapping):  # such as a tokeniser's, which takes no pairs
        return {key: mapped(value, change) for key, value in tree.items()}
    if isinstance(tree, tuple) and type(tree) is not tuple:  # with names for its places
        return type(tree)(*(mapped(value, change) for value in tree))
    return type(tree)(mapped(value, change) for value in tree) if isinstance(tree, tuple | list) else tree


def only(tree: Any, example: int) -> Any:  # noqa: ANN401 - as above
    """One example of a batch, as a batch of one: of every tensor one entry along its first axis.

    >>> import torch
    >>> only(torch.tensor([[1, 2], [3, 4]]), 1)
    tensor([[3, 4]])
    """
    return mapped(tree, lambda one: one[example : example + 1] if one.dim() else one)


def n_examples(tree: Any) -> int:  # noqa: ANN401 - as above
    """The length of the first axis of the first tensor that has one; 0 without any."""
    return next((len(one) for one in tensors_in(tree) if one.dim()), 0)
