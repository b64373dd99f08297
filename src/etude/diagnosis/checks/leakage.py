"""What should be held out is known already: rows in both parts, or an input that tells the target."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import score_at, scores
from etude.diagnosis.saying import figure, percent
from etude.values.errors import EtudeError
from etude.values.finding import Cause, Finding, Measured, NotRun, Place

if TYPE_CHECKING:  # a log of another tool has no recipe
    from etude.values.data import Data

SYMPTOM = "leakage"
TWINS, MANY_TWINS = 0.02, 0.1
"""Share of held-out rows that are also in the training part, inputs and target alike."""

FEW_VALUES = 20
"""Different values of the most varied input below which equal rows come about by chance."""

TELLS_ALL = 0.995
"""Area under the ROC curve of a single input, or rank correlation with a number: no honest measurement is so good."""

EASIER = 4.0
"""Standard errors by which validation must be easier than training: lucky splits are many."""

PERFECT = 0.995
"""Validation accuracy, from the first point on."""

LARGEST = 200_000
"""Rows that are looked through."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the rows show.

    twins:  held-out rows that are in the training part too, of how many
    telling: the input that best tells the target, and how well, from 0.5 or 0 to 1
    varied: different values of the input that has most
    """

    twins: int
    held_out: int
    telling: str
    how_well: float
    varied: int


def look(case: Case) -> Seen:
    """Equal rows in both parts, and inputs that tell the target on their own, in the recipe's data; else the curves.

    A log has no rows, so where its curves are not suspicious the check has not been made.
    """
    rows = None if case.recipe is None else _rows(case.recipe.data)
    if rows is None:
        need = "it needs the data, as a recipe with a table of the user's own, arrays or a bundled set names them"
        return _easier(case) or _perfect(case) or NotRun(SYMPTOM, need)
    if rows.how_well >= TELLS_ALL:
        return _telling(case, rows)
    if rows.twins > TWINS * rows.held_out:
        return _twins(case, rows)
    return None


def _easier(case: Case) -> Finding | None:
    """A validation loss far below the training loss, both in evaluation mode: there is no dropout to explain it."""
    train, held = (score_at(case, f"{split}/log_loss") for split in ("train", "validation"))
    if train is None or held is None or not train.error or not held.error:
        return None
    gap, error = train.value - held.value, math.hypot(train.error, held.error)
    if gap <= EASIER * error:
        return None
    return Finding(
        SYMPTOM,
        f"In evaluation mode the log loss of the validation part is {figure(gap)} nats below that of training, "
        f"{figure(gap / error)} standard errors: it is easier, or it is known.",
        "warning",
        0.4,
        (Measured("training minus validation log loss", gap, "nats", gap - 1.96 * error, gap + 1.96 * error),),
        _place(case),
        (
            Cause("validation rows drawn from another, easier group", "the share of each class in both parts"),
            Cause("validation rows that are also in the training part", "equal rows in both parts"),
        ),
        ("split again, at random and by group",),
    )


def _perfect(case: Case) -> Finding | None:
    """A validation accuracy that is perfect from its first point on."""
    accuracy = scores(case, "validation", "accuracy", "acc")
    if accuracy is None or accuracy.values.size < 3 or not PERFECT <= float(accuracy.values.min()) <= 1:
        return None
    return Finding(
        SYMPTOM,
        f"The validation accuracy is {percent(float(accuracy.values[0]))} at its first point already, and never below "
        f"{percent(float(accuracy.values.min()))}. Few tasks are that easy.",
        "warning",
        0.4,
        (Measured("least validation accuracy", 100 * float(accuracy.values.min()), "%"),),
        (Place(accuracy.name, int(accuracy.steps[0]), int(accuracy.steps[-1])),),
        (
            Cause("the target, or something made from it, among the inputs", "the score of each input alone"),
            Cause("validation rows that are also in the training part", "equal rows in both parts"),
            Cause("a network that had learned the task before", "the score before the first step"),
        ),
        ("take out inputs that are known only after the target", "split before anything is copied"),
    )


@lru_cache(maxsize=64)
def _rows(data: "Data") -> _Rows | None:
    from etude.data.load import load  # here, because logs of other tools need none of it
    from etude.values.data import Arrays, Bundled, Table

    if not isinstance(data, Arrays | Bundled | Table):
        return None
    try:
        splits = load(data, seed=0, replicate=0)
    except (EtudeError, OSError):  # the file is elsewhere, or has changed
        return None
    train, held = splits.train, splits.validation
    if len(train.inputs) > LARGEST:
        return None
    known = {row.tobytes() for row in _joined(train.inputs, train.targets)}
    twins = sum(row.tobytes() in known for row in _joined(held.inputs, held.targets))
    strengths = _strengths(train.inputs, train.targets, kind=splits.kind)
    best = int(strengths.argmax())
    varied = max(np.unique(column).size for column in train.inputs.T)
    return _Rows(twins, len(held.inputs), splits.features[best], float(strengths[best]), varied)


def _joined(inputs: NDArray[np.float32], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ascontiguousarray(np.column_stack([inputs.astype(np.float64), targets]))


def _strengths(inputs: NDArray[np.float32], targets: NDArray[np.float64], *, kind: str) -> NDArray[np.float64]:
    """How well each input alone tells the target: the area under its ROC curve, or |Spearman's correlation|, (inputs,).

    The area is (R − n₁(n₁ + 1)/2)/(n₁n₀), R the sum of class 1's ranks; ties have their mean rank. Several classes are
    left out: one input may well tell one class.
    Source: Mann and Whitney (1947), doi:10.1214/aoms/1177730491.
    """
    ranks = np.column_stack([_ranks(column) for column in inputs.T.astype(np.float64)])
    if kind == "multiclass":
        return np.zeros(inputs.shape[1])
    if kind == "binary":
        ones = targets > 0.5
        n1, n0 = int(ones.sum()), int((~ones).sum())
        if not n1 or not n0:
            return np.zeros(inputs.shape[1])
        area = (ranks[ones].sum(axis=0) - n1 * (n1 + 1) / 2) / (n1 * n0)
        return np.asarray(np.maximum(area, 1 - area))
    centred, mine = ranks - ranks.mean(axis=0), _ranks(targets)
    mine = mine - mine.mean()
    size = np.sqrt((centred**2).sum(axis=0) * (mine**2).sum())
    return np.asarray(np.abs(centred.T @ mine) / np.where(size > 0, size, 1))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing their mean rank, shape (n,)."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse])


def _place(case: Case) -> tuple[Place, ...]:
    held = case.validation
    return () if held is None else (Place(held.name, int(held.steps[0]), int(held.steps[-1])),)


def _telling(case: Case, rows: _Rows) -> Finding:
    return Finding(
        SYMPTOM,
        f"The input {rows.telling} alone tells the target nearly without error ({figure(rows.how_well)} of 1). Either "
        "the task is that easy, or this input is known only once the target is.",
        "error",
        0.7,
        (Measured(f"how well {rows.telling} alone tells the target (0.5: not at all, 1: surely)", rows.how_well),),
        _place(case),
        (
            Cause("an input that was made from the target, or is known only after it", "when and how it is measured"),
            Cause("a task that is that easy", "the score without this input"),
        ),
        (f"leave {rows.telling} out",),
    )


def _twins(case: Case, rows: _Rows) -> Finding:
    share, chance = rows.twins / rows.held_out, rows.varied < FEW_VALUES
    return Finding(
        SYMPTOM,
        f"{rows.twins:,} of {rows.held_out:,} validation rows ({percent(share)}) are also in the training part, target "
        "and all. They measure what was learned by heart.",
        "note" if chance else "error" if share > MANY_TWINS else "warning",
        0.3 if chance else 0.9 if share > MANY_TWINS else 0.75,
        (Measured("validation rows that are also in the training part", 100 * share, "%"),),
        _place(case),
        (
            Cause("rows that were copied before the split, or come twice in the file", "equal rows in the file"),
            Cause("inputs of few values, of which many rows share all", "how many different rows there are at all"),
        ),
        ("drop repeated rows before the split", "split by group, so that copies stay together"),
    )


CHECK = RunCheck(SYMPTOM, look)
