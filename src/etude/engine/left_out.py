"""Values that a watched loop gives and that are not one number: they are left out, and said so once."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from torch import Tensor

WAYS_OUT: Mapping[str, str] = MappingProxyType(
    {
        "a tensor of shape": "Give its mean, value.mean()",
        "an array of shape": "Give its mean, value.mean()",
        "of type dict": "Give what is in it by name, as in watch.validation(loss=0.5, accuracy=0.9)",
    }
)
"""What to give instead, by how the fault begins."""


class LeftOut:
    """What was left out, by method and argument; the first of each is told."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        """complain: is given what is to be told."""
        self._complain, self._counts = complain, dict[str, int]()

    def lacks(self, method: str, argument: str, value: object) -> bool:
        """Whether a value is not one number, and so is left out."""
        why = fault(value)
        if why:
            fix = next((says for start, says in WAYS_OUT.items() if why.startswith(start)), "Give one number")
            self.add(method, argument, f"{why}, not one number. {fix}")
        return bool(why)

    def add(self, method: str, argument: str, why: str) -> None:
        """Leave a value out. why: what it is, as words that go on after "is"."""
        name = f"`{argument}` of watch.{method}()"
        self._counts[name] = self._counts.get(name, 0) + 1
        if self._counts[name] == 1:
            self._complain(f"étude left out {name}: it is {why}")

    def notes(self) -> Iterator[str]:
        """What was left out more than once, as sentences."""
        for name, count in self._counts.items():
            if count > 1:
                yield f"{count:,} values of {name} were left out"


def fault(value: object) -> str:
    """What a value is that is not one number; empty where it is one. Nothing waits for a device.

    >>> fault(0.5), fault(Tensor([1, 2, 3])), fault({"loss": 0.5})
    ('', 'a tensor of shape (3,)', 'of type dict')
    """
    if isinstance(value, Tensor):
        if value.numel() != 1:
            return f"a tensor of shape {tuple(value.shape)}"
        return f"a tensor of {value.dtype}" if value.is_complex() else ""
    if isinstance(value, np.ndarray):
        if value.size != 1:
            return f"an array of shape {tuple(value.shape)}"
        return "" if value.dtype.kind in "biuf" else f"an array of {value.dtype}"
    try:
        if isinstance(value, str | bytes):
            return f"the text {value!r}"
        float(cast(Any, value))
    except (TypeError, ValueError, OverflowError):
        return "None" if value is None else f"of type {type(value).__name__}"
    return ""
