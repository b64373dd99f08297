"""What this machine has left of memory, and what rows that are still to be drawn will need of it."""

import math
import os
from contextlib import suppress
from pathlib import Path

from etude.values.data import Arrays, Memory, Task
from etude.values.errors import EngineError
from etude.values.recipe import Recipe

BYTES_A_NUMBER = 40
"""Of each number that a replicate draws: in float64 while it is drawn, in float32 for each part, and as the engine lays
it out; measured with tasks of 10⁶ rows (tests/engine/test_reckoning.py)."""


def check_rows(recipe: Recipe, *, workers: int) -> None:
    """An EngineError where the rows that so many workers draw would need more memory than this machine has left.

    Of tables, images, series and texts nothing is known before they are read.
    """
    rows, features = _drawn(recipe)
    refuse_beyond(
        workers * BYTES_A_NUMBER * rows * features,
        f"drawing {rows:,} rows of {features:,} features on {workers} worker(s)",
        "Use fewer rows, shorter ones, or fewer workers.",
    )


def refuse_beyond(needed: int, what: str, remedy: str) -> None:
    """An EngineError where so many bytes are more than this machine has left."""
    left = available_bytes()
    if left is not None and needed > left:
        raise EngineError(
            f"{what} would need about {_gib(needed)} of memory, and this machine has {_gib(left)} left. {remedy} "
            "Nothing was trained."
        )


def available_bytes() -> int | None:
    """Memory that this process may still take; None where the system does not say.

    >>> available_bytes() is None or available_bytes() > 0
    True
    """
    found = [_meminfo(), _cgroup()]
    known = [left for left in found if left is not None]
    return min(known, default=None)


def _drawn(recipe: Recipe) -> tuple[int, int]:
    """Rows that are drawn, and numbers of each."""
    match recipe.data:
        case Task() as task:
            return task.rows + task.test_rows, task.features or 2
        case Arrays() as arrays:
            return arrays.inputs.shape[0], math.prod(arrays.inputs.shape[1:])
        case Memory() as memory:
            width = {"adding": 2, "copy": memory.symbols, "parity": 1}[memory.memory]
            return memory.rows + memory.test_rows, memory.length * width
        case _:
            return 0, 0


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
