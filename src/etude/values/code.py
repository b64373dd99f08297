"""The user's own Python inside a recipe: a function or object, with an identity that outlives the process."""

import dis
import hashlib
import inspect
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import cloudpickle
from pydantic import Field, model_validator

from etude.values.spec import Spec


class Code(Spec):
    """A callable of the user's: a function that builds a model, or a torch loss.

    checksum: sha256 of its name, its source, its state (an object's attributes and tensors; a function's defaults
        and the values it closes over), and the same of everything of the user's own that it names: constants,
        functions, classes, whole modules. Two are equal when it is, so a study resumes after a restart, and an
        edit anywhere behind the function counts as another recipe. Installed libraries count by name alone.
    """

    function: Callable[..., Any] = Field(description="any function that returns an nn.Module, or a torch loss")
    checksum: str = Field("", description="its identity, computed from the function")

    @model_validator(mode="before")
    @classmethod
    def _take_identity(cls, fields: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(fields, dict):
            return fields
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
    digest = hashlib.sha256()
    for part in (_name(function).encode(), *_parts(function, {})):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _parts(value: object, seen: dict[int, object]) -> Iterator[bytes]:
    """Everything of the user's that `value` is made of, each thing once."""
    if id(value) in seen:
        return
    seen[id(value)] = value  # kept, so that no other object takes over its id
    own, inner = _taken_apart(value)
    yield own
    for part in inner:
        yield from _parts(part, seen)


def _taken_apart(value: object) -> tuple[bytes, Iterable[object]]:
    """What a thing is by itself, and what else it is made of."""
    if _is_installed(value):
        return f"{value.__module__}.{value.__qualname__}".encode(), ()  # type: ignore[attr-defined]
    match value:
        case ModuleType():
            return _module_source(value), ()
        case FunctionType():
            named = [value.__globals__[name] for name in _names(value.__code__) if name in value.__globals__]
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            return _source(value), (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values(), *cells, *named)
        case type():
            members = [member for _, member in sorted(vars(value).items()) if isinstance(member, FunctionType | type)]
            return _source(value), (*value.__bases__, *members)
        case list() | tuple():
            return type(value).__name__.encode(), value
        case dict():
            return repr(list(value)).encode(), value.values()
    return _pickled(value), (type(value),)


def _module_source(module: ModuleType) -> bytes:
    origin = getattr(module, "__file__", None)
    own = Path(origin).read_bytes() if origin and not _is_under_libraries(origin) else b""
    return module.__name__.encode() + own


def _is_installed(value: object) -> bool:
    """Whether it is a function or class of Python or of an installed library, known by its name alone."""
    if not (inspect.isroutine(value) or inspect.isclass(value)):
        return False
    module = sys.modules.get(value.__module__ or "builtins")
    origin = getattr(module, "__file__", None)
    if origin is None:
        return module is not None and module.__name__ in sys.builtin_module_names
    return _is_under_libraries(origin)


LIBRARIES = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def _is_under_libraries(origin: str) -> bool:
    return any(Path(origin).resolve().is_relative_to(folder) for folder in LIBRARIES)


def _names(code: CodeType) -> list[str]:
    """The global names a function reads, those of functions inside it included; an attribute's name is none."""
    own = (step.argval for step in dis.get_instructions(code) if step.opname in READ)
    inner = (name for part in code.co_consts if isinstance(part, CodeType) for name in _names(part))
    return sorted({*own, *inner})


READ = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
"""Instructions of Python that read a global by its name."""


def _source(kind: FunctionType | type) -> bytes:
    try:
        return inspect.getsource(kind).encode()
    except (OSError, TypeError):  # typed at a prompt: the compiled form of a function; a class has its methods'
        return _compiled(kind.__code__) if isinstance(kind, FunctionType) else kind.__qualname__.encode()


def _compiled(code: CodeType) -> bytes:
    consts = b"".join(_compiled(part) if isinstance(part, CodeType) else repr(part).encode() for part in code.co_consts)
    return code.co_code + repr(code.co_names).encode() + consts


def _pickled(value: object) -> bytes:
    try:
        return cloudpickle.dumps(value)  # type: ignore[no-any-return]
    except Exception:  # noqa: BLE001 - an open file, a lock, a generator: anything may refuse
        return f"{type(value).__qualname__} that cannot be pickled".encode()
