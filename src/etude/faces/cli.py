"""The command line: an error the user can fix is one paragraph, every ending has its exit code."""

import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

from etude.values.errors import EngineError, EtudeError, InterruptedStudy

TRAINS = ("torch", "loky")
"""Packages without which étude reads and judges, but does not train."""


def main() -> NoReturn:
    """Run the command line; an error the user can fix is one paragraph on standard error and an exit code."""
    signal.signal(signal.SIGTERM, _stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without our characters still gets the words
    code = 0
    try:
        code = _run(sys.argv[1:])
        _flush()
    except EtudeError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:  # whoever read our output has seen enough
        _mute()
    except OSError as error:
        if error.filename is not None:  # of a file, so no failure to write on standard output
            raise
        _mute()
        _say(f"standard output cannot be written: {error.strerror}. Everything else was done.")
        sys.exit(EtudeError.exit_code)
    except KeyboardInterrupt:
        sys.exit(_stopped())
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int:
    """Do what the arguments say; plain ones of three commands without the library that explains options."""
    if arguments[:1] == ["diagnose"]:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # it multiplies no matrices, and threads cost time to start
        from etude.faces.diagnose_command import asked, diagnose_paths

        wanted = asked(arguments[1:])
        if wanted is not None:
            return diagnose_paths(wanted)
    if arguments[:1] == ["compare"]:
        from etude.faces.compare_command import asked as held_against
        from etude.faces.compare_command import compare_paths

        groups = held_against(arguments[1:])
        if groups is not None:
            return compare_paths(groups)
    if arguments[:1] == ["watch"]:
        from etude.faces.follow import asked as watched
        from etude.faces.follow import follow

        followed = watched(arguments[1:])
        if followed is not None:
            return follow(followed)
    return _run_app()


def _run_app() -> int:
    from etude.faces.commands import app

    try:
        app()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except ModuleNotFoundError as error:
        if error.name not in TRAINS:
            raise
        raise EngineError(
            f"étude trains with PyTorch, and {error.name} is not installed here. Run: pip install 'etude[torch]'. "
            "Nothing was run."
        ) from error
    return 0


def _flush() -> None:
    if sys.stdout is not None:  # it is None where it was closed before we began
        sys.stdout.flush()


def _mute() -> None:
    """Send what is still to be written on standard output nowhere, since it cannot be written there."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stopped() -> int:
    """What is said where Ctrl-C came before the command could answer it; returns the exit code."""
    if sys.argv[1:2] == ["diagnose"]:
        from etude.faces.diagnose_command import say_stopped

        return say_stopped()
    if sys.argv[1:2] == ["compare"]:
        from etude.faces.compare_command import say_stopped as say_compare_stopped

        return say_compare_stopped()
    _say("stopped before anything ran.")
    return InterruptedStudy.exit_code


def _say(told: str) -> None:
    from etude.faces.plain import complain

    complain(f"etude: {told}")


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt
