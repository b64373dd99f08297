"""A full factorial of thirty-six arms built from numbers, not from training."""

import numpy as np
import pytest

from etude.studies.design import arms_of
from etude.studies.execute import conclude
from etude.values.curve import curve
from etude.values.metric import METRICS
from etude.values.recipe import Recipe
from etude.values.run import Run
from etude.values.study import Plan, StudyResult

HOSTILE = "<script>alert(1)</script>"
VARY = {
    "data.features": (2, 3, 4),
    "model.hidden": ((4,), (8,), (16,), (32,)),
    "optimizer.coupled_weight_decay": (0.0, 0.001, 0.01),
}
REPLICATES = 8


def loss_of(recipe) -> float:
    """What two factors do adds up, but that L2 hurts a network of 32 units by 0.1 more, and 4 features with it."""
    decay = recipe.optimizer.coupled_weight_decay > 0.005
    wide = recipe.model.hidden == (32,)
    return 0.4 + 0.03 * recipe.data.features - 0.01 * recipe.model.hidden[0] / 8 + 0.1 * decay * wide


def made_run(arm, replicate: int, luck: np.random.Generator) -> Run:
    recipe = arm.recipe
    score = loss_of(recipe) + 0.02 * np.sin(replicate) + 0.003 * luck.normal()
    curves = {
        f"{split}/{name}": curve(f"{split}/{name}", [0, 5, 10], [0.7, 0.6, value], unit=METRICS[name].unit)
        for split in ("train", "validation", "test")
        for name, value in (("log_loss", score), ("accuracy", 1 - score / 2))
    }
    return Run(f"replicate {replicate}", curves, "completed", 10, 10, recipe=recipe, replicate=replicate)


@pytest.fixture(scope="session")
def factorial() -> StudyResult:
    base = Recipe(data={"task": "sincos", "features": 2}, model={"hidden": [4]}, loss="bce", epochs=10)
    arms = {"as it was": {}, HOSTILE: {"hidden": [32], "coupled_weight_decay": 0.01}}
    plan = Plan(base=base, vary=VARY, arms=arms, replicates=REPLICATES)
    luck = np.random.default_rng(0)
    made = arms_of(plan)
    runs = {(arm.label, r): made_run(arm, r, luck) for arm in made for r in range(REPLICATES)}
    return conclude(plan, made, runs, rule="fixed")
