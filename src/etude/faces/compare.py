"""Two groups of logs from Python: the same comparison as the command line's, as an object that shows itself."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from etude.faces.compare_command import Asked, asking_of
from etude.faces.comparing import LogsCompared, compared, group_name, refuse_both, runs_of, two_groups
from etude.records.read import Reading
from etude.records.roles import Choices
from etude.values.effect import Effect, Verdict
from etude.values.errors import ComparisonError, ReportError
from etude.values.run import Run

if TYPE_CHECKING:
    from etude.studies.compare_logs import LogComparison


def compare(  # noqa: PLR0913 - the options of the command line
    *treated: "Run | str | Path | Iterable[Run | str | Path]",
    vs: "Run | str | Path | Iterable[Run | str | Path]" = (),
    by: str | None = None,
    control: str | None = None,
    metric: str | None = None,
    at: str | int = "last",
    pair: str | None = None,
    differs: Sequence[str] = (),
    as_a_whole: bool = False,
    same_unit: bool = False,
    smallest_effect: float | None = None,
    level: float = 0.95,
    higher_is_better: bool | None = None,
    train: str | None = None,
    validation: str | None = None,
    x: str | None = None,
) -> "Comparison":
    """Is the difference between two groups of runs real? The group after `vs` is the control.

    treated, vs:      runs as `read_runs` gives them, or paths of logs of any tool
    by, control:      instead of `vs`: the logged parameter that tells the groups apart, and the level of the control
    metric:           a series, or "validation" or "train"; None: what all runs are judged by on held-out data
    at:               "last", "best" or a step
    pair:             "seed", "order" or "none"; None: by seed where every run has one and both groups have the same
    differs:          parameters that are meant to differ
    as_a_whole:       whether groups that differ in several parameters are compared, with no cause named
    same_unit:        your word that the metric is in one unit in all runs
    smallest_effect:  the smallest difference worth acting on, in the metric's unit
    level:            one minus the error rate of all comparisons together
    higher_is_better, train, validation, x: of logs, as `read_runs` takes them

    >>> from etude import Run, curve
    >>> def run(name, score):
    ...     return Run(name, {"validation/score": curve("validation/score", [1, 2], [0.5, score])})
    >>> slow = [run(f"sgd_seed{i}", 0.80 + 0.001 * i) for i in range(6)]
    >>> fast = [run(f"adam_seed{i}", 0.82 + 0.0011 * i) for i in range(6)]
    >>> compare(fast, vs=slow).verdict
    'better'
    """
    refuse_both(by, has_control=not isinstance(vs, tuple) or bool(vs))
    options = Asked(
        (),
        by=by,
        control=control,
        metric=metric,
        at=str(at),
        pair=pair,
        differs=(differs,) if isinstance(differs, str) else tuple(differs),
        as_a_whole=as_a_whole,
        same_unit=same_unit,
        smallest_effect=smallest_effect,
        level=level,
        higher_is_better=higher_is_better,
    )
    asking = asking_of(options)
    choices = Choices(train, validation, x, higher_is_better if metric is None else None)
    name, reading = _reading(treated, choices, metric)
    if by is not None:
        from etude.studies.log_groups import split_by

        return Comparison(compared(split_by(reading.runs, by, control=control), asking, read_from=[reading]))
    named, held_against = _reading((vs,), choices, metric)
    sides = two_groups((named, held_against.runs), (name, reading.runs))
    return Comparison(compared(sides, asking, read_from=[held_against, reading]))


class Comparison(Sequence[Effect]):
    """Effects, in the order of the groups. Of a single one, its verdict and so on are at hand without an index."""

    def __init__(self, compared: LogsCompared) -> None:
        """Wrap what came of some logs."""
        self.compared = compared
        self._all = tuple(one.effect for one in compared.found.compared)

    @property
    def found(self) -> "LogComparison":
        """The groups, what each run scored, which runs are pairs, and what to keep in mind."""
        return self.compared.found

    @property
    def effect(self) -> Effect:
        """The one effect; a ComparisonError where there are several."""
        if len(self._all) != 1:
            raise ComparisonError(f"there are {len(self._all)} effects. Take one of them, such as found[0], or loop.")
        return self._all[0]

    @property
    def verdict(self) -> Verdict:
        """The only effect's verdict."""
        return self.effect.verdict

    def report(self, path: Path | str) -> Path:
        """Write one HTML page and return its path; a ReportError where a log that was compared is."""
        from etude.faces.compare_page import write_page

        if os.path.realpath(path) in self.compared.logs:
            raise ReportError(f"{path} is a log that was compared. Name another file. Nothing was written.")
        return write_page(self.compared, path)

    def json(self) -> str:
        """The object that `etude compare --json` prints."""
        from etude.faces.compare_json import compared_json

        return compared_json(self.compared)

    def __getitem__(self, i: int) -> Effect:  # type: ignore[override] # of a few effects nobody takes a slice
        return self._all[i]

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        """What the command line shows, without colours."""
        from etude.faces.compare_terminal import compared_text

        return compared_text(self.compared).rstrip()


def _reading(
    given: "Iterable[Run | str | Path | Iterable[Run | str | Path]]", choices: Choices, metric: str | None
) -> tuple[str, Reading]:
    """What the runs of a group are called, and they themselves, read where they are paths."""
    runs: list[Run] = []
    paths: list[str | Path] = []
    for one in _flat(given):
        if isinstance(one, Run):
            runs.append(one)
        else:
            paths.append(one)
    reading = runs_of(paths, choices, metric=metric) if paths else Reading((), (), 0)
    every = (*runs, *reading.runs)
    if not every:
        raise ComparisonError("a group has no run. Give runs, or paths of logs, for both groups. Nothing was compared.")
    return group_name(paths if not runs else [], every), Reading(every, reading.failed, reading.passed, reading.logs)


def _flat(given: "Iterable[Run | str | Path | Iterable[Run | str | Path]]") -> "Iterable[Run | str | Path]":
    for one in given:
        if isinstance(one, Run | str | Path):
            yield one
        else:
            yield from one
