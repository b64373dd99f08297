"""Causes that no recipe can say: how often étude names them where they were seeded, and where they were not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from bank.arms import BankArm
from bank.beyond import STEPS
from bank.runs import arms_of, curve_of, shown_recipe
from bank.truth import SMALLEST, truths

from etude.diagnosis.case import Case, case_of
from etude.diagnosis.check import Seen
from etude.diagnosis.checks import bad_initialisation, data_order, leakage
from etude.diagnosis.outcomes import share_of
from etude.values.finding import Finding, NotRun
from etude.values.run import Run

SHUFFLED, USUAL_WEIGHTS = "shuffled", "usual weights"
"""The interventions that take a cause away."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """A symptom that a check names.

    seeded: by what is said of them, the arms that have its cause
    others: what is said of the runs without it
    cure:   the intervention that takes the cause away; "" where none was tried
    """

    name: str
    look: Callable[[Case], Seen]
    seeded: Mapping[str, Callable[[BankArm], bool]]
    others: str
    cure: str


SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        "bad initialisation",
        bad_initialisation.CHECK.look,
        MappingProxyType(
            {
                "initial weights × 3 to 10": lambda arm: (arm.weights_times or 0) > 1,
                "initial weights × 0.01 to 0.3": lambda arm: 0 < (arm.weights_times or 0) < 1,
            }
        ),
        "every other run made by étude's engines",
        USUAL_WEIGHTS,
    ),
    Symptom(
        "data order",
        data_order.CHECK.look,
        MappingProxyType({"rows in the order of their targets": lambda arm: arm.sorted}),
        "the same with a fresh order each epoch",
        SHUFFLED,
    ),
    Symptom(
        "leakage",
        leakage.CHECK.look,
        MappingProxyType({"5 to 50 % of the rows copied before the split": lambda arm: arm.cause == "leakage"}),
        "every other run made by étude's engines",
        "",
    ),
)


@dataclass(frozen=True, slots=True)
class Named:
    """How often a symptom was named. `matters`: arms whose cause, taken away, leaves a gain that counts."""

    symptom: str
    runs: str
    seen: int
    judged: int
    unable: int
    matters: str = "–"

    def row(self) -> str:
        """A line of the table."""
        of = share_of("", self.seen, self.judged) if self.judged else None
        share = f"{self.seen} of {self.judged}: {of.value:.0f} % ({of.low:.0f} to {of.high:.0f})" if of else "none"
        return f"| {self.symptom} | {self.runs} | {share} | {self.unable} | {self.matters} |"


def named(path: Path, part: str) -> list[Named]:
    """Each symptom on the arms that have its cause, and on others, of one part of the bank."""
    given = [(arm, rows) for arm, rows in arms_of(path) if arm.pair.part == part]
    return [row for symptom in SYMPTOMS for row in _of_symptom(symptom, given)]


Given = Sequence[tuple[BankArm, Sequence[Mapping[str, Any]]]]


def _of_symptom(symptom: Symptom, given: Given) -> Iterator[Named]:
    for what, has in symptom.seeded.items():
        ill = [(arm, rows) for arm, rows in given if has(arm)]
        runs = [run for arm, rows in ill for run in _logged(arm, rows, "control")]
        yield _count(symptom, what, runs, _matters(symptom, ill))
    if symptom.cure == SHUFFLED:
        well = [run for arm, rows in given if arm.sorted for run in _logged(arm, rows, SHUFFLED)]
    else:
        free = [
            (arm, rows) for arm, rows in given if not arm.sorted and not any(f(arm) for f in symptom.seeded.values())
        ]
        well = [run for arm, rows in free for run in _logged(arm, rows, "control")]
    yield _count(symptom, symptom.others, well, "–")


def _count(symptom: Symptom, runs: str, of: Sequence[Run], matters: str) -> Named:
    seen = [symptom.look(case_of(run)) for run in of]
    unable = sum(isinstance(one, NotRun) for one in seen)
    found = sum(isinstance(one, Finding) for one in seen)
    return Named(symptom.name, runs, found, len(seen) - unable, unable, matters)


def _matters(symptom: Symptom, ill: Given) -> str:
    if not symptom.cure:
        return "not tried"
    gains = [truths(rows)[0].gains.get(symptom.cure) for _, rows in ill]
    tried = [gain for gain in gains if gain is not None]
    return f"{int(np.sum(np.array(tried) >= SMALLEST))} of {len(tried)}"


def _logged(arm: BankArm, rows: Sequence[Mapping[str, Any]], intervention: str) -> Iterator[Run]:
    """The runs with every curve that was kept: with étude's scores and recipe, or as a user's own loop would log them.

    Of such a loop the loss of each step is known, and no recipe.
    """
    for row in rows:
        if row["intervention"] != intervention:
            continue
        curves = {name: curve_of(name, row) for name in row["curves"]}
        if arm.sorted:
            curves = {"train/objective": curves[STEPS], "validation/objective": curves["validation/objective"]}
        last = int(curves["train/objective"].steps[-1])
        yield Run(
            f"{row['arm']} · {row['replicate']}",
            MappingProxyType(curves),
            ended=row["ended"],
            last_step=last,
            kept_step=last,
            recipe=None if arm.sorted else shown_recipe(arm),
            replicate=row["replicate"],
        )
