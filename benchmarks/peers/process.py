"""The parent's side of a child: started with one thread on given cores, asked one line at a time."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from peers.job import Told

ONE_THREAD = MappingProxyType(
    {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        "JAX_PLATFORMS": "cpu",
    }
)
"""Environment of every child; XLA's own pool has as many threads as the child has cores."""


@dataclass(frozen=True, eq=False, slots=True)
class Child:
    """A process that trains with one framework on its own cores."""

    framework: str
    ready: Mapping[str, Any]
    """What it said first: its peers by job, its version and memory; or what is missing."""
    process: subprocess.Popen[str]

    def peers(self, job: str) -> tuple[Told, ...]:
        """Those that train that job; none where the framework is missing."""
        return tuple(Told(**one) for one in self.ready.get("peers", {}).get(job, ()))

    def ask(self, **request: object) -> None:
        """Let it begin; `answer` waits for the end."""
        assert self.process.stdin is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)

    def answer(self) -> dict[str, Any]:
        """What it says next."""
        return _line(self.process, self.framework)


@contextlib.contextmanager
def child(framework: str, cores: set[int]) -> Iterator[Child]:
    """A child pinned to `cores` before it imports anything; it ends with the context."""
    with subprocess.Popen(
        [sys.executable, "-m", "peers.child", framework],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, **ONE_THREAD},
        preexec_fn=partial(os.sched_setaffinity, 0, cores),
    ) as process:
        yield Child(framework, _line(process, framework), process)


def _line(process: subprocess.Popen[str], framework: str) -> dict[str, Any]:
    assert process.stdout is not None
    said = process.stdout.readline()
    if not said:
        raise SystemExit(f"the {framework} process ended with code {process.wait()}; its error is above.")
    answer: dict[str, Any] = json.loads(said)
    return answer
