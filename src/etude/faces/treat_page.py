"""A treatment as one HTML file, told as a clinical chart: what it came to, why, what was tried, and how to use it."""

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etude.diagnosis.own_fields import ANYTHING
from etude.faces.pages import style_sheet, templates, whole_page, write_html
from etude.faces.treat_toml import recipe_toml
from etude.faces.treat_words import (
    averaging_text,
    cautions,
    changes_text,
    headline,
    kept_of,
    level_text,
    open_questions,
    score_text,
    shares_text,
    side_places,
    subline,
    value_text,
)
from etude.faces.treating import Record
from etude.figures import cost, distance, forecasts, learning_curves, predicted, rounds
from etude.figures.forest import ForestData, forest_data
from etude.figures.learning_curves import Panel
from etude.figures.numbers import listed, significant
from etude.figures.words import field_words
from etude.studies.changes import changes_of
from etude.values.effect import AND
from etude.values.finding import Finding
from etude.values.metric import METRICS
from etude.values.recipe import Recipe
from etude.values.treatment import TOGETHER, Outcome, Round, Treated, Tried

ROWS, FINDINGS = 5, 3
"""Trials of a round that are drawn, and findings that are not folded away."""

DRAWN_ROUNDS = 7
"""Rounds of the path whose trials are drawn; of further ones, and of those that led no further, the numbers alone."""

NAMED = 3
"""Treatments tried together that are named beside each setting they changed; more are named in their round alone."""

THIN, THIN_POINTS = 12, 40

VERDICT_RANK = {"confirmed": 0, "undecided": 1, "refuted": 2}


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A field that was changed: what it is called, both values, and the treatments that changed it."""

    field: str
    before: str
    after: str
    by: str


@dataclass(frozen=True, slots=True)
class MetricRow:
    """Both sides on one metric, as words."""

    label: str
    unit: str
    before: str
    after: str
    best: str
    removed: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, eq=False)
class RoundCard:
    """A round as the page shows it.

    because: what spoke for the treatment that was kept; empty where nothing could be weighed
    changes: of each treatment by its name, as words
    shown:   the trials that are drawn, the best first
    others:  the trials that are rows of a table
    """

    number: int
    round: Round
    score: str
    on_path: bool
    kept: Tried | None
    because: tuple[str, ...]
    changes: dict[str, str]
    findings: tuple[Finding, ...]
    more: tuple[Finding, ...]
    shown: tuple[ForestData, ...]
    others: tuple[Tried, ...]
    tried: tuple[Tried, ...]


def page_html(record: Record, *, command: str) -> str:
    """The whole page, without any script.

    command: what a reader types to make the same again
    """
    styles = ("figures.css", "report.css", "diagnosis.css", "treat.css")
    return whole_page("treat.html.jinja", styles, {"command": command, **_view(record)})


def write_page(record: Record, path: str | Path, *, command: str) -> Path:
    """Write the page to `path`, whole or not at all; folders that are missing are made. Returns the path."""
    state = "Every run is kept, so the same command writes it without training."
    return write_html(page_html(record, command=command), path, what="report", state=state)


def fragment(record: Record) -> str:
    """The verdict, what was changed and the chart over rounds, for a notebook's cell."""
    made = templates()
    style = style_sheet(made, "figures.css", "notebook.css", "diagnosis.css", "treat.css")
    return made.get_template("treat_cell.jinja").render(style=style, **_shared(record))


def _shared(record: Record) -> dict[str, Any]:
    """What the page and a notebook's cell have in common."""
    found = record.found
    limit = record.limits.get(found.metric.name)
    chart = rounds.rounds_data(found.rounds, found.path, found.metric, limit=limit, level=record.wanted.level)
    return {
        "headline": headline(record),
        "subline": subline(record),
        "cautions": cautions(record),
        "found": found,
        "distance": _distance(record),
        "changes": _changes(found),
        "chart": chart,
        "chart_heads": rounds.TABLE_HEADS,
        "chart_rows": rounds.table_rows(chart) if chart else (),
    }


def _view(record: Record) -> dict[str, Any]:
    found = record.found
    several = predicted.predictions(found.rounds)
    cards = tuple(_card(i, one, found) for i, one in enumerate(found.rounds, 1))
    every = [tried for one in found.rounds for tried in one.tried]
    return {
        **_shared(record),
        "record": record,
        "name": found.name,
        "metric_rows": _metric_rows(found),
        "averaging": averaging_text(record),
        "panels": _panels(record),
        "thin": (THIN, THIN_POINTS),
        "cards": cards,
        "forests": tuple(data for card in cards for data in card.shown),
        "tried": every,
        "counts": {bears: sum(one.bears == bears for one in every) for bears in VERDICT_RANK},
        **_forecasts(found),
        "borne": tuple(one for one in several if one.tried is not None),
        "unborne": tuple(one for one in several if one.tried is None),
        "foretold": predicted.predicted_data(found.rounds),
        "ruled_out": _ruled_out(found),
        "unknown": open_questions(found),
        "not_answered": _not_answered(record),
        "costs": cost.cost_data(found),
        "toml": _toml(found),
        "code": _code(record),
        "families": _families(found),
        "looks": tuple(sorted({look for of in found.rounds for look in of.looks})),
        "after": None if found.final is None else found.final.diagnosis,
        "facts": tuple((key, str(value)) for key, value in {**record.facts, **found.provenance}.items()),
    }


def _forecasts(found: Treated) -> dict[str, Any]:
    """Of treatments of which the bank tells how often they help, how many were to and how many did."""
    every = forecasts.forecasts(found.rounds)
    return {
        "forecasts": every,
        "forecasts_summary": forecasts.summary(every) if every else "",
        "forecast_heads": forecasts.TABLE_HEADS,
        "forecast_rows": forecasts.table_rows(forecasts.by_probability(found.rounds)),
    }


def _distance(record: Record) -> distance.DistanceData | None:
    final, metric = record.found.final, record.found.metric
    if final is None:
        return None
    return distance.distance_data(final.outcomes[metric.name], metric, limit=record.limits.get(metric.name))


def _reached(after: Round) -> str:
    """What led to a round's control; where it is many treatments together, which its round names, that round."""
    n = len(after.by.split(AND))
    return after.by if n <= NAMED or after.parent is None else f"{n} together, in round {after.parent + 1}"


def _changes(found: Treated) -> tuple[ChangeRow, ...]:
    path = [found.rounds[place] for place in found.path]
    scouted = max((at for at, one in enumerate(path) if _is_of_scouts(one, found)), default=1)
    steps = [path[0], *path[scouted:]]  # scouts build on the first control, and may take back what had been kept
    by: dict[str, list[str]] = {}
    for before, after in itertools.pairwise(steps):
        for change in changes_of(before.control, after.control):
            by.setdefault(change.field, []).append(_reached(after))
    return tuple(
        ChangeRow(
            field_words(one.field),
            value_text(one.field, one.before),
            value_text(one.field, one.after),
            listed(
                by.get(one.field)
                or sorted({name for field, of in by.items() for name in of if _within(field, one.field)})
            ),
        )
        for one in changes_of(found.before, found.setting)
    )


def _is_of_scouts(after: Round, found: Treated) -> bool:
    """Whether a round's control is what scouts found."""
    kept = None if after.parent is None else kept_of(found.rounds[after.parent])
    return kept is not None and kept.prescription.treatment == TOGETHER


def _within(field: str, whole: str) -> bool:
    return field.partition(".")[0] == whole.partition(".")[0]


def _metric_rows(found: Treated) -> tuple[MetricRow, ...]:
    if found.final is None:
        return ()
    return tuple(_metric_row(name, outcome, found) for name, outcome in found.final.outcomes.items())


def _metric_row(name: str, outcome: Outcome, found: Treated) -> MetricRow:
    metric = METRICS.get(name, found.metric)
    places = side_places(outcome)
    removed = "" if outcome.removed is None or not math.isfinite(outcome.removed.mean) else shares_text(outcome.removed)
    best = "" if outcome.best is None else significant(outcome.best)
    before, after = (level_text(side, places) for side in (outcome.before, outcome.after))
    return MetricRow(metric.label, metric.unit, before, after, best, removed, outcome)


def _panels(record: Record) -> tuple[Panel, ...]:
    """The courses of the primary metric before and after, on one scale; none where a run is one number."""
    final, metric = record.found.final, record.found.metric
    if final is None:
        return ()
    limit = record.limits.get(metric.name)
    arms = [
        learning_curves.learning_curves_data(
            name, runs, metric.name, splits=("train", learning_curves.held_out({name: runs}, metric.name)), limit=limit
        )
        for name, runs in (("Untreated", final.before), ("Treated", final.after))
    ]
    found = [arm for arm in arms if arm is not None and any(series.steps.size > 1 for series in arm.series)]
    return learning_curves.panels(found) if found else ()


def _card(number: int, one: Round, found: Treated) -> RoundCard:
    tried = tuple(sorted(one.tried, key=lambda each: _rank(each, one)))
    on_path = number - 1 in found.path
    is_drawn = on_path and found.path.index(number - 1) < DRAWN_ROUNDS
    effects = [each.effect for each in tried if each.effect is not None][: ROWS if is_drawn else 0]
    findings = FINDINGS if on_path else 1
    drawn = {effect.says for effect in effects}
    return RoundCard(
        number=number,
        round=one,
        score=score_text(one.scores) if one.scores else "",
        on_path=on_path,
        kept=kept_of(one),
        because=_because(kept_of(one)),
        changes={each.prescription.name: changes_text(one.control, each.prescription.setting) for each in tried},
        findings=one.diagnosis.findings[:findings],
        more=one.diagnosis.findings[findings:] if on_path else (),
        shown=forest_data(effects),
        others=tuple(each for each in tried if each.prescription.name not in drawn),
        tried=tried,
    )


def _because(kept: Tried | None) -> tuple[str, ...]:
    """The verdicts and symptoms; a treatment of the user's own is tried whatever they are."""
    return () if kept is None else tuple(why for why in kept.prescription.because if why != ANYTHING)


def _rank(one: Tried, round_: Round) -> tuple[bool, int, float]:
    """What was kept first, then what helped, what is undecided, what was ruled out; of each the best first."""
    if one.effect is None or not math.isfinite(one.effect.mean):
        return one.prescription.name != round_.kept, VERDICT_RANK[one.bears], math.inf
    sign = 1 if one.effect.lower_is_better else -1
    return one.prescription.name != round_.kept, VERDICT_RANK[one.bears], sign * one.effect.mean


def _ruled_out(found: Treated) -> tuple[tuple[int, Tried, str], ...]:
    """Treatments that the last round that tried them refuted: its number, the trial, the change in words."""
    last = {one.prescription.name: (number, of, one) for number, of in enumerate(found.rounds, 1) for one in of.tried}
    return tuple(
        (number, one, changes_text(of.control, one.prescription.setting))
        for number, of, one in last.values()
        if one.bears == "refuted"
    )


def _not_answered(record: Record) -> tuple[str, ...]:
    """Treatments that might have been tried and never were."""
    tried = {one.prescription.treatment for of in record.found.rounds for one in of.tried}
    return tuple(name for name in record.offered if name not in tried)


def _families(found: Treated) -> tuple[int, ...]:
    return tuple(sorted({one.effect.family for of in found.rounds for one in of.tried if one.effect is not None}))


def _toml(found: Treated) -> str:
    if not isinstance(found.setting, Recipe):
        return ""
    return recipe_toml(found.setting, was={one.field: one.before for one in changes_of(found.before, found.setting)})


def _code(record: Record) -> str:
    from etude.faces.treat_code import code_of

    setting = record.found.setting
    return code_of(setting, name=record.found.name) if isinstance(setting, Recipe) else ""
