"""The command `compare`: its options, read without the library that explains them, and what it does."""

import getopt
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args

from etude.values.errors import ComparisonError, ReportError

if TYPE_CHECKING:
    from etude.faces.comparing import LogsCompared
    from etude.studies.compare_logs import Asking
    from etude.studies.log_groups import How
    from etude.studies.log_metric import At

FINE, STOPPED = 0, 130

MANY = ("vs", "differs")
"""Options that take every word up to the next option."""

VALUED = (
    *("by", "control", "metric", "at", "pair", "smallest-effect", "level"),
    *("train", "validation", "x", "report"),
)
MOMENTS: "Mapping[str, At]" = MappingProxyType({"last": "last", "best": "best"})
FLAGS = ("as-a-whole", "same-unit", "higher-is-better", "lower-is-better", "json", "quiet")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks for; the fields are the options of the command, which say what they mean."""

    paths: tuple[str, ...]
    vs: tuple[str, ...] = ()
    by: str | None = None
    control: str | None = None
    metric: str | None = None
    at: str = "last"
    pair: str | None = None
    differs: tuple[str, ...] = ()
    as_a_whole: bool = False
    same_unit: bool = False
    smallest_effect: float | None = None
    level: float = 0.95
    higher_is_better: bool | None = None
    train: str | None = None
    validation: str | None = None
    x: str | None = None
    report: Path | None = None
    as_json: bool = False
    quiet: bool = False


def spread(arguments: Sequence[str], many: Sequence[str] = MANY) -> list[str]:
    """The arguments with `--vs a b` as `--vs a --vs b`, as libraries want options that take several words.

    >>> spread(["a", "--vs", "b", "c", "--at", "best"])
    ['a', '--vs=b', '--vs=c', '--at', 'best']
    """
    plain: list[str] = []
    open_: str | None = None
    for word in arguments:
        name, given, value = word.partition("=")
        if word == "-" or not word.startswith("-"):
            plain.append(word if open_ is None else f"{open_}={word}")
            continue
        open_ = name if name in [f"--{one}" for one in many] else None
        if open_ is None:
            plain.append(word)
        elif given:
            plain.append(f"{open_}={value}")
    return plain


def asked(arguments: Sequence[str]) -> Asked | None:
    """What plain arguments ask for; None where anything is unusual, which is left to the command line proper.

    >>> asked(["a", "--vs", "b", "c"]).vs, asked(["--help"])
    (('b', 'c'), None)
    """
    try:
        options, paths = getopt.gnu_getopt(spread(arguments), "q", [*(f"{name}=" for name in (*MANY, *VALUED)), *FLAGS])
    except getopt.GetoptError:
        return None
    given = {name.removeprefix("--"): value for name, value in options}
    try:
        numbers = {name: float(given[name]) for name in ("smallest-effect", "level") if name in given}
    except ValueError:
        return None
    if not paths or {"higher-is-better", "lower-is-better"} <= given.keys():
        return None
    several = {many: tuple(value for name, value in options if name == f"--{many}") for many in MANY}
    return Asked(
        paths=tuple(paths),
        vs=several["vs"],
        by=given.get("by"),
        control=given.get("control"),
        metric=given.get("metric"),
        at=given.get("at", "last"),
        pair=given.get("pair"),
        differs=several["differs"],
        as_a_whole="as-a-whole" in given,
        same_unit="same-unit" in given,
        smallest_effect=numbers.get("smallest-effect"),
        level=numbers.get("level", 0.95),
        higher_is_better=True if "higher-is-better" in given else False if "lower-is-better" in given else None,
        train=given.get("train"),
        validation=given.get("validation"),
        x=given.get("x"),
        report=Path(given["report"]) if "report" in given else None,
        as_json="json" in given,
        quiet="quiet" in given or "-q" in given,
    )


def compare_paths(wanted: Asked) -> int:
    """Read, compare, write and show; returns the exit code."""
    try:
        return _done(wanted)
    except KeyboardInterrupt:
        return say_stopped()


def say_stopped() -> int:
    """What is said of a comparison that was stopped; returns the exit code."""
    from etude.faces.plain import complain

    complain("etude: stopped. The logs are as they were; a page that was asked for is there whole or not at all.")
    return STOPPED


def moment(at: str | int) -> "At":
    """The step that is asked for: "last", "best", or a number.

    >>> moment("best"), moment("1,000")
    ('best', 1000)
    """
    if str(at) in MOMENTS:
        return MOMENTS[str(at)]
    try:
        step = int(str(at).replace(",", ""))
    except ValueError:
        step = -1
    if step < 0:
        raise ComparisonError(f"--at {at}: it is last, best, or a step, such as 1000. Nothing was read.")
    return step


def how_paired(pair: str | None) -> "How | None":
    """The way of pairing that is asked for."""
    from etude.studies.log_groups import How

    found = next((how for how in get_args(How) if how == pair), None)
    if pair is not None and found is None:
        raise ComparisonError(f"--pair {pair}: it is one of {', '.join(get_args(How))}. Nothing was read.")
    return found


def asking_of(wanted: Asked) -> "Asking":
    """What is asked of the groups."""
    from etude.studies.compare_logs import Asking
    from etude.studies.log_metric import Wanted

    return Asking(
        wanted=Wanted(wanted.metric, wanted.smallest_effect, wanted.higher_is_better, wanted.same_unit),
        at=moment(wanted.at),
        pair=how_paired(wanted.pair),
        by=wanted.by or "",
        control=wanted.control or "",
        differs=wanted.differs,
        as_a_whole=wanted.as_a_whole,
        level=wanted.level,
    )


def compared_paths(wanted: Asked) -> "LogsCompared":
    """The comparison of the logs at these paths."""
    from etude.faces.comparing import compared, group_name, refuse_both, runs_of, two_groups
    from etude.records.roles import Choices
    from etude.studies.log_groups import split_by

    refuse_both(wanted.by, has_control=bool(wanted.vs))
    asking = asking_of(wanted)
    higher = wanted.higher_is_better if wanted.metric is None else None
    choices = Choices(wanted.train, wanted.validation, wanted.x, higher)
    treated = runs_of(wanted.paths, choices, metric=wanted.metric)
    if wanted.by is not None:
        groups = split_by(treated.runs, wanted.by, control=wanted.control)
        return compared(groups, asking, read_from=[treated])
    if wanted.control is not None:
        raise ComparisonError(
            f"--control {wanted.control} names a level, and goes with --by. With --vs the control is what follows it."
        )
    control = runs_of(wanted.vs, choices, metric=wanted.metric)
    sides = two_groups(
        (group_name(wanted.vs, control.runs), control.runs), (group_name(wanted.paths, treated.runs), treated.runs)
    )
    return compared(sides, asking, read_from=[control, treated])


def _done(wanted: Asked) -> int:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if str(wanted.report) == "-":
        raise ReportError(
            "--report - names no file, and standard output is for the text or --json. Name a file, such as --report "
            "page.html. Nothing was read or written."
        )
    found = compared_paths(wanted)
    if wanted.report is not None:
        _write_report(found, wanted.report)
    _show(found, wanted)
    return FINE


def _write_report(found: "LogsCompared", report: Path) -> None:
    from etude.faces.compare_page import write_page

    if os.path.realpath(report) in found.logs:
        raise ReportError(
            f"--report {report} would replace a log that is compared. Name another file. Nothing was written."
        )
    write_page(found, report)


def _show(found: "LogsCompared", wanted: Asked) -> None:
    from etude.faces.plain import complain, is_coloured, tell, width

    if wanted.quiet or wanted.as_json:  # else the text lists them
        for error in found.failed:
            complain(f"etude: not read: {error}")
    if wanted.as_json:
        from etude.faces.compare_json import compared_json

        tell(compared_json(found) + "\n")
    elif not wanted.quiet:
        from etude.faces.compare_terminal import compared_text

        tell(compared_text(found, coloured=is_coloured(sys.stdout), wide=width()))
    if wanted.report is not None and not wanted.quiet:
        complain(f"report: {wanted.report}")
