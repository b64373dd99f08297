"""Bad recipes, treated, against a search of fifty trials over the same space: who ends better, and at what cost?"""

import csv
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from etude.diagnosis.prescribe import COSTLY, TREATMENTS
from etude.records.store import Store, open_store
from etude.studies.budget import Budget
from etude.studies.collect import Means
from etude.studies.estimate import Asked, Terms, estimate
from etude.studies.trainers import RecipeTrainer
from etude.studies.treat import Order, treat
from etude.values.data import Bundled, Table
from etude.values.model import Mlp
from etude.values.optimizer import Adam
from etude.values.recipe import Recipe, changed

TRIALS, REPLICATES = 50, 5
"""Of the search: trials, and replicates of each, whose mean validation score it minimises."""

BUDGET = Budget(trainings=TRIALS * REPLICATES - 10, minutes=10, replicates=10)
"""Of the treatment, its fresh comparison included: fewer trainings than the search makes."""

SEEDS = (41, 42, 43)
"""Of scouting and of the search's sampler, since chance decides much of both; nothing was developed on these."""

FRESH, FIRST = 20, 5000
"""Replicates that both ends are compared on, and the first of them: neither side has seen any."""

BAD: Mapping[str, Mapping[str, Any]] = {
    "far too small": {"model.hidden": (1,)},
    "too short": {"epochs": 2},
    "rate 100 times low": {"optimizer.learning_rate": 5e-5},
    "rate 100 times high": {"optimizer.learning_rate": 0.5},
    "weight decay 1": {"optimizer.coupled_weight_decay": 1.0},
}


def measured(*, folder: Path, reduced: bool) -> Mapping[str, Any]:
    """Three data sets, five bad recipes each, three seeds."""
    rows = []
    for data_name, base in _bases(folder).items():
        with open_store(folder / f"search-{data_name.replace(' ', '-')}.db") as store:
            for (bad, settings), seed in list(product(BAD.items(), SEEDS))[: 1 if reduced else None]:
                case = {"data": data_name, "recipe": bad, "seed": seed}
                rows.append(case | _compared(changed(base, settings), store, seed=seed, reduced=reduced))
                print(rows[-1], flush=True)
        if reduced:
            break
    return {"rows": rows}


def _bases(folder: Path) -> Mapping[str, Recipe]:
    """A recipe that is not bad for each data set; the third is a file with a tenth of its labels exchanged."""
    plain = {"model": Mlp(hidden=(32,)), "optimizer": Adam(learning_rate=5e-3), "epochs": 40, "batch_size": 32}
    noisy = Table(table=str(_noisy_csv(folder / "noisy.csv")), target="label", kind="classification")
    return {
        "breast cancer": Recipe(data=Bundled(bundled="breast_cancer"), loss="bce", seed=11, **plain),
        "digits": Recipe(data=Bundled(bundled="digits"), loss="cross_entropy", seed=12, **plain),
        "noisy csv": Recipe(data=noisy, loss="cross_entropy", seed=13, **plain),
    }


def _noisy_csv(path: Path) -> Path:
    """Four overlapping Gaussian clouds in six dimensions, 1,200 rows; each label is any class with probability 0.1."""
    rng = np.random.default_rng(7)
    centres = rng.normal(0, 1.6, (4, 6))
    labels = rng.integers(4, size=1200)
    inputs = centres[labels] + rng.normal(0, 1, (1200, 6))
    labels = np.where(rng.random(1200) < 0.1, rng.integers(4, size=1200), labels)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"x{i}" for i in range(6)), "label"])
        writer.writerows(
            [*(f"{x:.5f}" for x in row), f"class {label}"] for row, label in zip(inputs, labels, strict=True)
        )
    return path


def _compared(recipe: Recipe, store: Store, *, seed: int, reduced: bool) -> dict[str, Any]:
    means = Means()
    treater, searcher, judge = (RecipeTrainer(store, means, lambda _: None) for _ in range(3))
    recipe = judge.set_aside(recipe)  # both ends are judged on the same test rows, which neither has seen
    treatments = [one for one in TREATMENTS if one.name not in COSTLY]
    found = treat(recipe, Order("search", treatments, seed=seed), trainer=treater, budget=BUDGET)
    best = _searched(recipe, searcher, trials=4 if reduced else TRIALS, seed=seed)
    arms = {"untreated": recipe, "treated": found.setting, "searched": best}
    runs = judge.train(arms, range(FIRST, FIRST + FRESH))
    metric = judge.metric(recipe, None)
    scores = {name: np.array([run.score(metric.name, "test") for run in of]) for name, of in runs.items()}
    asked = Asked(
        "end", "searched", "treated", metric, "test", scores["searched"], scores["treated"], metric.smallest_effect
    )
    (effect,) = estimate([asked], Terms(0.95, 0, (FRESH,)), rule="fixed")
    return {
        **{name: float(np.nanmean(of)) for name, of in scores.items()},
        "difference": [effect.mean, effect.low, effect.high],
        "verdict": effect.verdict,
        "trainings": [treater.made, searcher.made],
        "rounds": [one.by for one in found.rounds[1:]],
        "ended": found.ended,
        "seconds": found.seconds,
    }


def _searched(recipe: Recipe, trainer: RecipeTrainer, *, trials: int, seed: int) -> Recipe:
    """Optuna's default sampler over the space that the treatments span, five replicates a trial."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    metric = trainer.metric(recipe, None)

    def objective(trial: Any) -> float:  # noqa: ANN401 - optuna's
        runs = trainer.train({"trial": _drawn(recipe, trial)}, range(REPLICATES))["trial"]
        scores = np.array([run.score(metric.name, "validation") for run in runs])
        return float(scores.mean()) if np.isfinite(scores).all() else 100.0

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=trials)
    return _drawn(recipe, optuna.trial.FixedTrial(study.best_params))


def _drawn(recipe: Recipe, trial: Any) -> Recipe:  # noqa: ANN401 - optuna's
    width = trial.suggest_int("width", 4, 256, log=True)
    stops = trial.suggest_categorical("stops early", [False, True])
    return changed(
        recipe,
        {
            "model.hidden": (width,) * trial.suggest_int("depth", 1, 3),
            "model.activation": trial.suggest_categorical("activation", ["relu", "gelu", "tanh"]),
            "model.dropout": trial.suggest_float("dropout", 0, 0.5),
            "optimizer.learning_rate": trial.suggest_float("rate", 1e-5, 1, log=True),
            "optimizer.coupled_weight_decay": trial.suggest_float("decay", 1e-6, 1, log=True),
            "epochs": trial.suggest_int("epochs", 2, 200, log=True),
            "batch_size": trial.suggest_categorical("batch", [8, 32, 128]),
            "schedule": {"name": trial.suggest_categorical("schedule", ["constant", "cosine"])},
            "early_stopping": {"patience": 10} if stops else None,
        },
    )
