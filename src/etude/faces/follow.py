"""The command `watch`: runs a command as if étude were not there, follows what it logs or prints, and judges it."""

import getopt
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from etude.faces.follow_child import Child
from etude.faces.follow_heard import Heard
from etude.faces.plain import complain
from etude.values.errors import EtudeError, ReportError

EVERY = 2.0
"""Seconds between two looks, where nothing else is asked for."""

HANDOVER = 0.0005
"""Seconds that the thread which passes output on waits for the one that looks and judges, at most."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks for; the fields are the options of the command, which say what they mean."""

    command: tuple[str, ...]
    logs: tuple[Path, ...] = ()
    every: float = EVERY
    stop: bool = False
    report: Path | None = None
    quiet: bool = False


def asked(arguments: Sequence[str]) -> Asked | None:
    """What plain arguments ask for; None where anything is unusual, which is left to the command line proper.

    It exists so that the command starts at once: the command line proper takes some tenths of a second to load.

    >>> asked(["--stop", "--every", "5", "--", "python", "train.py", "--quiet"])
    Asked(command=('python', 'train.py', '--quiet'), logs=(), every=5.0, stop=True, report=None, quiet=False)
    >>> asked(["--help"])
    """
    try:
        options, command = getopt.getopt(list(arguments), "q", ["log=", "every=", "stop", "report=", "quiet"])
        given = dict(options)
        every = float(given.get("--every", EVERY))
    except (getopt.GetoptError, ValueError):
        return None
    if not command or not every > 0:
        return None
    logs = tuple(Path(value) for name, value in options if name == "--log")
    report = Path(given["--report"]) if "--report" in given else None
    quiet = "--quiet" in given or "-q" in given
    return Asked(tuple(command), logs, every, "--stop" in given, report, quiet)


def follow(wanted: Asked) -> int:
    """Run the command, follow it, judge it; returns its exit code."""
    if not wanted.command:
        raise EtudeError("there is no command to run. Write it after --, as in: etude watch -- python train.py")
    _refuse_report(wanted)
    sys.setswitchinterval(HANDOVER)
    began = time.time()
    heard = None if wanted.logs else Heard(_named(wanted.command))
    child = Child(wanted.command, heard)
    over = threading.Event()
    beside = threading.Thread(target=_watch, args=(wanted, child, heard, began, over), daemon=True)
    beside.start()
    code = child.wait()
    over.set()
    with suppress(KeyboardInterrupt):  # whoever does not want the diagnosis still gets the exit code
        beside.join()
    return code


def _refuse_report(wanted: Asked) -> None:
    """A ReportError where the page has no name of its own; logs that are not named are seen to once they are found."""
    if str(wanted.report) == "-":
        raise ReportError(
            "--report - names no file, and standard output is the command's. Name a file, such as --report page.html. "
            "Nothing was run."
        )
    if wanted.report is not None and os.path.realpath(wanted.report) in map(os.path.realpath, wanted.logs):
        raise ReportError(
            f"--report {wanted.report} would replace the log that is to be followed. Name another file, such as "
            "--report page.html. Nothing was run."
        )


def _watch(wanted: Asked, child: Child, heard: Heard | None, began: float, over: threading.Event) -> None:
    """Look and judge until it is over, and then once more; a mistake in it never reaches the command."""
    try:
        from etude.faces.follow_watch import Watcher  # what it takes to load this, the command does not wait for

        watcher = Watcher(wanted, child, heard, began)
        watcher.watch(over)
        watcher.conclude()
    except EtudeError as error:
        complain(f"etude: {error}")
    except Exception as error:  # noqa: BLE001 - nobody's training ends because étude has a mistake
        complain(f"etude: nothing is followed any more: {type(error).__name__}: {error}. The command goes on.")


def _named(command: Sequence[str]) -> str:
    """What a person would call a command: its script, or else its program.

    >>> _named(["python", "-u", "src/train.py", "--lr", "0.1"]), _named(["./train"])
    ('train.py', 'train')
    """
    scripts = [word for word in command if word.endswith((".py", ".sh", ".R", ".jl"))]
    return Path((scripts or command)[0]).name
