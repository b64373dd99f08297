"""What building étude does beside copying it: the lessons go along, and the native engine's core is compiled.

Where the core cannot be built, étude installs without it and trains slower.
"""

import platform
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

LESSONS = Path("lessons")
"""They stand at the root, where readers look; a wheel has them as etude/lessons."""


class BuildWithLessons(build_py):
    """Copy the package, and the lessons into it; an editable install finds them where they are."""

    def run(self) -> None:
        """Copy both."""
        super().run()
        if not self.editable_mode:
            for path in self._lessons():
                target = Path(self.build_lib, "etude", "lessons", path.name)
                self.mkpath(str(target.parent))
                self.copy_file(str(path), str(target))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:  # noqa: FBT001, FBT002 - setuptools' own
        """What is written: a wheel takes this and nothing else."""
        own = (
            []
            if self.editable_mode
            else [str(Path(self.build_lib, "etude", "lessons", p.name)) for p in self._lessons()]
        )
        return [*super().get_outputs(include_bytecode), *own]

    @staticmethod
    def _lessons() -> list[Path]:
        return [*sorted(LESSONS.glob("[0-9][0-9]_*.py")), *LESSONS.glob("measured.json")]


CORE = Path("src/etude/engine/native/core")
FLAGS = ["-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-Wno-psabi"]
"""Never -ffast-math: NaN and infinity must go through as they do in PyTorch."""

INSTRUCTIONS = {"portable": []}
if platform.machine().lower() in ("x86_64", "amd64"):
    INSTRUCTIONS["avx2"] = ["-mavx2", "-mfma"]

setup(
    cmdclass={"build_py": BuildWithLessons},
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
    ],
)
