"""The bank's unseen part: does what is prescribed first help, by as much as was said, and do the healthy stay alone?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bank.runs import BankRun, read_bank

from etude.diagnosis.case import case_of
from etude.diagnosis.diagnose import diagnosed
from etude.diagnosis.expected import expected_of
from etude.diagnosis.prescribe import COSTLY, TREATMENTS, prescribed
from etude.records.store import open_store
from etude.studies.collect import Means
from etude.studies.estimate import Asked, Terms, estimate
from etude.studies.selection import SPLIT
from etude.studies.trainers import RecipeTrainer
from etude.studies.treat import is_well
from etude.values.effect import Effect
from etude.values.errors import EtudeError
from etude.values.metric import Split
from etude.values.model import Attention, Recurrent
from etude.values.recipe import Recipe
from etude.values.treatment import Prescription

REPLICATES = 10
FIRST = 2000
"""Fresh replicates: none of those that were diagnosed, nor those that `treat` quotes."""

ON_THE_HEALTHY = 3
"""Treatments that are tried on a healthy arm, those that are prescribed first."""


LEFT_OUT = (Recurrent, Attention)
"""Networks that train in `loop`, seconds each: their few arms would take longer than all others together."""


def measured(*, folder: Path, reduced: bool, bank: Path = Path(".bank/runs.jsonl")) -> Mapping[str, Any]:
    """Every complete arm of the judging part: diagnosed by its five runs, treated on ten fresh pairs, test part."""
    arms = _arms(read_bank(bank, part="judge"))
    rows: list[dict[str, Any]] = []
    with open_store(folder / "prescriptions.db") as store:
        trainer = RecipeTrainer(store, Means(), lambda _: None)
        for runs in list(arms.values())[:: 12 if reduced else 1]:
            rows += _of_arm(runs, trainer)
    return summed(rows)


def _arms(runs: Sequence[BankRun]) -> dict[str, list[BankRun]]:
    arms: dict[str, list[BankRun]] = {}
    for run in runs:
        if isinstance(run.run.recipe, Recipe) and not isinstance(run.run.recipe.model, LEFT_OUT):
            arms.setdefault(run.arm, []).append(run)
    return arms


def _of_arm(runs: Sequence[BankRun], trainer: RecipeTrainer) -> list[dict[str, Any]]:
    recipe = runs[0].run.recipe
    assert recipe is not None
    truth = runs[0].truth
    best = max(truth.gains.values())
    ill = best >= 0.1 and not all(one.truth.accepted == {"good fit"} for one in runs)
    healthy = all(one.truth.accepted == {"good fit"} for one in runs)
    if not ill and not healthy:
        return []
    diagnosis = diagnosed([one.run for one in runs])
    treatments = [one for one in TREATMENTS if one.name not in COSTLY]
    given = prescribed(diagnosis, recipe, treatments, expected_of([case_of(one.run) for one in runs]))
    facts = {"arm": runs[0].arm, "ill": ill, "well": is_well(diagnosis), "verdict_of_arm": truth.verdict}
    rows = []
    for one in given[: 1 if ill else ON_THE_HEALTHY]:
        try:
            effect = _effect(recipe, one, trainer)
        except EtudeError as error:
            rows.append({**facts, "treatment": one.name, "failed": str(error)})
            continue
        rows.append({**facts, **_row(recipe, one, effect, trainer)})
    return rows


def _effect(recipe: Recipe, one: Prescription, trainer: RecipeTrainer) -> Effect:
    assert isinstance(one.setting, Recipe)
    metric = trainer.metric(recipe, None)
    runs = trainer.train({"control": recipe, "treated": one.setting}, range(FIRST, FIRST + REPLICATES))
    split: Split = "test" if f"test/{metric.name}" in runs["control"][0].curves else SPLIT
    control, treated = (
        np.array([run.score(metric.name, split) for run in runs[side]]) for side in ("control", "treated")
    )
    margin = metric.smallest_effect
    asked = Asked("treatment", "control", "treated", metric, split, control, treated, margin)
    return estimate([asked], Terms(0.95, 0, (REPLICATES,)), rule="fixed")[0]


def _row(recipe: Recipe, one: Prescription, effect: Effect, trainer: RecipeTrainer) -> dict[str, Any]:
    unit = trainer.unit(recipe, trainer.metric(recipe, None))
    return {
        "treatment": one.name,
        "predicted": one.expected.middle if one.expected else None,
        "helps": one.expected.helps if one.expected else None,
        "gained": -effect.mean / unit if unit else None,
        "verdict": effect.verdict,
    }


def summed(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The counts, and the rows behind them."""
    ill, healthy = ([row for row in rows if row["ill"] is side and "failed" not in row] for side in (True, False))
    sized = [row for row in ill if row["predicted"] and row["gained"] is not None and np.isfinite(row["gained"])]
    within = [row for row in sized if 0.5 < row["predicted"] / max(row["gained"], 1e-9) < 2]
    better = [row for row in healthy if row["verdict"] == "better"]
    acted = [row for row in better if row["gained"] is not None and row["gained"] >= 0.1]
    return {
        "ill arms": len(ill),
        "verified": sum(row["verdict"] == "better" for row in ill),
        "unmeasured first": sum(row["predicted"] is None for row in ill),
        "unmeasured verified": sum(row["predicted"] is None and row["verdict"] == "better" for row in ill),
        "sized": len(sized),
        "within a factor of two": len(within),
        "healthy arms": len({row["arm"] for row in healthy}),
        "left alone": len({row["arm"] for row in healthy if row["well"]}),
        "better where not left alone": sum(not row["well"] for row in better),
        "healthy trials": len(healthy),
        "called better": len(better),
        "better by a tenth": len(acted),
        "failed": sum("failed" in row for row in rows),
        "rows": list(rows),
    }
