"""The report: what a study found, as one HTML file that needs nothing else, not even a network."""

import hashlib
import os
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etude.faces.pages import style_sheet, templates
from etude.figures import decision, forest, learning_curves, network, scores, summary, variance
from etude.figures.axes import Axis
from etude.figures.forest import ForestData
from etude.figures.learning_curves import LearningCurvesData
from etude.values.claim import OBJECTIVE, Bound, Contrast, Judgement
from etude.values.effect import Effect
from etude.values.errors import StoreError
from etude.values.metric import METRICS, Split
from etude.values.study import StudyResult

SHOWN_PANELS = 6
"""Small multiples beyond these are folded away."""

FINEST, FINEST_FOLDED = 80, 36
"""Points of a thin curve where there are few: of the primary metric, and of what is folded away."""

POINTS_OF_THE_FIRST, POINTS_OF_THE_OBJECTIVE, POINTS_OF_THE_OTHERS = 30_000, 18_000, 24_000
"""Points of all thin curves of the primary metric, the objective, and all other metrics: 4.5 bytes each."""

COARSEST = 16
"""A thin curve of fewer points would mislead; then the median and the band stand alone."""

LISTED_RUNS = 400


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
    """One quantity of every arm, on one vertical axis; thin_points below 4 means that replicates are not drawn."""

    quantity: str
    title: str
    unit: str
    held_out: Split
    axis: Axis
    panels: tuple[LearningCurvesData, ...]
    thin_points: int


def report_html(result: StudyResult, *, command: str) -> str:
    """The whole report as one page.

    The page states what it allows itself: no script at all, the one style sheet inside it, and pictures inside it.
    command: what a reader types to make the same study again
    """
    made = templates()
    style = style_sheet(made, "figures.css", "report.css")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    page = made.get_template("report.html.jinja")
    return page.render(policy=policy, style=style, command=command, **_view(result))


def write_report(result: StudyResult, path: str | Path, *, command: str) -> Path:
    """Write the report to `path`, whole or not at all; folders that are missing are made. Returns the path.

    An older report there stays as it was until the new one is complete on disk.
    """
    target = Path(path)
    page = report_html(result, command=command).encode("utf-8", "replace")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, page)
    except OSError as error:
        raise StoreError(
            f"the report cannot be written to {target}: {error.strerror or error}. "
            "Name a place that can be written, with room for about 1 MB. "
            "Every run of the study is kept, so the report can be made again without training."
        ) from error
    return target


def _replace(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _view(result: StudyResult) -> dict[str, Any]:
    """Everything the page shows, computed; the template only places it."""
    metrics = scores.metrics_of(result)
    split: Split = learning_curves.held_out(result.runs, metrics[0]) if metrics else "validation"
    all_runs = [run for arm in result.runs.values() for run in arm]
    return {
        "plan": result.plan,
        "title": result.plan.title or result.plan.name,
        "arms": result.arms,
        "held_out": split,
        "counts": summary.summary_data(result),
        "notes": tuple(dict.fromkeys(result.notes)),
        "claims": tuple(_card(i, judgement) for i, judgement in enumerate(result.judgements, 1)),
        "claim_family": max((e.family for j in result.judgements for e in (*j.stated, *j.instead)), default=0),
        "families": forest.forest_data(result.effects),
        "variance": _by_metric(result),
        "scores": tuple(data for metric in metrics if (data := scores.scores_data(result, metric))),
        "curves": _curves(result, metrics),
        "decisions": tuple(
            plane for arm in result.arms if (plane := decision.decision_data(arm.label, result.runs[arm.label]))
        ),
        "networks": _networks(result, metrics),
        "facts": tuple((key, str(value)) for key, value in result.provenance.items()),
        "run_facts": summary.run_facts(all_runs),
        "recipe": summary.recipe_fields(result.plan.base),
        "listed_arms": result.arms[: LISTED_RUNS // max(len(all_runs) // max(len(result.arms), 1), 1)],
        "runs_of": result.runs,
        "shown": SHOWN_PANELS,
    }


def _card(place: int, judgement: Judgement) -> ClaimCard:
    claim = judgement.claim
    return ClaimCard(
        number=place,
        judgement=judgement,
        bounds=tuple(part for part in claim.stated if isinstance(part, Bound)),
        stated=forest.forest_data(judgement.stated, claimed=_expected(claim.stated, judgement.stated)),
        instead=forest.forest_data(judgement.instead),
    )


def _expected(parts: Sequence[Contrast | Bound], effects: Sequence[Effect]) -> tuple[str, ...]:
    """What each effect is claimed to be; nothing where it is not certain which contrast an effect answers."""
    contrasts = [part.expect for part in parts if isinstance(part, Contrast)]
    return tuple(contrasts) if len(contrasts) == len(effects) else ()


def _by_metric(result: StudyResult) -> tuple[tuple[str, tuple[variance.VarianceBar, ...]], ...]:
    names = dict.fromkeys(share.metric for share in result.variance)
    shares = {name: [share for share in result.variance if share.metric == name] for name in names}
    return tuple((_label(name), variance.variance_data(found)) for name, found in shares.items())


def _label(metric: str) -> str:
    return METRICS[metric].label if metric in METRICS else metric.replace("_", " ")


def _curves(result: StudyResult, metrics: Sequence[str]) -> tuple[CurvesSection, ...]:
    """The primary metric first, then what was minimised (one section a unit), then the other metrics."""
    share = POINTS_OF_THE_OTHERS // max(len(metrics) - 1, 1)
    points = {**dict.fromkeys(metrics[:1], POINTS_OF_THE_FIRST), OBJECTIVE: POINTS_OF_THE_OBJECTIVE}
    points |= dict.fromkeys(metrics[1:], share)
    return tuple(section for quantity, n in points.items() for section in _sections(result, quantity, points=n))


def _sections(result: StudyResult, quantity: str, *, points: int) -> list[CurvesSection]:
    split = learning_curves.held_out(result.runs, quantity)
    by_unit: dict[str, list[LearningCurvesData]] = {}
    for arm in result.arms:
        limit = result.limits.get(arm.label, {}).get(quantity)
        runs = result.runs[arm.label]
        found = learning_curves.learning_curves_data(arm.label, runs, quantity, splits=("train", split), limit=limit)
        if found:
            by_unit.setdefault(found.unit, []).append(found)
    curves = sum(len(series.replicates) for panels in by_unit.values() for panel in panels for series in panel.series)
    finest = FINEST if points == POINTS_OF_THE_FIRST else FINEST_FOLDED
    each = min(finest, points // max(curves, 1))
    title = "what was minimised" if quantity == OBJECTIVE else _label(quantity)
    return [
        CurvesSection(
            quantity=quantity,
            title=title,
            unit=unit,
            held_out=split,
            axis=learning_curves.common_axis(panels),
            panels=tuple(panels),
            thin_points=each if each >= COARSEST else 0,
        )
        for unit, panels in by_unit.items()
    ]


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
