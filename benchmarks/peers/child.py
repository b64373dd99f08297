"""A process of its own that trains what it is asked to: one framework, pinned to its cores before it is imported.

`python -m peers.child torch` says in one line of JSON what it can do, then answers each line of JSON with one:
{"job", "peer", "replicates", "epochs", "threads", "at_least", "show"} →
{"wall", "cpu", "train", "validation", "peak_mb"}.
"""

import importlib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from peers.job import Peer, Told, cohort
from peers.jobs import JOBS

MODULES = {"torch": "peers.by_torch", "jax": "peers.by_jax", "native": "peers.native"}


def serve(framework: str, asked: TextIO, answers: TextIO) -> None:
    """Answer until nothing more is asked."""
    try:
        module = importlib.import_module(MODULES[framework])
    except ImportError as error:
        _say(answers, {"missing": str(error)})
        return
    peers: Mapping[str, tuple[Peer, ...]] = module.PEERS
    told = {job: [asdict(Told(p.name, p.goal, p.alone, p.whole)) for p in row] for job, row in peers.items()}
    _say(answers, {"peers": told, "version": module.VERSION, "resident_mb": memory_mb("VmRSS")})
    for line in asked:
        request = json.loads(line)
        peer = next(p for p in peers[request["job"]] if p.name == request["peer"])
        _say(answers, trained(peer, request))


def trained(peer: Peer, request: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds a cohort by both clocks, losses of the first `show` replicates, and the most memory the process ever had.

    The cohort is trained again and again until that took `at_least` seconds, so that a short one is timed well.
    """
    given = cohort(JOBS[request["job"]], request["replicates"], request["epochs"])
    threads = {"threads": request["threads"]} if request["threads"] > 1 else {}
    begun, n = (time.perf_counter(), time.process_time()), 0
    while not n or time.perf_counter() - begun[0] < request["at_least"]:
        losses = peer.train(given, request["epochs"], **threads)
        n += 1
    wall, cpu = ((now - then) / n for now, then in zip((time.perf_counter(), time.process_time()), begun, strict=True))
    shown = {name: one[: request["show"]].tolist() for name, one in zip(("train", "validation"), losses, strict=True)}
    return {"wall": wall, "cpu": cpu, "peak_mb": memory_mb("VmHWM"), **shown}


def memory_mb(field: str) -> float:
    """A field of this process's status in MiB: VmRSS, the memory it holds now; VmHWM, the most it ever held.

    Not getrusage: after a fork its maximum includes the parent's.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def _say(answers: TextIO, told: Mapping[str, Any]) -> None:
    answers.write(f"{json.dumps(told)}\n")
    answers.flush()


if __name__ == "__main__":
    _answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints must not look like an answer
    serve(sys.argv[1], sys.stdin, _answers)
