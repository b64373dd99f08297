"""The user's own Python inside a recipe: a function or object, with an identity that outlives the process."""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

from etude.values.spec import Spec


class Code(Spec):
    """A callable of the user's: a function that builds a model, or a torch loss.

    Two are equal when their name and their source (for a configured object, its repr) are equal, so a study
    resumes after a restart, and an edited function counts as a new recipe.
    """

    function: Callable[..., Any]

    @property
    def name(self) -> str:
        """What a person calls it: ``build_my_net`` or ``HuberLoss()``."""
        return getattr(self.function, "__qualname__", None) or repr(self.function)

    @property
    def checksum(self) -> str:
        """sha256 of module, name and source."""
        kind = self.function if inspect.isroutine(self.function) else type(self.function)
        try:
            source = inspect.getsource(kind)
        except (OSError, TypeError):  # built in, or typed at a prompt: its name is all there is
            source = ""
        return hashlib.sha256(f"{kind.__module__}\0{self.name}\0{source}".encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Code):
            return NotImplemented
        return self.checksum == other.checksum

    def __hash__(self) -> int:
        return hash(self.checksum)
