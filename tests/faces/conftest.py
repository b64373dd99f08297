"""A full factorial of thirty-six arms, and diagnoses: built from numbers, not from training."""

import numpy as np
import pytest

from etude.faces.diagnosing import Examined, Judged
from etude.studies.design import arms_of
from etude.studies.execute import conclude
from etude.values.curve import curve
from etude.values.errors import LogError
from etude.values.finding import Cause, Diagnosis, Finding, Measured, NotRun, Place, Prediction, Sign
from etude.values.lost import Lost
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


def losses(train, validation) -> dict:
    both = {"train/objective": train, "validation/objective": validation}
    return {name: curve(name, range(len(values)), values, unit="nats") for name, values in both.items()}


@pytest.fixture
def overfit() -> Judged:
    """Validation is best, 0.30, at epoch 10, and 0.45 at the end, epoch 40."""
    epochs = np.arange(41)
    run = Run(
        HOSTILE,
        losses(0.7 * np.exp(-epochs / 8), 0.3 + 0.005 * np.abs(epochs - 10)),
        provenance={"x": "epoch", "train is": "loss", "validation is": "val_loss"},
        files=("logs/a b.csv",),
        lost=(Lost("logs/a b.csv", "line 12", 3, "they have no number"),),
    )
    rise = Measured("rise of the validation loss above its minimum", 0.15, "nats", 0.12, 0.18)
    finding = Finding(
        "overfit",
        f"{HOSTILE} validation rose by 0.15 nats.",
        "warning",
        0.93,
        evidence=(rise, Measured("what cannot be known", float("nan"))),
        where=(Place("validation/objective", 10, 40),),
        causes=(Cause("too many epochs", "stop at epoch 10"), Cause("too large a network", "half the width")),
        treatments=("stop at epoch 10", "weight decay"),
        prediction=Prediction("stop at epoch 10", "validation loss", "falls", 0.12, 0.18, "nats"),
    )
    diagnosis = Diagnosis(
        source=HOSTILE,
        verdict="overfit",
        probability=0.93,
        says="The network learned its examples by heart.",
        probabilities={"overfit": 0.93, "good fit": 0.05, "not converged": 0.02},
        next=("Stop at epoch 10.",),
        findings=(finding,),
        signs=(Sign("small gap", healthy=False, says="0.45 nats"), Sign("smooth convergence", healthy=None, says="–")),
        not_run=(NotRun("dying relu", "it needs layers"), NotRun("leakage", "it needs the data")),
        checked=("overfit",),
        judged={"train": "loss", "validation": "val_loss"},
        best_step=10,
        lost=run.lost,
        notes=("epochs were logged as steps",),
    )
    return Judged(diagnosis, (run,))


@pytest.fixture
def healthy() -> Judged:
    epochs = np.arange(41)
    run = Run("fine", losses(0.2 + np.exp(-epochs / 8), 0.21 + np.exp(-epochs / 8)), provenance={"x": "epoch"})
    diagnosis = Diagnosis("fine", "good fit", 0.8, "It fits.", best_step=40, not_run=(NotRun("leakage", "no data"),))
    return Judged(diagnosis, (run,))


@pytest.fixture
def both(overfit, healthy) -> Examined:
    across = Finding("units not comparable", "One is in nats, the other is not.", "note", 0.9)
    lacking = NotRun("double descent", "it needs several widths")
    return Examined((overfit, healthy), (across, lacking), (LogError("logs/b.csv: no number in line 1"),), passed=2)
