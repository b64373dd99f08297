"""Evidence built from numbers, not from training."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from etude.studies.design import arms_of
from etude.studies.evidence import Evidence
from etude.values.curve import curve
from etude.values.recipe import Recipe
from etude.values.run import Run
from etude.values.study import Arm, Plan

UNITS = {"bce": "nats", "mse": "squared probability"}


@pytest.fixture
def base() -> Recipe:
    return Recipe(data={"task": "sincos"}, model={"name": "mlp", "hidden": [4]}, loss="bce", epochs=10)


def run_with(arm: Arm, replicate: int, scores: Mapping[str, float]) -> Run:
    diverged = scores.get("test/log_loss") != scores.get("test/log_loss")
    curves = {name: curve(name, [0, 10], [1.0, value]) for name, value in scores.items()}
    for split in ("train", "validation"):
        name = f"{split}/objective"
        curves[name] = curve(name, [10], [0.5], unit=UNITS[arm.recipe.loss])
    return Run(
        f"replicate {replicate}",
        curves,
        ended="diverged" if diverged else "completed",
        last_step=10,
        kept_step=10,
        recipe=arm.recipe,
        replicate=replicate,
    )


@pytest.fixture
def evidence_of() -> Callable[[Plan, Callable[[Arm], Sequence[float]]], Evidence]:
    """Evidence in which `scores(arm)` gives the test log loss of each replicate; training scores are 0.1 lower."""

    def build(plan: Plan, scores: Callable[[Arm], Sequence[float]]) -> Evidence:
        arms = arms_of(plan)
        runs = {}
        for arm in arms:
            values = scores(arm)
            names = ("train", "validation", "test")
            runs[arm.label] = tuple(
                run_with(arm, r, {f"{split}/log_loss": value - 0.1 * (split == "train") for split in names})
                for r, value in enumerate(values)
            )
        return Evidence(plan, arms, runs)

    return build
