"""The user's own Python inside a recipe: a function or object, with an identity that outlives the process."""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import cloudpickle
from pydantic import Field, model_validator

from etude.values.spec import Spec


class Code(Spec):
    """A callable of the user's: a function that builds a model, or a torch loss.

    checksum: sha256 of its name, its source and its state (an object's attributes and tensors; a function's
        defaults and the values it closes over), taken when the recipe is made. Two are equal when it is, so a study
        resumes after a restart, and an edited function or another setting counts as another recipe.
    """

    function: Callable[..., Any]
    checksum: str = Field("", description="its identity, computed from the function")

    @model_validator(mode="before")
    @classmethod
    def _take_identity(cls, fields: dict[str, Any]) -> dict[str, Any]:
        function = fields.get("function")
        return {**fields, "checksum": fields.get("checksum") or _identity(function)} if callable(function) else fields

    @property
    def name(self) -> str:
        """What a person calls it: ``build_my_net`` or ``HuberLoss()``."""
        return _name(self.function)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Code):
            return NotImplemented
        return self.checksum == other.checksum

    def __hash__(self) -> int:
        return hash(self.checksum)


def _name(function: Callable[..., Any]) -> str:
    return function.__qualname__ if inspect.isroutine(function) or inspect.isclass(function) else repr(function)


def _identity(function: Callable[..., Any]) -> str:
    known = inspect.isroutine(function) or inspect.isclass(function)
    kind: Any = function if known else type(function)
    parts = (kind.__module__.encode(), _name(function).encode(), _source(kind), cloudpickle.dumps(_state(function)))
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _source(kind: Any) -> bytes:  # noqa: ANN401 - a function or a class
    try:
        return inspect.getsource(kind).encode()
    except (OSError, TypeError):  # built in, or typed at a prompt: its compiled form, if it has one
        return kind.__code__.co_code + repr(kind.__code__.co_consts).encode() if inspect.isfunction(kind) else b""


def _state(function: Callable[..., Any]) -> object:
    if inspect.isfunction(function):
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        return function.__defaults__, function.__kwdefaults__, cells
    return None if inspect.isroutine(function) or inspect.isclass(function) else function
