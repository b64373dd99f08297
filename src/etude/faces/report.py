"""The report: what a study found, as one HTML file that needs nothing else, not even a network."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from etude.faces.factorial import factorial_of, horizon_of, interactions, is_found, main_effects
from etude.faces.pages import whole_page, write_html
from etude.faces.pictured import SHOWN_ATTENDED, SHOWN_MISTAKEN, attentions_of, examples_of, mistaken_of
from etude.figures import (
    decision,
    forest,
    glance,
    learning_curves,
    network,
    scores,
    summary,
    variance,
)
from etude.figures.forest import ForestData
from etude.figures.learning_curves import LearningCurvesData, Panel
from etude.figures.numbers import significant
from etude.figures.verdicts import rank
from etude.figures.words import field_words, level_words, metric_words
from etude.studies.design import FEW_ARMS, level_text, resolve, told_arms
from etude.values.claim import OBJECTIVE, Bound, Contrast, Judgement
from etude.values.effect import Effect
from etude.values.finding import Diagnosis
from etude.values.metric import Split
from etude.values.recipe import field_value
from etude.values.run import PICTURED, Run
from etude.values.study import StudyResult

SHOWN, MOST_GLANCES = 6, 12
"""Small multiples beyond these are folded away, and lines of the table at the top left out."""

FINEST, MOST_POINTS = 72, 18_000
"""Points of one thin curve of the primary metric, and of all of them together: 4.5 bytes each."""

FINEST_OBJECTIVE, MOST_POINTS_OBJECTIVE = 28, 6_000
"""The same of what was minimised. Of the other metrics every replicate's final score is shown instead."""

COARSEST, FEWEST = 28, 8
"""A thin curve of fewer points would mislead, so fewer replicates are drawn; below so many, none."""

LISTED_RUNS = 256

Bars = tuple[variance.VarianceBar, ...]


@dataclass(frozen=True, slots=True)
class ArmRow:
    """An arm as a row of what it sets: each field's level in words, and whether it differs from the base recipe.

    scored: mean and standard deviation of the primary metric over the replicates that finished, as words
    took:   parameters of its network, and mean seconds of a training
    """

    label: str
    levels: tuple[tuple[str, bool], ...]
    scored: tuple[str, str]
    took: tuple[str, str]


@dataclass(frozen=True, slots=True)
class ClaimCard:
    """A claim as the page shows it."""

    number: int
    judgement: Judgement
    bounds: tuple[Bound, ...]
    stated: tuple[ForestData, ...]
    instead: tuple[ForestData, ...]


@dataclass(frozen=True, slots=True)
class CurvesSection:
    """One quantity of every arm; `thin` replicates of it, which may be none, are drawn as lines of `thin_points`."""

    quantity: str
    title: str
    unit: str
    held_out: Split
    panels: tuple[Panel, ...]
    thin: int
    thin_points: int


def report_html(result: StudyResult, *, command: str, trained: Sequence[Diagnosis] = ()) -> str:
    """The whole report as one page.

    The page states what it allows itself: no script at all, the one style sheet inside it, and pictures inside it.
    command: what a reader types to make the same study again
    trained: how each arm trained, in the order of the arms
    """
    styles = ("figures.css", "report.css", "diagnosis.css")
    view = {"command": command, "trained": _trained(trained), **_view(result)}
    return whole_page("report.html.jinja", styles, view)


def write_report(result: StudyResult, path: str | Path, *, command: str, trained: Sequence[Diagnosis] = ()) -> Path:
    """Write the report to `path`, whole or not at all; folders that are missing are made. Returns the path.

    An older report there stays as it was until the new one is complete on disk.
    """
    page = report_html(result, command=command, trained=trained)
    state = "Every run of the study is kept, so the report can be made again without training."
    return write_html(page, path, what="report", state=state)


def _trained(diagnoses: Sequence[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Worst first; of arms alike as the study has them."""
    return tuple(sorted(diagnoses, key=lambda one: rank(one.verdict)))


BOUNDS: Mapping[str, float] = MappingProxyType(
    {
        "shown": SHOWN,
        "shown_attended": SHOWN_ATTENDED,
        "shown_mistaken": SHOWN_MISTAKEN,
        "few_arms": FEW_ARMS,
        "small_share": variance.SMALL,
    }
)
"""By what the template decides what is folded away."""


def _view(result: StudyResult) -> dict[str, Any]:
    """Everything the page shows, computed; the template only places it."""
    metrics = scores.metrics_of(result)
    split: Split = learning_curves.held_out(result.runs, metrics[0]) if metrics else "validation"
    told = replace(result, arms=told_arms(result.plan, result.arms))
    tables = tuple(data for metric in metrics if (data := scores.scores_data(told, metric)))
    counts = summary.summary_data(result)
    return {
        "plan": result.plan,
        "title": result.plan.title or result.plan.name,
        "held_out": split,
        "counts": counts,
        "glances": _glances(result),
        "notes": tuple(dict.fromkeys(result.notes)),
        "claims": tuple(_card(i, judgement) for i, judgement in enumerate(result.judgements, 1)),
        "claim_family": max((e.family for j in result.judgements for e in (*j.stated, *j.instead)), default=0),
        "families": forest.forest_data(main_effects(result)),
        "together": _together(result),
        "factorial": factorial_of(result),
        "horizon": horizon_of(result),
        "variance": _by_metric(result),
        "scores": tables,
        "with_bayes": any(name == "Bayes limit" for data in tables for row in data.rows for name, _ in row.limits),
        "curves": _curves(told, metrics),
        "decisions": tuple(
            plane for arm in told.arms if (plane := decision.decision_data(arm.label, result.runs[arm.label]))
        ),
        "networks": _networks(told, metrics),
        "attentions": attentions_of(told),
        "examples": examples_of(told),
        "mistaken": mistaken_of(told),
        "facts": tuple((key, str(value)) for key, value in result.provenance.items()),
        "run_facts": summary.run_facts(run for runs in result.runs.values() for run in runs),
        "recipe": summary.recipe_fields(result.plan.base),
        "arm_fields": tuple(field_words(path) for path in (result.arms[0].levels if result.arms else ())),
        "arm_rows": _arm_rows(result, metrics),
        "told": len(told.arms),
        "listed_arms": told.arms[: LISTED_RUNS // max(1, min(counts.replicates, PICTURED))],
        "runs_of": {arm.label: result.runs[arm.label][:PICTURED] for arm in told.arms},
        **BOUNDS,
    }


def _glances(result: StudyResult) -> tuple[glance.Glance, ...]:
    """The claims or, where there are none, the effects on the primary metric."""
    if not result.judgements:
        primary = [effect for effect in main_effects(result) if effect.metric == result.effects[0].metric]
        return tuple(map(glance.glance_at_effect, primary[:MOST_GLANCES]))
    return tuple(
        glance.glance_at_claim(place, judgement, [_best_possible(result, bound) for bound in _bounds(judgement)])
        for place, judgement in enumerate(result.judgements[:MOST_GLANCES], 1)
    )


def _bounds(judgement: Judgement) -> tuple[Bound, ...]:
    return tuple(part for part in judgement.claim.stated if isinstance(part, Bound))


def _best_possible(result: StudyResult, bound: Bound) -> float | None:
    recipe = resolve(result.plan, bound.settings)
    labels = [arm.label for arm in result.arms if arm.recipe == recipe]
    limit = result.limits.get(labels[0], {}).get(bound.metric) if labels else None
    return limit.bayes if limit else None


def _arm_rows(result: StudyResult, metrics: Sequence[str]) -> tuple[ArmRow, ...]:
    def level(path: str, value: object) -> tuple[str, bool]:
        return level_words(path, level_text(value)), value != field_value(result.plan.base, path)

    scored = scores.means_and_deviations(result, metrics[0]) if metrics else (("–", "–"),) * len(result.arms)
    return tuple(
        ArmRow(
            arm.label,
            tuple(level(path, value) for path, value in arm.levels.items()),
            found,
            _took(result.runs[arm.label]),
        )
        for arm, found in zip(result.arms, scored, strict=True)
    )


def _took(runs: Sequence[Run]) -> tuple[str, str]:
    seconds = [float(run.provenance["seconds"]) for run in runs if "seconds" in run.provenance]
    parameters = runs[0].provenance.get("parameters") if runs else None
    return (
        "–" if parameters is None else f"{int(parameters):,}",
        significant(math.fsum(seconds) / len(seconds)) if seconds else "–",
    )


def _card(place: int, judgement: Judgement) -> ClaimCard:
    claim = judgement.claim
    return ClaimCard(
        number=place,
        judgement=judgement,
        bounds=_bounds(judgement),
        stated=forest.claim_forests(judgement.stated, claimed=_expected(claim.stated, judgement.stated)),
        instead=forest.claim_forests(judgement.instead),
    )


def _expected(parts: Sequence[Contrast | Bound], effects: Sequence[Effect]) -> tuple[str, ...]:
    """What each effect is claimed to be; nothing where it is not certain which contrast an effect answers."""
    contrasts = [part.expect for part in parts if isinstance(part, Contrast)]
    return tuple(contrasts) if len(contrasts) == len(effects) else ()


def _together(result: StudyResult) -> tuple[ForestData, ...]:
    """The interactions that were found, then the others; or all in one where none was."""
    every = interactions(result)
    found = [effect for effect in every if is_found(effect)]
    others = [effect for effect in every if not is_found(effect)]
    return (*forest.forest_data(found), *forest.forest_data(others))


def _by_metric(result: StudyResult) -> tuple[tuple[str, Bars, Bars], ...]:
    names = dict.fromkeys(share.metric for share in result.variance)
    shares = {name: [share for share in result.variance if share.metric == name] for name in names}
    return tuple(
        (metric_words(name), *variance.large_and_small(variance.variance_data(found))) for name, found in shares.items()
    )


def _curves(result: StudyResult, metrics: Sequence[str]) -> tuple[CurvesSection, ...]:
    """The primary metric first, then what was minimised (one section a unit), then the other metrics."""
    points = {**dict.fromkeys(metrics[:1], (FINEST, MOST_POINTS)), OBJECTIVE: (FINEST_OBJECTIVE, MOST_POINTS_OBJECTIVE)}
    return tuple(
        section
        for quantity in (*metrics[:1], OBJECTIVE, *metrics[1:])
        for section in _sections(result, quantity, points=points.get(quantity, (0, 0)))
    )


def _sections(result: StudyResult, quantity: str, *, points: tuple[int, int]) -> list[CurvesSection]:
    split = learning_curves.held_out(result.runs, quantity)
    by_unit: dict[str, list[LearningCurvesData]] = {}
    for arm in result.arms:
        limit = result.limits.get(arm.label, {}).get(quantity)
        runs = result.runs[arm.label]
        found = learning_curves.learning_curves_data(arm.label, runs, quantity, splits=("train", split), limit=limit)
        if found:
            by_unit.setdefault(found.unit, []).append(found)
    every = [series for arms in by_unit.values() for arm in arms for series in arm.series]
    thin, each = _thin_lines(len(every), max((len(series.replicates) for series in every), default=0), points)
    title = "what was minimised" if quantity == OBJECTIVE else metric_words(quantity)
    return [
        CurvesSection(
            quantity=quantity,
            title=title,
            unit=unit,
            held_out=split,
            panels=learning_curves.panels(arms),
            thin=thin,
            thin_points=each,
        )
        for unit, arms in by_unit.items()
    ]


def _thin_lines(series: int, replicates: int, points: tuple[int, int]) -> tuple[int, int]:
    """How many replicates are drawn, and of how many points each."""
    finest, most = points
    each = min(finest, most // max(series * replicates, 1))
    if each >= COARSEST:
        return replicates, each
    fewer = most // max(series * COARSEST, 1)
    return (fewer, COARSEST) if fewer >= FEWEST else (0, 0)


def _networks(result: StudyResult, metrics: Sequence[str]) -> tuple[network.NetworkData, ...]:
    """One network for each architecture: that of the first arm which has it."""
    found: dict[tuple[int, ...], network.NetworkData] = {}
    for arm in result.arms:
        drawn = network.network_data(
            arm.label, result.runs[arm.label], scores.typical_scores(result, arm.label, metrics)
        )
        if drawn:
            found.setdefault(drawn.sizes, drawn)
    return tuple(found.values())
