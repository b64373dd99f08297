"""The facts that a table of speeds means nothing without: processor, load, versions."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from peers.measuring import Means
from peers.process import Child
from peers.timing import Clock

from etude.engine.machine import facts
from etude.engine.native.library import BUILDS, build_name

CLOCKS: Mapping[Clock, str] = {"wall": "the seconds that passed", "cpu": "the seconds of CPU time"}


def machine(children: Sequence[Child], means: Means, *, peak: float | None) -> Iterator[tuple[str, str]]:
    """Each fact with its name."""
    known = facts()
    yield "date", f"{date.today():%Y-%m-%d}"
    yield "processor", f"{processor()}; {len(means.cores)} of its cores used"
    yield "FMA peak of a core", "not measured, no C compiler" if peak is None else f"{peak:.0f} GFLOP/s in float32"
    yield "load when it began", f"{os.getloadavg()[0]:.1f}"
    yield "rounds", f"{means.rounds}; on one core by {CLOCKS[means.clock]}"
    yield "system", f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield "étude", f"{known['etude']}, native build: {dict(BUILDS).get(build_name() or '', 'none')}"
    yield "Python, numpy", f"{known['python']}, {known['numpy']}"
    for child in children:
        if child.framework != "native":
            yield child.framework, f"{child.ready['version']}, one thread"


def processor() -> str:
    """Its name as Linux knows it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
