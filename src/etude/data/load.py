"""Any source of rows to the arrays of one replicate, and to the best scores possible on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etude.data.encode import encode
from etude.data.fetch import Watch
from etude.data.frame import Frame
from etude.data.given import arrays_frame, bundled_fingerprint, bundled_frame
from etude.data.images import check_images, draw_images, fetch_images, images_fingerprint, images_kind, images_limits
from etude.data.memory import check_memory, draw_memory, memory_classes, memory_fingerprint, memory_kind, memory_limits
from etude.data.names import check_names, draw_names, names_fingerprint, names_kind, names_limits
from etude.data.partition import Shares, check_partition, partition
from etude.data.series import check_series, draw_series, series_fingerprint, series_kind, series_limits
from etude.data.source import Source
from etude.data.sources import moons, rings, sincos, spirals, waves, xor
from etude.data.splits import Splits
from etude.data.table import table_fingerprint, table_frame
from etude.data.tasks import check_task, draw_task, flipped_truth, task_fingerprint, task_limits
from etude.data.text import check_text, draw_text, fetch_text, text_fingerprint, text_limits
from etude.numerics.limits import binary_limits, multiclass_limits, regression_limits
from etude.values.data import Arrays, Bundled, Data, Images, Memory, Names, Series, Table, Task, Text
from etude.values.errors import RecipeError
from etude.values.metric import Kind, Limit
from etude.values.nearest import nearest

SOURCES: Mapping[str, Source] = MappingProxyType(
    {module.SOURCE.name: module.SOURCE for module in (sincos, xor, rings, moons, spirals, waves)}
)
"""The synthetic tasks by name, the learner's own first; a new one is one file and one name here."""


@dataclass(frozen=True, slots=True)
class Loader:
    """What every kind of data can be asked.

    check:       an error where it cannot be learned from
    draw:        the rows of one replicate, as draw(data, seed=…, replicate=…)
    limits:      of each metric
    fingerprint: sha256 of the content
    kind:        what is predicted
    classes:     the label of each class, in class order; empty for numbers
    fetch:       have its files here, telling a progress bar; None where nothing is ever downloaded
    """

    check: Callable[[Any], object]
    draw: Callable[..., Splits]
    limits: Callable[[Any], Mapping[str, Limit]]
    fingerprint: Callable[[Any], str]
    kind: Callable[[Any], Kind]
    classes: Callable[[Any], tuple[str, ...]]
    fetch: Callable[[Any, Watch | None], None] | None = None


def check(data: Data) -> None:
    """A RecipeError or DataError where the data cannot be learned from, before anything is trained.

    >>> check(Task(task="sincos", features=3))
    """
    LOADERS[type(data)].check(data)


def load(data: Data, *, seed: int, replicate: int) -> Splits:
    """The rows of one replicate; the same arguments give the same bits.

    A synthetic task draws fresh rows and a fresh test set for each replicate; real rows are split anew, but for a test
    part that is drawn once, and an official test set stays what it is.

    >>> load(Task(task="sincos"), seed=0, replicate=0).train.inputs.shape
    (800, 2)
    """
    check(data)
    return LOADERS[type(data)].draw(data, seed=seed, replicate=replicate)


def limits(data: Data, *, seed: int) -> Mapping[str, Limit]:
    """Chance, best constant and, where the truth is known, the Bayes limit, for each metric of the data's kind.

    Those of a task describe its distribution and are the same for every seed; those of real rows describe all rows, or
    the official test set.

    >>> round(limits(Task(task="sincos", flip=0.05), seed=0)["log_loss"].bayes, 6)
    0.198515
    """
    check(data)
    return LOADERS[type(data)].limits(data)


def fingerprint(data: Data) -> str:
    """The identity of the content, 64 hexadecimal digits: another file under the same name has another one.

    >>> fingerprint(Task(task="xor")) == fingerprint(Task(task="xor", rows=50))
    True
    """
    return LOADERS[type(data)].fingerprint(data)


def kind_of(data: Data) -> Kind:
    """What is predicted.

    >>> kind_of(Task(task="waves"))
    'regression'
    """
    return LOADERS[type(data)].kind(data)


def class_names(data: Data) -> tuple[str, ...]:
    """The label of each class, in class order; empty for numbers.

    >>> class_names(Task(task="sincos"))
    ('0', '1')
    """
    return LOADERS[type(data)].classes(data)


def fetch(data: Data, watch: Watch | None = None) -> None:
    """Have the files of published data here, downloading those that are nowhere yet; `watch` is told of the progress.

    >>> fetch(Task(task="waves"))
    """
    loader = LOADERS[type(data)]
    if loader.fetch:
        loader.fetch(data, watch)


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
    test_drawn: Literal["per replicate", "once"] = "per replicate",
) -> Table:
    """The user's own CSV, TSV or Parquet file, read and checked at once.

    target: the column to predict; drop: columns to leave out
    missing: "refuse" gaps, or "impute" them with the training median and mark them in an input of their own
    test_drawn: "once" keeps the same test rows out of every replicate
    """
    made = Table(
        table=str(path),
        target=target,
        kind=kind,
        drop=tuple(drop),
        missing=missing,
        validation=validation,
        test=test,
        test_drawn=test_drawn,
    )
    check(made)
    return made


def bundled(
    name: str,
    *,
    validation: float = 0.2,
    test: float = 0.2,
    test_drawn: Literal["per replicate", "once"] = "per replicate",
) -> Bundled:
    """One of scikit-learn's bundled sets (breast_cancer, digits, diabetes, iris, wine), checked at once.

    >>> bundled("wine").bundled
    'wine'
    """
    made = Bundled(bundled=name, validation=validation, test=test, test_drawn=test_drawn)
    check(made)
    return made


def _source(data: Task) -> Source:
    if data.task not in SOURCES:
        raise RecipeError(f"no task {data.task!r}. {nearest(data.task, SOURCES)}")
    return SOURCES[data.task]


def _of_frame(frame_of: Callable[[Any], Frame], content: Callable[[Any], str]) -> Loader:
    """Real rows without an official test set: split anew in each replicate, the test part if it is asked for."""

    def check_rows(data: Table | Bundled | Arrays) -> Frame:
        frame = frame_of(data)
        check_partition(frame, _shares(data))
        return frame

    def draw(data: Table | Bundled | Arrays, *, seed: int, replicate: int) -> Splits:
        frame = frame_of(data)
        form = data.form if isinstance(data, Arrays) else ()
        return encode(frame, partition(frame, _shares(data), seed=seed, replicate=replicate), form=form)

    def limits_of(data: Table | Bundled | Arrays) -> Mapping[str, Limit]:
        frame = frame_of(data)
        if frame.kind == "regression":
            return regression_limits(frame.targets)
        if frame.kind == "binary":
            return binary_limits(frame.targets, bayes=False)
        return multiclass_limits(np.bincount(frame.targets.astype(np.int64)) / frame.targets.size)

    return Loader(
        check_rows, draw, limits_of, content, lambda data: frame_of(data).kind, lambda data: frame_of(data).classes
    )


def _shares(data: Table | Bundled | Arrays) -> Shares:
    return Shares(data.validation, data.test, test_once=data.test_drawn == "once")


LOADERS: Mapping[type, Loader] = MappingProxyType(
    {
        Task: Loader(
            check=lambda data: check_task(_source(data), data),
            draw=lambda data, **which: draw_task(_source(data), data, **which),
            limits=lambda data: task_limits(_source(data), data),
            fingerprint=lambda data: task_fingerprint(_source(data)),
            kind=lambda data: _source(data).kind,
            classes=lambda data: ("0", "1") if _source(data).kind == "binary" else (),
        ),
        Memory: Loader(check_memory, draw_memory, memory_limits, memory_fingerprint, memory_kind, memory_classes),
        Table: _of_frame(table_frame, table_fingerprint),
        Bundled: _of_frame(bundled_frame, bundled_fingerprint),
        Arrays: _of_frame(arrays_frame, lambda data: data.checksum),
        Images: Loader(
            check_images,
            draw_images,
            images_limits,
            images_fingerprint,
            images_kind,
            lambda data: check_images(data).classes,
            fetch_images,
        ),
        Series: Loader(
            check_series,
            draw_series,
            series_limits,
            series_fingerprint,
            series_kind,
            lambda data: check_series(data).classes,
        ),
        Text: Loader(
            check_text,
            draw_text,
            text_limits,
            text_fingerprint,
            lambda _: "multiclass",
            lambda data: check_text(data)[0].alphabet,
            fetch_text,
        ),
        Names: Loader(check_names, draw_names, names_limits, names_fingerprint, names_kind, lambda data: data.names),
    }
)
"""Every kind of data; a new one is one spec, one file here and one line."""
