"""The bank's trainings as they are judged: each control run with its truth."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bank.arms import BankArm, arms
from bank.beyond import with_weights
from bank.interventions import INTERVENTIONS
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
    return [run for arm, rows in arms_of(path) for run in _runs(rows, arm, part)]


def arms_of(path: Path) -> Iterator[tuple[BankArm, Sequence[Mapping[str, Any]]]]:
    """Each arm with its trainings. What an arm is stands in the table of arms; a row tells how it went."""
    rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            rows[row["arm"]].append(row)
    return ((arm, rows[arm.name]) for arm in arms() if arm.name in rows)


def _runs(rows: Sequence[Mapping[str, Any]], arm: BankArm, part: str | None) -> Iterator[BankRun]:
    controls = {row["replicate"]: row for row in rows if row["intervention"] == "control"}
    pair, there = arm.pair, {(row["intervention"], row["replicate"]) for row in rows}
    wanted = {name for name, intervene in INTERVENTIONS.items() if intervene(arm.recipe) is not None}
    if (part and pair.part != part) or arm.cause == "leakage":  # whose test part leaks: no truth is known of it
        return
    if not controls or not there >= {(name, replicate) for name in wanted for replicate in controls}:
        return
    for replicate, truth in truths(rows).items():
        row = controls[replicate]
        yield BankRun(arm.name, pair.part, pair.data_name, pair.architecture, arm.cause, run_of(row, arm), truth, row)


def run_of(row: Mapping[str, Any], arm: BankArm) -> Run:
    """The run as a log would hold it, and its recipe."""
    curves = {name: curve_of(name, row) for name in ("train/objective", "validation/objective")}
    last = int(curves["train/objective"].steps[-1])
    return Run(
        f"{row['arm']} · {row['replicate']}",
        MappingProxyType(curves),
        ended=row["ended"],
        last_step=last,
        kept_step=last,
        recipe=shown_recipe(arm),
        replicate=row["replicate"],
    )


def shown_recipe(arm: BankArm) -> Recipe:
    """What was trained, as its user would know it; that rows are sorted no recipe says."""
    return arm.recipe if arm.weights_times is None else with_weights(arm.recipe, arm.weights_times)


def curve_of(name: str, row: Mapping[str, Any]) -> Curve:
    """One of the curves that were kept."""
    kept = row["curves"][name]
    values, errors = (_numbers(kept[what]) for what in ("values", "errors"))
    assert values is not None
    return curve(name, kept["steps"], values, standard_errors=errors)


def _numbers(kept: Sequence[float | None] | None) -> list[float] | None:
    return None if kept is None else [float("nan") if value is None else value for value in kept]
