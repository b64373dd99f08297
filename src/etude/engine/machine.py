"""The machine a run is made on: its facts, its devices, and torch left as it was found."""

import contextlib
import importlib.metadata
import platform
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
import torch

from etude.numerics.seeds import Purpose, stream
from etude.values.code import Code
from etude.values.errors import EngineError, EtudeError
from etude.values.recipe import Recipe


def device_called(name: str) -> torch.device:
    """The device, tried out; an EngineError where this machine lacks it."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch raises any of them
        reason = str(error).partition("\n")[0]
        raise EngineError(
            f"device {name!r} cannot be used here: {reason}. Use device='cpu', or install a build of torch for that "
            "device (https://pytorch.org/get-started/locally). Nothing was trained."
        ) from error
    return device


@cache
def facts(device: str = "cpu") -> Mapping[str, str | int]:
    """Versions, device and threads, for the provenance of a run; every training has one thread.

    >>> facts()["threads"]
    1
    """
    return MappingProxyType(_facts(device))


def _facts(device: str) -> dict[str, str | int]:
    where = torch.device(device)
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),  # it is a class of its own
        "numpy": np.__version__,
        "etude": importlib.metadata.version("etude"),
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else f"{device} ({platform.machine()})",
        "threads": 1,
    }


def gpus() -> tuple[str, ...]:
    """The CUDA devices that this torch can use, by name.

    >>> isinstance(gpus(), tuple)
    True
    """
    return tuple(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))


@contextlib.contextmanager
def own_torch(device: torch.device) -> Iterator[None]:
    """One thread, gradients on, and chance of its own; the caller's threads, gradient mode and chance come back.

    One thread, because the result of a sum depends on how many share it, and small networks are slower on two.
    """
    threads = torch.get_num_threads()
    devices = [device] if device.type == "cuda" else []
    try:
        torch.set_num_threads(1)
        with torch.random.fork_rng(devices), torch.enable_grad():
            yield
    finally:
        torch.set_num_threads(threads)


def seed_torch(seed: int, replicate: int, *, building: bool) -> None:
    """Seed torch's own chance, which only a model of the user's draws from: its weights, then its dropout.

    Two seeds, so that a model which draws more weights still has the dropout of one that draws fewer.
    """
    purpose: Purpose = "model" if building else "dropout"
    torch.manual_seed(int(stream(seed, replicate, purpose).integers(2**63)))


@contextlib.contextmanager
def explained(recipe: Recipe, replicate: int) -> Iterator[None]:
    """Whatever code of the user's raises, as an EngineError that says where it comes from."""
    try:
        yield
    except EtudeError:
        raise
    except (Exception, SystemExit) as error:  # a model or loss of the user's may raise anything
        own = [f"{field} {code.name}" for field, code in dict(recipe).items() if isinstance(code, Code)]
        raise EngineError(
            f"{' or '.join(own) or 'training'} failed in replicate {replicate}: {type(error).__name__}: {error}. "
            "Try it alone with etude's data shapes: float32 inputs (rows, features) to raw outputs (rows, outputs). "
            "This run was not kept; finished ones are."
        ) from error
