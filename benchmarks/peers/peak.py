"""The fused multiply-add peak of one core, measured with the system's C compiler where there is one."""

import os
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

SOURCE = Path(__file__).with_name("fma.c")
COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast")


def fma_peak(core: int) -> float | None:
    """GFLOP/s in float32; None where no compiler is found or it fails, which the table then says."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "fma"
        built = subprocess.run([compiler, *FLAGS, str(SOURCE), "-o", str(program)], capture_output=True, check=False)
        if built.returncode:
            return None
        pinned = partial(os.sched_setaffinity, 0, {core})
        said = subprocess.run([str(program)], preexec_fn=pinned, capture_output=True, text=True, check=True)
    return float(said.stdout)
