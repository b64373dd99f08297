"""Train the bank: every arm and every intervention on it, on paired replicates. Resumable.

    python benchmarks/bank_train.py                    all of it, into .bank/
    python benchmarks/bank_train.py --every 8          every eighth arm: what CI does

Each line of .bank/runs.jsonl is one training: of the control its curves as well, of an intervention its last score.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from bank.arms import BankArm, arms
from bank.beyond import STEPS, shuffled_engine, sorted_engine, with_weights
from bank.interventions import INTERVENTIONS
from rich.progress import track

from etude.data.load import limits
from etude.engine.engines import Job, check, engine_called
from etude.values.recipe import changed
from etude.values.run import Run

REPLICATES = 5
FOLDER = Path(".bank")
CONTROL = "control"

USUAL_WEIGHTS, SHUFFLED = "usual weights", "shuffled"
"""What takes a cause away that no recipe can say; it names no verdict, and tells what the cause does."""

Key = tuple[str, str, int]
"""Arm, intervention, replicate."""
Engine = Callable[..., Iterable[tuple[Job, Run]]]


def trainings(arm: BankArm, replicates: int) -> Iterator[tuple[Engine, list[tuple[Key, Job]]]]:
    """The arm's trainings by engine; those whose curves are not needed are scored once, at their end."""
    tried = {} if arm.cause == "leakage" else {name: given(arm.recipe) for name, given in INTERVENTIONS.items()}
    changes = {name: changed(one, {"score_every": one.epochs}) for name, one in tried.items() if one is not None}
    treated = {CONTROL: arm.recipe, **changes}
    if arm.weights_times is not None:
        treated = {name: with_weights(one, arm.weights_times) for name, one in treated.items()}
        treated[USUAL_WEIGHTS] = with_weights(arm.recipe, 1.0)
    jobs = [
        ((arm.name, name, replicate), Job(recipe, replicate))
        for name, recipe in treated.items()
        for replicate in range(replicates)
    ]
    if arm.sorted:
        yield sorted_engine, jobs
        yield shuffled_engine, [((arm.name, SHUFFLED, i), Job(arm.recipe, i)) for i in range(replicates)]
    else:
        yield engine_called(check(treated[CONTROL]).engine), jobs


def outcome(arm: BankArm, key: Key, run: Run) -> Mapping[str, Any]:
    """What is kept of a training."""
    metric = metric_of(run)
    test, train = run.curves[f"test/{metric}"], run.curves[f"train/{metric}"]
    kept = {
        "arm": key[0],
        "intervention": key[1],
        "replicate": key[2],
        "ended": run.ended,
        "test": _plain(test.values[-1]),
        "train": _plain(train.values[-1]),
        "train_objective": _plain(run.curves["train/objective"].values[-1]),
        "seconds": run.provenance["seconds"],
    }
    if key[1] not in (CONTROL, SHUFFLED):
        return kept
    chance = limits(arm.recipe.data, seed=arm.recipe.seed)[metric].best_constant
    facts = {
        "part": arm.pair.part,
        "data": arm.pair.data_name,
        "architecture": arm.pair.architecture,
        "cause": arm.cause,
        "metric": metric,
        "chance": chance,
        "recipe": arm.recipe.model_dump(mode="json"),
    }
    scores = (f"train/{metric}", f"validation/{metric}", f"test/{metric}")
    names = ("train/objective", "validation/objective", *scores, *((STEPS,) if arm.sorted else ()))
    curves = {
        name: {
            "steps": run.curves[name].steps.tolist(),
            "values": [_plain(value) for value in run.curves[name].values],
            "errors": None
            if run.curves[name].standard_errors is None
            else [_plain(value) for value in run.curves[name].standard_errors],
        }
        for name in names
    }
    return {**kept, **facts, "curves": curves}


def metric_of(run: Run) -> str:
    """The metric that judges: log loss of classes, squared error of numbers."""
    return "log_loss" if "test/log_loss" in run.curves else "squared_error"


def _plain(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def done(path: Path) -> set[Key]:
    """The trainings that are there already; a half-written last line is dropped."""
    if not path.exists():
        return set()
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        path.write_text("".join(lines[:-1]), encoding="utf-8")
        lines = lines[:-1]
    rows = map(json.loads, lines)
    return {(row["arm"], row["intervention"], row["replicate"]) for row in rows}


Trainings = Callable[[BankArm, int], Iterable[tuple[Engine, list[tuple[Key, Job]]]]]
"""An arm and a number of replicates → jobs by engine."""


def train(
    chosen: Sequence[BankArm], path: Path, *, replicates: int, workers: int | None, of: Trainings = trainings
) -> None:
    """Every training of those arms that is not yet there, appended as it finishes."""
    there = done(path)
    with path.open("a", encoding="utf-8") as file:
        for arm in track(chosen, description="arms"):
            for engine, given in of(arm, replicates):
                keys = {id(job): key for key, job in given if key not in there}
                wanted = (job for key, job in given if key not in there)
                for job, run in engine(wanted, workers=workers) if keys else ():
                    file.write(json.dumps(outcome(arm, keys[id(job)], run), allow_nan=False) + "\n")
            file.flush()


def main() -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--every", type=int, default=1, help="take every n-th arm")
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--only", default="", help="arms whose name has this in it")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    chosen = [arm for arm in islice(arms(), 0, None, asked.every) if asked.only in arm.name]
    train(chosen, asked.folder / "runs.jsonl", replicates=asked.replicates, workers=asked.workers)
    print(f"{len(chosen)} arms in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
