"""The builds of the core, and that Python and C++ mean the same structs."""

import ctypes
import re
import subprocess
import sys
from pathlib import Path

from etude.engine.native import library
from etude.engine.native.library import BUILDS, KINDS, LOSSES, OPTIMIZERS, STRUCTS, build_name


def source(name: str) -> str:
    return (Path(library.__file__).parent / "core" / name).read_text(encoding="utf-8")


def names_of(enum: str, header: str) -> list[str]:
    return re.search(rf"enum {enum} : int32_t {{([^}}]*)}}", source(header)).group(1).replace(",", " ").split()


def test_every_struct_has_the_size_that_the_core_gives_it(builds):
    for build in builds.values():
        assert [build.size(i) for i in range(len(STRUCTS))] == [ctypes.sizeof(struct) for struct in STRUCTS]


def test_the_numbers_of_layers_losses_optimisers_and_endings_are_the_cores():
    assert [name.lower() for name in names_of("Kind", "layers.h")] == list(KINDS)
    assert [name.lower() for name in names_of("OptimizerKind", "optimizers.h")] == list(OPTIMIZERS)
    assert [name.lower().replace("_", " ") for name in names_of("Ending", "engine.cpp")] == list(library.ENDINGS)
    assert len(names_of("LossKind", "losses.h")) == len(LOSSES)


def test_the_best_build_that_the_processor_can_run_is_used(builds):
    assert build_name() == next(name for name, _ in BUILDS if name in builds)
    assert "portable" in builds


def test_without_torch_the_core_can_be_driven():
    # so that the sanitizers need watch numpy and the core only
    driven = "import sys, etude.engine.native.training; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", driven], check=False).returncode == 0
