"""A comparison of logs as one HTML file: the effects, every run's score, the curves, and what was left out."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etude.faces.compare_terminal import about, heading, score_places
from etude.faces.comparing import LogsCompared
from etude.faces.pages import whole_page, write_html
from etude.figures.axes import shared_axis
from etude.figures.forest import forest_data
from etude.figures.learning_curves import Panel, learning_curves_data, panels
from etude.figures.numbers import number
from etude.figures.scores import ArmScores, ScoresData
from etude.studies.compare_logs import LogComparison, Side
from etude.studies.log_groups import seed_of
from etude.values.curve import Curve
from etude.values.metric import Split
from etude.values.run import PICTURED, Run

MOST_RUNS = 400
"""Rows of the table of runs; --json has all."""

MOST_PANELS = 12
THIN, THIN_POINTS = 24, 80

AXES = {"step": "steps", "epoch": "epochs", "row": "rows of the log"}


@dataclass(frozen=True, slots=True)
class Row:
    """One run in the table: its group and name, seed, score, step, and which run it is the pair of."""

    group: str
    run: str
    seed: str
    score: str
    step: str
    pair: str


def page_html(compared: LogsCompared) -> str:
    """The whole page, without any script."""
    return whole_page("compare.html.jinja", ("figures.css", "report.css"), _view(compared))


def write_page(compared: LogsCompared, path: str | Path) -> Path:
    """Write the page to `path`, whole or not at all; folders that are missing are made. Returns the path."""
    state = "Nothing was lost: the logs are as they were."
    return write_html(page_html(compared), path, what="page", state=state)


def _view(compared: LogsCompared) -> dict[str, Any]:
    found = compared.found
    effects = [one.effect for one in found.compared]
    rows = _rows(found)
    return {
        "title": heading(found),
        "about": about(found),
        "found": found,
        "metric": found.measured.metric,
        "glances": list(zip(effects, found.compared, strict=True)),
        "forests": forest_data(effects),
        "scores": _scores(found),
        "panels": _panels(found)[:MOST_PANELS],
        "over": AXES.get(found.axis, found.axis),
        "thin": (THIN, THIN_POINTS),
        "rows": rows[:MOST_RUNS],
        "more_rows": max(0, len(rows) - MOST_RUNS),
        "is_paired": any(one.pairing.how != "none" for one in found.compared),
        "failed": compared.failed,
    }


def _scores(found: LogComparison) -> ScoresData | None:
    finite = np.concatenate([side.outcomes[np.isfinite(side.outcomes)] for side in found.sides])
    if not finite.size:
        return None
    across, _ = shared_axis([side.outcomes for side in found.sides])
    split: Split = "train" if found.measured.split == "train" else "validation"
    rows = tuple(map(_arm_scores, found.sides))
    return ScoresData(found.measured.metric, split, rows, across, score_places(found))


def _arm_scores(side: Side) -> ArmScores:
    finite = side.outcomes[np.isfinite(side.outcomes)]
    middle = (float(np.median(finite)), float(finite.min()), float(finite.max())) if finite.size else (math.nan,) * 3
    lost = len(side.outcomes) - finite.size
    return ArmScores(
        side.group.name, tuple(side.outcomes[:PICTURED].tolist()), len(side.scores), *middle, diverged=lost, limits=()
    )


def _panels(found: LogComparison) -> tuple[Panel, ...]:
    """The curves of the metric, a group a panel."""
    split: Split = "train" if found.measured.split == "train" else "validation"
    metric = found.measured.metric
    arms = []
    for side, curves in zip(found.sides, found.measured.curves, strict=True):
        runs = [
            _drawn(run.name, curve, f"{split}/{metric.name}")
            for run, curve in zip(side.group.runs, curves, strict=True)
        ]
        data = learning_curves_data(side.group.name, runs, metric.name, splits=(split,))
        arms += [data] if data is not None and any(series.steps.size > 1 for series in data.series) else []
    return panels(arms) if arms else ()


def _drawn(name: str, curve: Curve, key: str) -> Run:
    return Run(name, {key: Curve(key, curve.steps, curve.values, curve.unit)})


def _rows(found: LogComparison) -> list[Row]:
    partner: dict[tuple[int, int], str] = {}
    for at, one in enumerate(found.compared, 1):
        for i, j in one.pairing.pairs:
            partner[(at, j)] = one.control.group.runs[i].name
            if len(found.compared) == 1:
                partner[(0, i)] = one.treated.group.runs[j].name
    places = score_places(found) + 1
    return [
        Row(
            side.group.name,
            score.run,
            "–" if (seed := seed_of(run)) is None else str(seed),
            score.lacks or (number(score.value, places) if math.isfinite(score.value) else "diverged"),
            f"{score.step:,}",
            partner.get((at, i), "–"),
        )
        for at, side in enumerate(found.sides)
        for i, (run, score) in enumerate(zip(side.group.runs, side.scores, strict=True))
    ]
