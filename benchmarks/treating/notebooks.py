"""The learner's three notebooks, treated with the default budget: how much of the excess Brier score is gone?"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from etude.diagnosis.prescribe import COSTLY, TREATMENTS
from etude.records.store import open_store
from etude.studies.budget import Budget
from etude.studies.changes import changes_of
from etude.studies.collect import Means
from etude.studies.journey import NOTEBOOK_1, NOTEBOOK_2, NOTEBOOK_3
from etude.studies.trainers import RecipeTrainer
from etude.studies.treat import Order, treat
from etude.values.recipe import changed

NOTEBOOKS: Mapping[str, Mapping[str, Any]] = {"notebook 2": NOTEBOOK_2, "notebook 1": {}, "notebook 3": NOTEBOOK_3}

SEEDS = (31, 32)
"""Seeds of scouting, where chance decides most of how far ten minutes lead; nothing was developed on these."""

SMALL = Budget(trainings=120, minutes=10.0, replicates=10)


def measured(*, folder: Path, reduced: bool) -> Mapping[str, Any]:
    """Each notebook from an empty store, as `etude treat journey --arm "notebook 2" --metric brier` does it."""
    rows = []
    for (name, settings), seed in list(product(NOTEBOOKS.items(), SEEDS))[: 1 if reduced else None]:
        recipe = changed(changed(NOTEBOOK_1, settings), {"score_every": None})
        path = folder / f"{name}.db"
        path.unlink(missing_ok=True)
        with open_store(path) as store:
            trainer = RecipeTrainer(store, Means(), lambda _: None)
            treatments = [one for one in TREATMENTS if one.name not in COSTLY]
            budget = SMALL if reduced else Budget()
            found = treat(recipe, Order(name, treatments, metric="brier", seed=seed), trainer=trainer, budget=budget)
        path.unlink()
        outcome = found.final.outcomes["brier"] if found.final else None
        removed = outcome.removed if outcome else None
        rows.append(
            {
                "notebook": name,
                "seed": seed,
                "before": outcome.before.mean if outcome else None,
                "after": outcome.after.mean if outcome else None,
                "removed": [removed.mean, removed.low, removed.high] if removed else None,
                "changes": [f"{one.field} {one.before} → {one.after}" for one in changes_of(recipe, found.setting)],
                "rounds": [one.by for one in found.rounds],
                "path": list(found.path),
                "ended": found.ended,
                "trainings": found.trainings,
                "seconds": found.seconds,
            }
        )
        print(rows[-1], flush=True)
    return {"notebooks": rows}
