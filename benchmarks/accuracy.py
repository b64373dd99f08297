"""How well étude's networks do on real data: the median test accuracy of five replicates, beside a floor.

The floors were set before anything was run. A set that is not on this machine is said and left out, never replaced.

    python benchmarks/accuracy.py                  all of them, half an hour
    python benchmarks/accuracy.py mnist vowels     these only
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.table import Table

from etude.data.load import check
from etude.records.store import open_store
from etude.studies.execute import Means, execute
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


@dataclass(frozen=True, slots=True)
class Floor:
    """What is trained, and the accuracy that the median of its replicates should reach."""

    recipe: Mapping[str, Any]
    accuracy: float


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
    }
)


def main() -> None:
    """Train, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[*FLOORS, []], help="all where none is given")
    parser.add_argument("--replicates", type=int, default=5)
    asked = parser.parse_args()
    table = Table("", "test accuracy, median", "of each replicate", "floor", "", "engine", "seconds")
    for name in asked.names or FLOORS:
        table.add_row(name, *row(FLOORS[name], asked.replicates))
    Console(highlight=False, width=120).print(table)


def row(floor: Floor, replicates: int) -> list[str]:
    """What was reached, in words."""
    began, recipe = time.monotonic(), Recipe(**floor.recipe)
    try:
        check(recipe.data)
    except EtudeError as error:
        return [str(error), "", f"{floor.accuracy:.1%}", "not run", "", ""]
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "runs.db") as store:
        result = execute(Plan(base=recipe, replicates=replicates), store, means=Means(), watch=lambda _: None)
    runs = [run for arm in result.runs.values() for run in arm]
    found = [run.score("accuracy", "test") for run in runs]
    middle = statistics.median(found)
    reached = "reached" if middle >= floor.accuracy else "missed"
    each = ", ".join(f"{one:.2%}" for one in sorted(found))
    engine = str(runs[0].provenance["engine"])
    return [f"{middle:.2%}", each, f"{floor.accuracy:.1%}", reached, engine, f"{time.monotonic() - began:.0f}"]


if __name__ == "__main__":
    main()
