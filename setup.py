"""The compiled core of the native engine; where it cannot be built, étude installs without it and trains slower."""

import platform
from pathlib import Path

from setuptools import Extension, setup

CORE = Path("src/etude/engine/native/core")
FLAGS = ["-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-Wno-psabi"]
"""Never -ffast-math: NaN and infinity must go through as they do in PyTorch."""

INSTRUCTIONS = {"portable": []}
if platform.machine().lower() in ("x86_64", "amd64"):
    INSTRUCTIONS["avx2"] = ["-mavx2", "-mfma"]

setup(
    ext_modules=[
        Extension(
            f"etude.engine.native._{name}",
            [str(CORE / "engine.cpp")],
            depends=[str(header) for header in sorted(CORE.glob("*.h"))],
            extra_compile_args=[*FLAGS, *instructions],
            language="c++",
            optional=True,
        )
        for name, instructions in INSTRUCTIONS.items()
    ]
)
