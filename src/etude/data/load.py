"""Any source of rows to the arrays of one replicate, and to the best scores possible on it."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etude.data.encode import encode
from etude.data.frame import Frame
from etude.data.given import arrays_frame, bundled_fingerprint, bundled_frame
from etude.data.partition import Shares, check_partition, partition
from etude.data.source import Source
from etude.data.sources import moons, rings, sincos, spirals, waves, xor
from etude.data.splits import Splits
from etude.data.table import table_fingerprint, table_frame
from etude.data.tasks import check_task, draw_task, flipped_truth, task_fingerprint, task_limits
from etude.numerics.limits import binary_limits, multiclass_limits, regression_limits
from etude.values.data import Arrays, Bundled, Data, Table, Task
from etude.values.errors import RecipeError
from etude.values.metric import Kind, Limit
from etude.values.spec import nearest

SOURCES: Mapping[str, Source] = MappingProxyType(
    {module.SOURCE.name: module.SOURCE for module in (sincos, xor, rings, moons, spirals, waves)}
)
"""The synthetic tasks by name, the learner's own first; a new one is one file and one name here."""


def check(data: Data) -> None:
    """A RecipeError or DataError where the data cannot be learned from, before anything is trained.

    >>> check(Task(task="sincos", features=3))
    """
    if isinstance(data, Task):
        check_task(_source(data), data)
    else:
        check_partition(_frame(data), Shares(data.validation, data.test))


def load(data: Data, *, seed: int, replicate: int) -> Splits:
    """The rows of one replicate; the same arguments give the same bits.

    A synthetic task draws fresh rows and a fresh test set for each replicate; real rows are split anew.

    >>> load(Task(task="sincos"), seed=0, replicate=0).train.inputs.shape
    (800, 2)
    """
    if isinstance(data, Task):
        check(data)
        return draw_task(_source(data), data, seed=seed, replicate=replicate)
    frame, shares = _frame(data), Shares(data.validation, data.test)
    check_partition(frame, shares)
    return encode(frame, partition(frame, shares, seed=seed, replicate=replicate))


def limits(data: Data, *, seed: int) -> Mapping[str, Limit]:
    """Chance, best constant and, where the truth is known, the Bayes limit, for each metric of the data's kind.

    Those of a task describe its distribution and are the same for every seed; those of real rows describe all rows.

    >>> round(limits(Task(task="sincos", flip=0.05), seed=0)["log_loss"].bayes, 6)
    0.198515
    """
    check(data)
    if isinstance(data, Task):
        return task_limits(_source(data), data)
    frame = _frame(data)
    if frame.kind == "regression":
        return regression_limits(frame.targets)
    if frame.kind == "binary":
        return binary_limits(frame.targets, bayes=False)
    return multiclass_limits(np.bincount(frame.targets.astype(np.int64)) / frame.targets.size)


def fingerprint(data: Data) -> str:
    """The identity of the content, 64 hexadecimal digits: another file under the same name has another one.

    >>> fingerprint(Task(task="xor")) == fingerprint(Task(task="xor", rows=50))
    True
    """
    match data:
        case Task():
            return task_fingerprint(_source(data))
        case Table():
            return table_fingerprint(data)
        case Bundled():
            return bundled_fingerprint(data)
        case Arrays():
            return data.checksum


def kind_of(data: Data) -> Kind:
    """What is predicted.

    >>> kind_of(Task(task="waves"))
    'regression'
    """
    return _source(data).kind if isinstance(data, Task) else _frame(data).kind


def decision_truth(data: Data, inputs: ArrayLike) -> NDArray[np.float64] | None:
    """P(y = 1 | x), flips included, at inputs of shape (rows, features), shape (rows,); None where unknown.

    >>> decision_truth(Task(task="xor", flip=0.1), [[1.0, -1.0], [1.0, 1.0]]).round(2).tolist()
    [0.9, 0.1]
    """
    if not isinstance(data, Task) or _source(data).kind != "binary":
        return None
    return flipped_truth(_source(data), data, np.asarray(inputs, dtype=np.float64))


def task(  # noqa: PLR0913 - the fields of a Task
    name: str,
    *,
    rows: int = 1000,
    features: int | None = None,
    flip: float = 0.0,
    noise: float | None = None,
    validation: float = 0.2,
    test_rows: int = 5000,
) -> Task:
    """A synthetic task whose best possible score is known, checked at once; `etude.data.load.SOURCES` lists them.

    >>> task("sincos", rows=1500, features=3, flip=0.05).rows
    1500
    """
    made = Task(
        task=name, rows=rows, features=features, flip=flip, noise=noise, validation=validation, test_rows=test_rows
    )
    check(made)
    return made


def table(  # noqa: PLR0913 - the fields of a Table
    path: str | Path,
    *,
    target: str,
    kind: Literal["classification", "regression"] | None = None,
    drop: tuple[str, ...] = (),
    missing: Literal["refuse", "impute"] = "refuse",
    validation: float = 0.2,
    test: float = 0.2,
) -> Table:
    """The user's own CSV, TSV or Parquet file, read and checked at once.

    target: the column to predict; drop: columns to leave out
    missing: "refuse" gaps, or "impute" them with the training median and mark them in an input of their own
    """
    made = Table(
        table=str(path), target=target, kind=kind, drop=tuple(drop), missing=missing, validation=validation, test=test
    )
    check(made)
    return made


def bundled(name: str, *, validation: float = 0.2, test: float = 0.2) -> Bundled:
    """One of scikit-learn's bundled sets (breast_cancer, digits, diabetes, iris, wine), checked at once.

    >>> bundled("wine").bundled
    'wine'
    """
    made = Bundled(bundled=name, validation=validation, test=test)
    check(made)
    return made


def _source(data: Task) -> Source:
    if data.task not in SOURCES:
        raise RecipeError(f"no task {data.task!r}. {nearest(data.task, SOURCES)}")
    return SOURCES[data.task]


def _frame(data: Table | Bundled | Arrays) -> Frame:
    match data:
        case Table():
            return table_frame(data)
        case Bundled():
            return bundled_frame(data)
        case Arrays():
            return arrays_frame(data)
