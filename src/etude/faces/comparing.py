"""From paths, or runs, to a comparison: which runs are of which group, and what could not be read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from etude.records.read import Reading, read
from etude.records.roles import Choices
from etude.values.errors import ComparisonError, LogError

if TYPE_CHECKING:
    from etude.studies.compare_logs import Asking, LogComparison
    from etude.studies.log_groups import Group
    from etude.values.run import Run

MOST_NAMED = 20


@dataclass(frozen=True, slots=True, eq=False)
class LogsCompared:
    """What came of some logs.

    found:  the comparison
    failed: of each log that could not be read, why
    passed: files that are no logs
    logs:   real paths of what was read
    """

    found: "LogComparison"
    failed: tuple[LogError, ...] = ()
    passed: int = 0
    logs: frozenset[str] = frozenset()


def compared(groups: "Sequence[Group]", asking: "Asking", *, read_from: Sequence[Reading] = ()) -> LogsCompared:
    """The comparison of groups, with what the reading of their logs came to."""
    from etude.studies.compare_logs import compare_logs

    return LogsCompared(
        compare_logs(groups, asking),
        tuple(error for reading in read_from for error in reading.failed),
        sum(reading.passed for reading in read_from),
        frozenset().union(*(reading.logs for reading in read_from)),
    )


def runs_of(paths: Sequence[str | Path], choices: Choices, *, metric: str | None) -> Reading:
    """The runs in logs; a LogError where there is none. A series that is asked for may be all that a log has."""
    reading = read(paths, choices)
    if reading.failed and metric is not None and choices.validation is None:
        again = read(paths, Choices(choices.train, metric, choices.x, choices.higher_is_better))
        reading = again if len(again.failed) < len(reading.failed) else reading
    if not reading.runs:
        if len(reading.failed) == 1:
            raise reading.failed[0]
        told = "\n".join(f"  {error}" for error in reading.failed[:MOST_NAMED])
        named = ", ".join(map(str, paths))
        raise LogError(
            f"none of {len(reading.failed):,} logs could be read:\n{told}"
            if reading.failed
            else f"{named}: no log among {reading.passed:,} files. Nothing was read."
        )
    return reading


def two_groups(control: tuple[str, Sequence["Run"]], treated: tuple[str, Sequence["Run"]]) -> "tuple[Group, Group]":
    """The control and the treated group; alike names are told apart."""
    from etude.studies.log_groups import Group

    names = [control[0], treated[0]]
    if names[0] == names[1]:
        names = [f"{names[0]} (control)", f"{names[1]} (treated)"]
    return Group(names[0], tuple(control[1])), Group(names[1], tuple(treated[1]))


def group_name(paths: Sequence[str | Path], runs: Sequence["Run"]) -> str:
    """What the runs have in common: their one path, or part of their names; else the first, and how many more.

    >>> from etude.values.run import Run
    >>> group_name(["a", "b"], [Run("adam_seed1", {}), Run("adam_seed2", {})])
    'adam'
    """
    if len(paths) == 1 and "*" not in str(paths[0]):
        return Path(paths[0]).stem or str(paths[0])
    names = [run.name for run in runs]
    if len(names) == 1:
        return names[0]
    backwards = [PARTS.findall(name)[::-1] for name in names]
    shared = _beginning([PARTS.findall(name) for name in names]) or _beginning(backwards)[::-1]
    return "".join(shared) or f"{names[0]} and {len(names) - 1} more"


PARTS = re.compile(r"[ ._/=-]+|\d+|[^ ._/=\d-]+")
"""A name as separators, numbers and words."""

SEED = ("seed", "s", "run", "rep", "replicate")
"""Words before a number that only counts."""


def _beginning(names: Sequence[Sequence[str]]) -> list[str]:
    """The parts that all names begin with, but for separators at either end and the word for a count at the last."""
    same = [parts[0] for parts in takewhile(lambda of: len(set(of)) == 1, zip(*names, strict=False))]
    while same and (_separates(same[-1]) or same[-1].lower() in SEED):
        same.pop()
    return same if any(part.strip("0123456789") for part in same) else []


def _separates(part: str) -> bool:
    return not part.strip(" ._/=-")


def refuse_both(by: str | None, *, has_control: bool) -> None:
    """A ComparisonError where groups are given in two ways, or in none."""
    if (by is None) == has_control:
        return
    problem = "both --vs and --by" if has_control else "neither --vs nor --by"
    raise ComparisonError(
        f"{problem}: which runs are of which group? Name the control group after --vs (etude compare TREATED… --vs "
        "CONTROL…), or the logged parameter that tells the groups apart (--by optimizer). Nothing was read."
    )
