"""Diagnoses as one HTML file, worst first, and as a piece of HTML for a notebook."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etude.diagnosis.case import case_of
from etude.diagnosis.levels import levels
from etude.faces.diagnosing import Examined, Judged, by_reason
from etude.faces.pages import style_sheet, templates, whole_page, write_html
from etude.figures.diagnosed_data import DiagnosedData, diagnosed_data, plainer
from etude.figures.verdicts import LOOKS
from etude.values.finding import Diagnosis, Finding, NotRun, Verdict

CARDS = 200
"""Runs that are shown in full; of more, the others are rows of the table alone."""

FINEST, COARSEST, MOST_POINTS = 160, 48, 9_600
"""Points of one line: the most, the fewest, and of all cards together."""

MOST_THIN = 24
"""Replicates of a group that are drawn one by one."""

OPEN, WHOLE = 12, 20
"""Cards beyond these are folded, and beyond those told in brief."""

IN_CELL = 5
"""Cards in a notebook's cell."""

OTHERS = 0.04
"""A verdict less probable than this is not named beside the one that was given."""


@dataclass(frozen=True, slots=True)
class Card:
    """One diagnosis as the page shows it.

    brief:   whether it is told in brief
    others:  the next probable verdicts
    unknown: why checks could not run, each with those that it stopped; none where the page says it once for all
    """

    number: int
    brief: bool
    diagnosis: Diagnosis
    picture: DiagnosedData | None
    others: tuple[tuple[Verdict, float], ...]
    unknown: tuple[tuple[str, tuple[str, ...]], ...]


def page_html(examined: Examined) -> str:
    """The whole page, without any script."""
    return whole_page("diagnosis.html.jinja", ("figures.css", "report.css", "diagnosis.css"), _view(examined))


def write_page(examined: Examined, path: str | Path) -> Path:
    """Write the page to `path`, whole or not at all; folders that are missing are made. Returns the path."""
    state = "Nothing was lost: the logs are as they were."
    return write_html(page_html(examined), path, what="page", state=state)


def fragment(examined: Examined) -> str:
    """The worst of the same cards for a notebook's cell, without a page around them."""
    made = templates()
    style = style_sheet(made, "figures.css", "notebook.css", "diagnosis.css")
    return made.get_template("diagnosis_cell.jinja").render(style=style, in_cell=IN_CELL, **_view(examined))


def _view(examined: Examined) -> dict[str, Any]:
    judged = examined.judged
    shared = _shared(judged)
    cards = tuple(_card(i, one, shared=bool(shared)) for i, one in enumerate(judged[:CARDS], 1))
    counts = Counter(one.diagnosis.verdict for one in judged)
    lines = max(1, 2 * len(cards))
    return {
        "cards": cards,
        "rows": tuple(one.diagnosis for one in judged),
        "runs": sum(one.diagnosis.runs for one in judged),
        "tally": tuple((verdict, counts[verdict]) for verdict in LOOKS if counts[verdict]),
        "across": tuple(one for one in examined.comparison if isinstance(one, Finding)),
        "across_unknown": _reasons([one for one in examined.comparison if isinstance(one, NotRun)]),
        "failed": examined.failed,
        "passed": examined.passed,
        "shared": shared,
        "points": max(COARSEST, min(FINEST, MOST_POINTS // lines)),
        "thin": MOST_THIN,
        "opened": OPEN,
    }


def _shared(judged: Sequence[Judged]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Why checks could not run, where it is the same for all of several runs; else nothing."""
    told = {one.diagnosis.not_run for one in judged}
    return _reasons(judged[0].diagnosis.not_run) if len(judged) > 1 and len(told) == 1 else ()


def _card(number: int, one: Judged, *, shared: bool) -> Card:
    diagnosis = one.diagnosis
    others = sorted(
        (
            (verdict, p)
            for verdict, p in diagnosis.probabilities.items()
            if verdict != diagnosis.verdict and p >= OTHERS
        ),
        key=lambda pair: -pair[1],
    )
    runs = [case_of(run).run for run in one.runs]  # with numbers that no axis could hold made infinite
    drawn = diagnosed_data(diagnosis, runs, levels=levels(runs[0])) if runs else None
    return Card(
        number=number,
        brief=number > WHOLE,
        diagnosis=diagnosis,
        picture=plainer(drawn) if drawn and number > WHOLE else drawn,
        others=tuple(others[:3]),
        unknown=() if shared else _reasons(diagnosis.not_run),
    )


def _reasons(not_run: Sequence[NotRun]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((because, tuple(checks)) for because, checks in by_reason(not_run))
