"""Real trainings of every layer, loss and optimiser under gcc's sanitizers, on two threads."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from etude.engine.native import library

TRAININGS = Path(__file__).parent / "sanitizers" / "trainings.py"
SOURCE = Path(library.__file__).parent / "core" / "engine.cpp"
FLAGS = ("-shared", "-fPIC", "-std=c++17", "-O1", "-g1", "-ffp-contract=fast", "-fno-math-errno", "-Wno-psabi")
LANES = {"4 lanes": (), "8 lanes": ("-mavx2", "-mfma")}
FOUND = ("ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "runtime error")
COMPILER = shutil.which("g++")


def runtime(name: str) -> str:
    """The file of a sanitizer that must be in memory before the interpreter's own libraries."""
    asked = [str(COMPILER), f"-print-file-name={name}"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def watched(build: Path, preloaded: tuple[str, ...], *before: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "LD_PRELOAD": " ".join(map(runtime, preloaded)),
        "ASAN_OPTIONS": "detect_leaks=0",  # of the interpreter's own there are thousands
        "TSAN_OPTIONS": "exitcode=1",
    }
    asked = [*before, sys.executable, str(TRAININGS), str(build)]
    return subprocess.run(asked, env=os.environ | settings, capture_output=True, text=True, check=False)


def trained(build: Path, preloaded: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """As `watched`; once more without random addresses where ThreadSanitizer cannot do with this kernel's."""
    made = watched(build, preloaded)
    if "unexpected memory mapping" in made.stderr and shutil.which("setarch"):
        made = watched(build, preloaded, "setarch", "-R")
    return made


@pytest.mark.slow
@pytest.mark.skipif(COMPILER is None, reason="no g++ here, so no build for the sanitizers to watch")
@pytest.mark.parametrize(
    ("sanitizers", "preloaded", "lanes"),
    [
        ("address,undefined", ("libasan.so", "libstdc++.so"), "4 lanes"),
        ("address,undefined", ("libasan.so", "libstdc++.so"), "8 lanes"),
        ("thread", ("libtsan.so", "libstdc++.so"), "8 lanes"),
    ],
)
def test_trainings_on_two_threads_touch_nothing_that_is_not_theirs(builds, tmp_path, sanitizers, preloaded, lanes):
    lanes = lanes if "avx2" in builds else "4 lanes"
    build = tmp_path / "core.so"
    watch = (f"-fsanitize={sanitizers}", "-fno-sanitize-recover=undefined")
    subprocess.run([str(COMPILER), *FLAGS, *LANES[lanes], *watch, str(SOURCE), "-o", str(build)], check=True)
    made = trained(build, preloaded)
    assert not [line for line in made.stderr.splitlines() if any(word in line for word in FOUND)], made.stderr
    assert made.returncode == 0, made.stderr
    assert len(made.stdout.split()) == 84  # 28 turns of optimisers and losses, three networks each
