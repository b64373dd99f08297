"""The compiled core: which build this processor can run, and its functions as Python sees them.

The structs mirror `core/layers.h`, `core/optimizers.h` and `core/engine.cpp` field by field.
"""

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from numpy.typing import NDArray

BUILDS: tuple[tuple[str, str], ...] = (("avx2", "AVX2 and FMA"), ("portable", "portable vectors"))
"""The builds by name, best first, with the instructions that each uses."""

LAYERS = ("linear", "convolution", "batch_norm", "layer_norm", "max_pool", "average_pool", "dropout")
ACTIVATIONS = ("relu", "leaky_relu", "sigmoid", "tanh", "gelu")
LOSSES = ("bce", "squared probability", "mse", "l1", "huber", "cross_entropy", "squared probabilities")
OPTIMIZERS = ("sgd", "rmsprop", "adam", "adamw")
ENDINGS = ("going on", "stopped early", "diverged", "interrupted")

KINDS: Mapping[str, int] = MappingProxyType({name: i for i, name in enumerate((*LAYERS, *ACTIVATIONS))})
"""A layer's name → its number in the core; the activations follow the layers."""


class Layer(ctypes.Structure):
    """LayerSpec in core/layers.h."""

    _fields_: ClassVar[Any] = (
        ("kind", ctypes.c_int32),
        ("units", ctypes.c_int32),
        ("kernel", ctypes.c_int32 * 2),
        ("step", ctypes.c_int32 * 2),
        ("padding", ctypes.c_int32 * 2),
        ("has_bias", ctypes.c_int32),
        ("counts_padding", ctypes.c_int32),
        ("position", ctypes.c_int32),
        ("slope", ctypes.c_float),
        ("epsilon", ctypes.c_float),
        ("momentum", ctypes.c_float),
        ("scale", ctypes.c_float),
        ("key", ctypes.c_uint64),
        ("threshold", ctypes.c_uint64),
    )


class Optimizer(ctypes.Structure):
    """OptimizerSpec in core/optimizers.h."""

    _fields_: ClassVar[Any] = (
        ("kind", ctypes.c_int32),
        ("nesterov", ctypes.c_int32),
        ("momentum", ctypes.c_double),
        ("smoothing", ctypes.c_double),
        ("epsilon", ctypes.c_double),
        ("weight_decay", ctypes.c_double),
    )


class Part(ctypes.Structure):
    """Part in core/engine.cpp: inputs of shape (rows, features) and targets of shape (rows,), float32."""

    _fields_: ClassVar[Any] = (
        ("inputs", ctypes.c_void_p),
        ("targets", ctypes.c_void_p),
        ("rows", ctypes.c_int32),
    )


class Problem(ctypes.Structure):
    """Problem in core/engine.cpp."""

    _fields_: ClassVar[Any] = (
        ("channels", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("n_layers", ctypes.c_int32),
        ("layers", ctypes.POINTER(Layer)),
        ("loss", ctypes.c_int32),
        ("batch", ctypes.c_int32),
        ("train", Part),
        ("validation", Part),
        ("test", Part),
        ("optimizer", Optimizer),
        ("clip", ctypes.c_double),
        ("patience", ctypes.c_int32),
        ("stops_when_diverged", ctypes.c_int32),
        ("min_delta", ctypes.c_double),
        ("smoothing", ctypes.c_double),
        ("class_weights", ctypes.c_void_p),
    )


class Progress(ctypes.Structure):
    """Progress in core/engine.cpp."""

    _fields_: ClassVar[Any] = (
        ("step", ctypes.c_int64),
        ("kept_step", ctypes.c_int64),
        ("epochs", ctypes.c_int32),
        ("ending", ctypes.c_int32),
    )


STRUCTS = (Layer, Optimizer, Part, Problem, Progress)
"""In the order in which the core's `etude_size` counts them."""

_POINTER, _INT = ctypes.c_void_p, ctypes.c_int32


@dataclass(frozen=True, slots=True)
class Core:
    """The functions of one build; each lets go of the interpreter's lock while it runs."""

    open: Callable[..., int | None]
    close: Callable[..., None]
    advance: Callable[..., int]
    outputs: Callable[..., None]
    outputs_of_all: Callable[..., None]
    restore: Callable[..., None]
    state: Callable[..., int]
    progress: Callable[..., None]
    size: Callable[..., int]


_SIGNATURES: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "open": (_POINTER, ctypes.POINTER(Problem), _POINTER, ctypes.POINTER(ctypes.c_int32)),
        "close": (None, _POINTER),
        "advance": (
            _INT, _POINTER, _INT, _POINTER, _INT, _POINTER, ctypes.c_int64, _POINTER, _INT, _POINTER
        ),
        "outputs": (None, _POINTER, ctypes.POINTER(Part), _POINTER),
        "outputs_of_all": (None, _POINTER, _POINTER),
        "restore": (None, _POINTER),
        "state": (_POINTER, _POINTER),
        "progress": (None, _POINTER, ctypes.POINTER(Progress)),
        "size": (_INT, _INT),
    }
)  # fmt: skip
"""Function → what it returns, then what it takes."""


@cache
def core() -> Core | None:
    """The best build that this processor can run; None where the core was not built or fits no processor here."""
    name = build_name()
    path = None if name is None else _file(name)
    return None if path is None else loaded(path)


@cache
def build_name() -> str | None:
    """The build that is used here, a name in BUILDS; None where there is none.

    >>> build_name() in ("avx2", "portable", None)
    True
    """
    return next((name for name, _ in BUILDS if _is_ours(_file(name)) and (name != "avx2" or _has_avx2())), None)


def loaded(path: Path) -> Core:
    """The functions of the build in a file."""
    library = ctypes.CDLL(str(path))
    return Core(
        **{name: ctypes.CFUNCTYPE(*signature)((f"etude_{name}", library)) for name, signature in _SIGNATURES.items()}
    )


def _is_ours(path: Path | None) -> bool:
    """Whether it is a build of this very étude: one left behind by another has other functions or other structs."""
    try:
        return path is not None and all(loaded(path).size(i) == ctypes.sizeof(s) for i, s in enumerate(STRUCTS))
    except (OSError, AttributeError):
        return False


def _file(name: str) -> Path | None:
    folder = Path(__file__).parent
    return next((path for suffix in EXTENSION_SUFFIXES if (path := folder / f"_{name}{suffix}").exists()), None)


def _has_avx2() -> bool:
    """Whether the portable build, which any processor runs, says that this one has AVX2 and FMA."""
    path = _file("portable")
    return path is not None and bool(ctypes.CDLL(str(path)).etude_has_avx2())


def address(array: NDArray[Any] | None) -> int | None:
    """Where an array lies; it must be contiguous, and be kept alive by whoever hands it over."""
    return None if array is None else int(array.__array_interface__["data"][0])  # .ctypes takes 20 times as long
