"""Diagnoses from Python: the same as the command line's, as objects that show themselves."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from etude.values.errors import EtudeError, ReportError
from etude.values.finding import Diagnosis, Finding, NotRun, Verdict

if TYPE_CHECKING:
    from etude.faces.diagnosing import Examined
    from etude.values.run import Run


def diagnose(
    *what: "Run | str | Path | Iterable[Run] | Mapping[str, Sequence[Run]]",
    train: str | None = None,
    validation: str | None = None,
    x: str | None = None,
    higher_is_better: bool | None = None,
    replicates: str | None = None,
) -> "Diagnoses":
    """What is wrong with runs, with logs of any tool, or with a store of étude's; worst first.

    what:             a Run, several of them, arms by name as `result.runs` has them, or paths as of `read_runs`
    train, validation, x, higher_is_better: of logs, as `read_runs` takes them
    replicates:       which runs are replicates and judged together: "all", the name of a logged parameter that they
                      share, or a pattern of what their names differ in; étude's own arms are told apart without

    >>> import numpy as np
    >>> from etude import Run, curve
    >>> steps, loss = range(1, 61), 0.2 + np.exp(-np.arange(60) / 8)
    >>> falling = {f"{split}/objective": curve(f"{split}/objective", steps, loss) for split in ("train", "validation")}
    >>> diagnose(Run("flat at the end", falling)).source
    'flat at the end'
    """
    from etude.faces.diagnosing import examined, grouped
    from etude.faces.logs import read_runs

    arms: dict[str, Sequence[Run]] = {}
    runs: list[Run] = []
    paths: list[str | Path] = []
    for one in what:
        if isinstance(one, str | Path):
            paths.append(one)
        elif isinstance(one, Mapping):
            arms |= one
        else:
            runs += _runs(one)
    if paths:
        runs += read_runs(*paths, train=train, validation=validation, x=x, higher_is_better=higher_is_better)
    arms |= grouped(runs, replicates) if runs else {}
    if not arms:
        raise EtudeError("there is no run to diagnose. Give a Run, several of them, or the path of a log.")
    return Diagnoses(examined(arms))


def _runs(given: object) -> list["Run"]:
    """A run, or those in a collection of runs."""
    from etude.values.run import Run

    runs = []
    for one in given if isinstance(given, Iterable) else [given]:
        if not isinstance(one, Run):
            raise EtudeError(
                f"a {type(one).__name__} is no run. Give a Run, several of them, arms as result.runs has them, or "
                "paths of logs. Nothing was judged."
            )
        runs.append(one)
    return runs


class Diagnoses(Sequence[Diagnosis]):
    """Diagnoses, worst first. Of a single one, its verdict, findings and so on are at hand without an index."""

    def __init__(self, examined: "Examined") -> None:
        """Wrap what came of some runs."""
        self.examined = examined
        self._all = tuple(one.diagnosis for one in examined.judged)

    @property
    def only(self) -> Diagnosis:
        """The one diagnosis; an EtudeError where there are several."""
        if len(self._all) != 1:
            raise EtudeError(f"there are {len(self._all)} diagnoses. Take one of them, such as found[0], or loop.")
        return self._all[0]

    @property
    def source(self) -> str:
        """Of what the only diagnosis is."""
        return self.only.source

    @property
    def verdict(self) -> Verdict:
        """The only diagnosis' verdict."""
        return self.only.verdict

    @property
    def probability(self) -> float:
        """That a trial would confirm it."""
        return self.only.probability

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was seen, of all diagnoses."""
        return tuple(finding for diagnosis in self._all for finding in diagnosis.findings)

    @property
    def comparison(self) -> tuple[Finding | NotRun, ...]:
        """What shows only when runs are held against each other."""
        return self.examined.comparison

    def report(self, path: Path | str) -> Path:
        """Write one HTML page of all of them and return its path; a ReportError where a log of theirs is."""
        from etude.faces.diagnosis_page import write_page

        logs = {os.path.realpath(file) for one in self.examined.judged for run in one.runs for file in run.files}
        if os.path.realpath(path) in logs:
            raise ReportError(f"{path} is a log that was judged. Name another file for the page. Nothing was written.")
        return write_page(self.examined, path)

    def json(self) -> str:
        """The object that `etude diagnose --json` prints."""
        from etude.faces.diagnosis_json import examined_json

        return examined_json(self.examined)

    @overload
    def __getitem__(self, i: int) -> Diagnosis: ...

    @overload
    def __getitem__(self, i: slice) -> tuple[Diagnosis, ...]: ...

    def __getitem__(self, i: int | slice) -> Diagnosis | tuple[Diagnosis, ...]:
        return self._all[i]

    def __iter__(self) -> Iterator[Diagnosis]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        """What the command line shows, without colours."""
        from etude.faces.diagnosis_terminal import examined_text

        return examined_text(self.examined).rstrip()

    def _repr_html_(self) -> str:
        from etude.faces.diagnosis_page import fragment

        return fragment(self.examined)
