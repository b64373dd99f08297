"""What a training will need of memory, reckoned before it starts, and what this machine has left."""

import itertools
import math
import os
from contextlib import suppress
from pathlib import Path

from etude.engine.spread import default_workers
from etude.values.data import Arrays, Memory, Task
from etude.values.errors import EngineError
from etude.values.model import Mlp
from etude.values.recipe import Recipe

BYTES_A_NUMBER = 40
"""Of each number that a replicate draws: in float64 while it is drawn, in float32 for each part, and as the engine lays
it out; measured with tasks of 10⁶ rows (tests/engine/test_memory.py)."""

BYTES_AN_ACTIVATION = 12
"""Of each unit and example of a step that `loop` keeps for the way back: its value before and after, and a gradient."""

BYTES_A_PARAMETER = 28
"""Value, gradient, two memories of an optimiser, a kept copy, and what is drawn."""


def check_memory(recipe: Recipe, *, workers: int | None = None) -> None:
    """An EngineError where the trainings that run side by side would need more memory than this machine has left.

    An estimate from what is known without building anything: rows of a task, widths of an étude architecture; what
    the user's own tables and models take is not in it.
    """
    left = available_bytes()
    side_by_side = default_workers() if workers is None else workers
    needed = side_by_side * training_bytes(recipe)
    if left is not None and needed > left:
        raise EngineError(
            f"{_words(recipe)} would need about {_gib(needed)} of memory on {side_by_side} worker(s), and this machine "
            f"has {_gib(left)} left. Use fewer rows, a smaller batch_size, a narrower model or fewer workers. "
            "Nothing was trained."
        )


def training_bytes(recipe: Recipe) -> int:
    """About how many bytes one training takes.

    >>> training_bytes(Recipe(data={"task": "sincos"}, loss="bce")) < 10**6
    True
    """
    rows, features, every = _sizes(recipe)
    widths = (features, *recipe.model.hidden, 1) if isinstance(recipe.model, Mlp) else ()
    parameters = sum((n + 1) * units for n, units in itertools.pairwise(widths))
    kept = BYTES_AN_ACTIVATION * (recipe.batch_size or rows) * sum(widths[1:])
    return BYTES_A_NUMBER * every * max(features, 1) + kept + BYTES_A_PARAMETER * parameters


def available_bytes() -> int | None:
    """Memory that this process may still take; None where the system does not say.

    >>> available_bytes() is None or available_bytes() > 0
    True
    """
    found = [_meminfo(), _cgroup()]
    known = [left for left in found if left is not None]
    return min(known, default=None)


def _sizes(recipe: Recipe) -> tuple[int, int, int]:
    """Rows of a step's largest batch, features, and all rows drawn."""
    match recipe.data:
        case Task() as task:
            return task.rows, task.features or 2, task.rows + task.test_rows
        case Arrays() as arrays:
            return arrays.inputs.shape[0], math.prod(arrays.inputs.shape[1:]), arrays.inputs.shape[0]
        case Memory() as memory:
            width = {"adding": 2, "copy": memory.symbols, "parity": 1}[memory.memory]
            return memory.rows, memory.length * width, memory.rows + memory.test_rows
        case _:
            return 0, 0, 0


def _meminfo() -> int | None:
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1])
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _cgroup() -> int | None:
    """What a container's limit leaves; files it could drop count as used, so it errs on the safe side."""
    folder = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):
        most, now = ((folder / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        return max(0, int(most) - int(now))
    return None


def _gib(n: float) -> str:
    return f"{n / 2**30:,.1f} GiB" if n < 2**60 else "more than 10⁹ GiB"


def _words(recipe: Recipe) -> str:
    rows, features, _ = _sizes(recipe)
    return f"training on {rows:,} rows of {features:,} features, {recipe.batch_size or rows:,} a step,"
