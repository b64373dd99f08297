"""The command `diagnose`: its options, read without the library that explains them, and what it does."""

import getopt
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

if TYPE_CHECKING:
    from etude.faces.diagnosing import Examined

from etude.values.errors import LogError, ReportError
from etude.values.finding import Severity

FINE, FOUND, STOPPED = 0, 1, 130
"""Exit codes; others are those of errors. 130 is what a shell shows for a command that Ctrl-C ended."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks for; the fields are the options of the command, which say what they mean."""

    paths: tuple[str, ...]
    train: str | None = None
    validation: str | None = None
    x: str | None = None
    higher_is_better: bool | None = None
    replicates: str | None = None
    fail_on: Severity | None = None
    sarif: Path | None = None
    report: Path | None = None
    as_json: bool = False
    quiet: bool = False


VALUED = ("train", "validation", "x", "replicates", "fail-on", "sarif", "report")
FLAGS = ("higher-is-better", "lower-is-better", "json", "quiet")


def asked(arguments: Sequence[str]) -> Asked | None:
    """What plain arguments ask for; None where anything is unusual, which is left to the command line proper.

    It exists for speed: the command line proper takes longer to load than a log takes to read and judge.

    >>> asked(["a.csv", "--train", "seen"]).train, asked(["--help"])
    ('seen', None)
    """
    try:
        options, paths = getopt.gnu_getopt(list(arguments), "q", [*(f"{name}=" for name in VALUED), *FLAGS])
    except getopt.GetoptError:
        return None
    given = {name.removeprefix("--"): value for name, value in options}
    severity = next((one for one in get_args(Severity) if one == given.get("fail-on")), None)
    if (
        not paths
        or ("fail-on" in given and severity is None)
        or {"higher-is-better", "lower-is-better"} <= given.keys()
    ):
        return None
    return Asked(
        paths=tuple(paths),
        train=given.get("train"),
        validation=given.get("validation"),
        x=given.get("x"),
        higher_is_better=_higher(given),
        replicates=given.get("replicates"),
        fail_on=severity,
        sarif=_path(given.get("sarif")),
        report=_path(given.get("report")),
        as_json="json" in given,
        quiet="quiet" in given or "-q" in given,
    )


def _higher(given: dict[str, str]) -> bool | None:
    if "higher-is-better" in given:
        return True
    return False if "lower-is-better" in given else None


def _path(given: str | None) -> Path | None:
    return None if given is None else Path(given)


def diagnose_paths(wanted: Asked) -> int:
    """Read, judge, write and show; returns the exit code."""
    try:
        return _done(wanted)
    except KeyboardInterrupt:
        return say_stopped()


def say_stopped() -> int:
    """What is said of a diagnosis that was stopped; returns the exit code."""
    from etude.faces.plain import complain

    complain("etude: stopped. The logs are as they were; a file that was asked for is there whole or not at all.")
    return STOPPED


def _done(wanted: Asked) -> int:
    _refuse_names(wanted)
    examined = _examined(wanted)
    _write_files(examined, wanted)
    _show(examined, wanted)
    return FOUND if examined.fails_on(wanted.fail_on) else FINE


def _show(examined: "Examined", wanted: Asked) -> None:
    from etude.faces.plain import complain, is_coloured, tell, width

    if wanted.as_json:
        from etude.faces.diagnosis_json import examined_json

        tell(examined_json(examined) + "\n")
    elif not wanted.quiet:
        from etude.faces.diagnosis_terminal import examined_text

        tell(examined_text(examined, coloured=is_coloured(sys.stdout), wide=width()))
    if wanted.report is not None and not wanted.quiet:
        complain(f"report: {wanted.report}")


def _refuse_names(wanted: Asked) -> None:
    """A ReportError where what is to be written has no name of its own."""
    for option, file in _outputs(wanted):
        if str(file) == "-":
            raise ReportError(
                f"{option} - names no file, and standard output is for the text or --json. Name a file, such as "
                f"{option} {'page.html' if option == '--report' else 'found.sarif'}. Nothing was read or written."
            )
    real = [os.path.realpath(file) for _, file in _outputs(wanted)]
    if len(set(real)) < len(real):
        raise ReportError(
            f"--report and --sarif both name {wanted.report}, and one would replace the other. Name two files. "
            "Nothing was read or written."
        )


def _refuse_logs(wanted: Asked, logs: frozenset[str]) -> None:
    """A ReportError where what is to be written would replace what was read."""
    for option, file in _outputs(wanted):
        if os.path.realpath(file) in logs:
            raise ReportError(
                f"{option} {file} would replace a log that is to be judged. Name another file. Nothing was written."
            )


def _outputs(wanted: Asked) -> list[tuple[str, Path]]:
    named = (("--report", wanted.report), ("--sarif", wanted.sarif))
    return [(option, file) for option, file in named if file is not None]


def _examined(wanted: Asked) -> "Examined":
    from etude.faces.diagnosing import examined, grouped
    from etude.faces.plain import complain
    from etude.records.read import read
    from etude.records.roles import Choices

    reading = read(wanted.paths, Choices(wanted.train, wanted.validation, wanted.x, wanted.higher_is_better))
    _refuse_logs(wanted, reading.logs)
    if not reading.runs:
        if reading.failed:
            raise reading.failed[0] if len(reading.failed) == 1 else _none(reading.failed)
        raise LogError(f"{', '.join(wanted.paths)}: no log among {reading.passed:,} files. Nothing was read.")
    if wanted.quiet or wanted.as_json:  # else the text lists them
        for error in reading.failed:
            complain(f"etude: not read: {error}")
    arms = grouped(reading.runs, wanted.replicates)
    return examined(arms, failed=reading.failed, passed=reading.passed)


def _none(failed: Sequence[LogError]) -> LogError:
    told = "\n".join(f"  {error}" for error in failed[:20])
    more = f"\n  and {len(failed) - 20:,} more" if len(failed) > 20 else ""
    return LogError(f"none of {len(failed):,} logs could be read or judged:\n{told}{more}")


def _write_files(examined: "Examined", wanted: Asked) -> None:
    if wanted.sarif is not None:
        from etude.faces.sarif import write_sarif

        write_sarif(examined, wanted.sarif)
    if wanted.report is not None:
        from etude.faces.diagnosis_page import write_page

        write_page(examined, wanted.report)
