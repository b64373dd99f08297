"""What this machine can do: `etude doctor`."""

import json
import os
import sqlite3
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from etude.engine.machine import facts, gpus
from etude.engine.memory import available_bytes
from etude.engine.native.library import BUILDS, build_name
from etude.engine.pace import pace
from etude.engine.spread import default_workers
from etude.faces.json import SCHEMA
from etude.faces.terminal import words
from etude.figures.numbers import plural

SECONDS = 0.5
"""Of each of the two timings."""

NO_CORE = (
    "loop, PyTorch step by step: the native engine was not built here, so small networks train about 100 times slower. "
    "Install a C++17 compiler (GCC 12, or Clang), then étude anew from its folder: `pip install --no-deps .`"
)


@dataclass(frozen=True, slots=True)
class Health:
    """What `etude doctor` found.

    facts: what is the case, by name
    rates: complete runs of job J1 a second, by threads
    worry: the names of those facts that make étude slower than it could be
    """

    facts: dict[str, str]
    rates: dict[int, float]
    worry: tuple[str, ...] = ()


def examined() -> Health:
    """Look around, and time job J1 for about a second."""
    build, known, cores = build_name(), facts(), default_workers()
    engine = "loop" if build is None else "native"
    left = available_bytes()
    told = {
        "version": f"étude {known['etude']}",
        "engine": NO_CORE if build is None else "native",
        "instructions": "of PyTorch" if build is None else dict(BUILDS)[build],
        "cores": f"{cores} of {os.cpu_count()} usable; one thread each",
        "memory": "unknown" if left is None else f"{left / 2**30:.1f} GiB left",
        "torch": f"{known['torch']}, on {known['device']}; {', '.join(gpus()) or 'no GPU'}",
        "Python": f"{known['python']}, NumPy {known['numpy']}",
        "SQLite": sqlite3.sqlite_version,
    }
    rates = {n: pace(engine, workers=n, seconds=SECONDS) for n in dict.fromkeys((1, cores))}
    slow = (("engine",) if build is None else ()) + (("instructions",) if build == "portable" else ())
    return Health(told, rates, slow)


def health_table(health: Health) -> Table:
    """What was found, a line each."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, says in health.facts.items():
        table.add_row(words(name), words(says, "yellow" if name in health.worry else ""))
    speed = ", ".join(f"{rate:,.3g} on {plural(n, *_worker(health))}" for n, rate in health.rates.items())
    table.add_row(Text("speed"), words(f"{speed}: runs a second of J1, the learner's first network for 1,500 epochs"))
    return table


def health_json(health: Health) -> str:
    """The object that `etude doctor --json` prints."""
    rates = {str(n): round(rate, 2) for n, rate in health.rates.items()}
    plain = {"schema": SCHEMA, **health.facts, "j1_runs_per_second": rates, "worry": list(health.worry)}
    return json.dumps(plain, ensure_ascii=False, indent=1)


def _worker(health: Health) -> tuple[str, str]:
    """What trains one run at a time, and several of them."""
    return ("process", "processes") if health.facts["engine"] == NO_CORE else ("thread", "threads")
