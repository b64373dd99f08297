"""How well étude's networks do on real data: the median test accuracy of five replicates, beside a floor.

The floors were set before anything was run. A set that is not on this machine is said and left out, never replaced.
`transfer` is the accuracy of a linear layer on pretrained features less that of a convolutional network trained from
nothing, replicate by replicate: on the same 1,000 photographs, the latter with at least as many seconds of a processor.

    python benchmarks/accuracy.py                  all of them, half an hour
    python benchmarks/accuracy.py mnist vowels     these only
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from rich.console import Console
from rich.table import Table

from etude.data.load import check
from etude.records.store import open_store
from etude.studies.collect import Means
from etude.studies.execute import execute
from etude.values.errors import EtudeError
from etude.values.recipe import Recipe
from etude.values.study import Plan

CONVNET = {"name": "convnet", "channels": (16, 32), "norm": "batch", "dropout": 0.3}
IMAGES = {
    "loss": "cross_entropy",
    "batch_size": 64,
    "model": CONVNET,
    "optimizer": {"name": "adam", "learning_rate": 0.004},
    "schedule": {"name": "cosine"},
}


PHOTOGRAPHS = {"images": "cifar10", "rows": 1000, "test_rows": 2000}
SCRATCH = {
    "data": PHOTOGRAPHS,
    "loss": "cross_entropy",
    "batch_size": 32,
    "model": {"name": "convnet", "channels": (32, 64), "norm": "batch", "dropout": 0.3},
    "augment": {"flip": True, "shift": 4},
    "optimizer": {"name": "adam", "learning_rate": 0.004},
    "schedule": {"name": "cosine"},
    "epochs": 100,
    "score_every": 100,
}
PROBE = {
    "data": PHOTOGRAPHS,
    "loss": "cross_entropy",
    "batch_size": 32,
    "model": {"name": "pretrained"},
    "epochs": 30,
    "score_every": 30,
}


@dataclass(frozen=True, slots=True)
class Floor:
    """What is trained, and the accuracy that the median of its replicates should reach.

    control: what it is trained against; the accuracy is then how much more it should have
    """

    recipe: Mapping[str, Any]
    accuracy: float
    control: Mapping[str, Any] | None = None


FLOORS: Mapping[str, Floor] = MappingProxyType(
    {
        "mnist": Floor({"data": {"images": "mnist"}, "epochs": 6, "score_every": 6, **IMAGES}, 0.990),
        "fashion": Floor({"data": {"images": "fashion_mnist"}, "epochs": 8, "score_every": 8, **IMAGES}, 0.91),
        "vowels": Floor(
            {
                "data": {"series": "JapaneseVowels"},
                "model": {"name": "recurrent", "bidirectional": True},
                "loss": "cross_entropy",
                "optimizer": {"name": "adam", "learning_rate": 0.01},
                "batch_size": 16,
                "epochs": 30,
                "score_every": 30,
            },
            0.95,
        ),
        "transfer": Floor(PROBE, 0.15, control=SCRATCH),
    }
)


def main() -> None:
    """Train, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[*FLOORS, []], help="all where none is given")
    parser.add_argument("--replicates", type=int, default=5)
    asked = parser.parse_args()
    table = Table("", "test accuracy, median", "of each replicate", "floor", "", "engine", "seconds a training")
    for name in asked.names or FLOORS:
        for row in rows(name, FLOORS[name], asked.replicates):
            table.add_row(*row)
    Console(highlight=False, width=120).print(table)


def rows(name: str, floor: Floor, replicates: int) -> Iterator[tuple[str, ...]]:
    """What was reached, in words: a row, or three where there is a control."""
    try:
        treated = Trained.of(floor.recipe, replicates)
        control = floor.control and Trained.of(floor.control, replicates)
    except EtudeError as error:
        yield (name, str(error), "", f"{floor.accuracy:.1%}", "not run", "", "")
        return
    if not control:
        yield (name, *judged(treated.accuracies, floor), *treated.means)
        return
    yield (f"{name}: {floor.recipe['model']['name']}", *middle(treated.accuracies), "", "", *treated.means)
    yield (f"{name}: from nothing", *middle(control.accuracies), "", "", *control.means)
    gains = [one - other for one, other in zip(treated.accuracies, control.accuracies, strict=True)]
    yield (f"{name}: gain", *judged(gains, floor), "", "")


@dataclass(frozen=True, slots=True)
class Trained:
    """Test accuracies by replicate; the engine, and the mean of the seconds of one training, as words."""

    accuracies: tuple[float, ...]
    means: tuple[str, str]

    @classmethod
    def of(cls, fields: Mapping[str, Any], replicates: int) -> Self:
        """Train them."""
        recipe = Recipe(**fields)
        check(recipe.data)
        with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "runs.db") as store:
            result = execute(Plan(base=recipe, replicates=replicates), store, means=Means(), watch=lambda _: None)
        runs = sorted((run for arm in result.runs.values() for run in arm), key=lambda run: run.replicate or 0)
        seconds = statistics.mean(float(run.provenance["seconds"]) for run in runs)
        accuracies = tuple(run.score("accuracy", "test") for run in runs)
        return cls(accuracies, (str(runs[0].provenance["engine"]), f"{seconds:.0f}"))


def judged(found: Sequence[float], floor: Floor) -> tuple[str, ...]:
    """The median, each, the floor, and whether it was reached."""
    reached = "reached" if statistics.median(found) >= floor.accuracy else "missed"
    return (*middle(found), f"{floor.accuracy:.1%}", reached)


def middle(found: Sequence[float]) -> tuple[str, str]:
    """The median, and each."""
    return f"{statistics.median(found):.2%}", ", ".join(f"{one:.2%}" for one in sorted(found))


if __name__ == "__main__":
    main()
