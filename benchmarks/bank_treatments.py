"""Train what étude's treatments gain that are no interventions of the bank: on the perceptrons of its fitting part.

    python benchmarks/bank_treatments.py            after bank_train.py; resumable, an hour on two cores

Each line of .bank/treatments.jsonl is one training, paired by replicate with the control in .bank/runs.jsonl. The
arms are taken in a fixed random order, so that a part of them is a sample of all.
"""

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from bank.arms import BankArm, arms
from bank.expecting import TREATMENT_OF
from bank_train import FOLDER, Engine, Key, train

from etude.diagnosis.prescribe import COSTLY, TREATMENTS
from etude.engine.engines import Job, check, engine_called
from etude.values.errors import EtudeError
from etude.values.model import Mlp
from etude.values.recipe import Recipe, changed

REPLICATES = 3
MEASURED = frozenset(name for names in TREATMENT_OF.values() for name in names)
"""Of these the interventions tell already."""


def chosen() -> list[BankArm]:
    """Perceptrons of the fitting part whose recipe says all that there is."""
    light = [
        arm
        for arm in arms()
        if arm.pair.part == "fit" and isinstance(arm.recipe.model, Mlp) and arm.weights_times is None and not arm.sorted
    ]
    order = np.random.default_rng(0).permutation(len(light))
    return [light[i] for i in order if light[i].cause != "leakage"]


def trainings(arm: BankArm, replicates: int) -> Iterable[tuple[Engine, list[tuple[Key, Job]]]]:
    """Each treatment at each strength that changes the arm's recipe and keeps its engine, scored once, at its end."""
    engine = check(arm.recipe).engine
    jobs = []
    for treatment in TREATMENTS:
        for strength in treatment.strengths:
            name = treatment.called(strength)
            if name in MEASURED or treatment.name in COSTLY:
                continue
            recipe = treatment.apply(arm.recipe, strength)
            if recipe is None or recipe == arm.recipe or _engine(recipe) != engine:
                continue
            at_end = changed(recipe, {"score_every": recipe.epochs}) if recipe.early_stopping is None else recipe
            jobs += [((arm.name, name, replicate), Job(at_end, replicate)) for replicate in range(replicates)]
    yield engine_called(engine), jobs


def _engine(recipe: Recipe) -> str:
    """The engine that trains it; "" where none can."""
    try:
        return check(recipe).engine
    except EtudeError:
        return ""


def main() -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--minutes", type=float, help="begin no further arm after that")
    parser.add_argument("--workers", type=int)
    asked = parser.parse_args()
    start, taken = time.perf_counter(), 0
    for arm in chosen():
        if asked.minutes is not None and time.perf_counter() - start > 60 * asked.minutes:
            break
        train([arm], asked.folder / "treatments.jsonl", replicates=REPLICATES, workers=asked.workers, of=trainings)
        taken += 1
    print(f"{taken} arms in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
