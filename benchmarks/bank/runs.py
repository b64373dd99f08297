"""The bank's trainings as they are judged: each control run with its truth."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bank.truth import Truth, truths

from etude.values.curve import Curve, curve
from etude.values.recipe import Recipe
from etude.values.run import Run


@dataclass(frozen=True, slots=True, eq=False)
class BankRun:
    """One run of the bank. `run`: with its recipe and the two curves that any log has."""

    arm: str
    part: str
    data: str
    architecture: str
    cause: str
    run: Run
    truth: Truth
    row: Mapping[str, Any]


def read_bank(path: Path, *, part: str | None = None) -> list[BankRun]:
    """Every control run of arms that are complete, or of those of one part."""
    return [run for rows in _arms(path) for run in _runs(rows, part)]


def _arms(path: Path) -> Iterator[Sequence[Mapping[str, Any]]]:
    arms: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            arms[row["arm"]].append(row)
    yield from arms.values()


def _runs(rows: Sequence[Mapping[str, Any]], part: str | None) -> Iterator[BankRun]:
    controls = {row["replicate"]: row for row in rows if row["intervention"] == "control"}
    counts = {(row["intervention"], row["replicate"]) for row in rows}
    interventions = {name for name, _ in counts}
    whole = len(counts) == len(interventions) * len(controls)
    first = next(iter(controls.values()), None)
    if first is None or not whole or len(interventions) < 7 or (part and first["part"] != part):
        return
    for replicate, truth in truths(rows).items():
        row = controls[replicate]
        yield BankRun(row["arm"], row["part"], row["data"], row["architecture"], row["cause"], run_of(row), truth, row)


def run_of(row: Mapping[str, Any]) -> Run:
    """The run as a log would hold it, and its recipe."""
    curves = {name: _curve(name, row) for name in ("train/objective", "validation/objective")}
    last = int(curves["train/objective"].steps[-1])
    return Run(
        f"{row['arm']} · {row['replicate']}",
        MappingProxyType(curves),
        ended=row["ended"],
        last_step=last,
        kept_step=last,
        recipe=Recipe(**row["recipe"]),
        replicate=row["replicate"],
    )


def _curve(name: str, row: Mapping[str, Any]) -> Curve:
    kept = row["curves"][name]
    values = [float("nan") if value is None else value for value in kept["values"]]
    return curve(name, kept["steps"], values)
