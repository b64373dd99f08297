"""Aim's repository, a folder .aim of RocksDB files, through Aim itself where it is installed."""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.records.facts import facts
from etude.records.labels import text, told_apart
from etude.records.logged import MOST_SERIES, Log, LogError, Reader, Series, series
from etude.records.rows import unique
from etude.records.sqlite_log import is_sqlite

TABLES = "run_metadata.sqlite"
"""The one file of a repository that stands for all of it."""

NUMBERS = frozenset({"float", "float64", "int"})
"""What Aim calls the sequences that are numbers; others are texts, pictures and the like."""

COLUMNS = ("val", "step", "epoch", "time")

Json = Mapping[Any, Any]
Floats = NDArray[np.float64]
Columns = Mapping[str, Floats]
"""Some of COLUMNS, all of one shape, in the order of the steps."""


def recognises(path: Path, head: bytes) -> bool:
    """Whether it is the SQLite file that lies in every repository of Aim, beside its RocksDB files."""
    return path.name == TABLES and is_sqlite(head) and (path.parent / "meta" / "chunks").is_dir()


def read(files: Sequence[Path], root: Path) -> Iterator[Log | LogError]:
    """Every run of every repository."""
    for path in files:
        try:
            repository = importlib.import_module("aim").Repo
        except Exception as error:  # noqa: BLE001 - a package that is installed in part can raise anything
            yield LogError(
                f"{path.parent} is a repository of Aim, which only Aim can read, and Aim cannot be imported ({error}). "
                "Install it with `pip install 'etude[aim]'`, or export the run there: Run.dataframe() gives a table, "
                "of which to_csv writes a CSV file that étude reads. Nothing was read."
            )
        else:
            yield from _logs(repository, path.parent)


def _logs(repository: Any, folder: Path) -> Iterator[Log | LogError]:  # noqa: ANN401 - Aim has no types
    try:
        status = repository.check_repo_status(str(folder.parent)).name
        if status != "UPDATED":  # Aim would bring it to its own version as soon as it is opened
            says = f"{folder} is of another version of Aim ({status}), and opening it would change it. "
            yield LogError(f"{says}Run `aim storage upgrade` there. Nothing was read.")
            return
        opened = repository(str(folder.parent))
        hashes = sorted(opened.list_all_runs())
        abouts = [opened.structured_db.find_run(one) for one in hashes]
    except Exception as error:  # noqa: BLE001 - of damage Aim raises whatever its layers raise
        yield _failed(folder, error)
        return
    titles = [text(str(about.name or "")) if about else "" for about in abouts]
    names = told_apart(list(zip(titles, hashes, strict=True)))
    for name, one in zip(names, hashes, strict=True):
        try:
            log = _run(opened, one, name, folder)
        except Exception as error:  # noqa: BLE001 - likewise
            yield _failed(folder, error, f"run {one} of ")
        else:
            yield log


def _failed(folder: Path, error: Exception, what: str = "") -> LogError:
    says = text(f"{type(error).__name__}: {error}")
    return LogError(
        f"{what}{folder} cannot be read by Aim, which says {says}. `aim runs close` or `aim storage reindex` may "
        "repair it. Nothing of it was read."
    )


def _run(opened: Any, one: str, name: str, folder: Path) -> Log | LogError:  # noqa: ANN401 - Aim has no types
    """The run with the hash `one`; its own chunk is read, as the index of all runs may lag behind."""

    def tree(kind: str) -> Any:  # noqa: ANN401 - Aim has no types
        return opened.request_tree(kind, one, read_only=True).subtree(kind)

    def columns(version: int, context: int, metric: str) -> Columns:
        top = ("chunks", one) if version == 1 else (f"v{version}", "chunks", one)
        sequence = tree("seqs").subtree((*top, context, metric))
        kept = set(sequence.keys())
        return aligned({column: sequence.array(column).sparse_numpy() for column in COLUMNS if column in kept})

    found = log_of(name, tree("meta").subtree(("chunks", one)).collect(), columns, str(folder))
    if not found.series:
        return LogError(f"{folder}: run {name!r} ({one}) has no metrics. Nothing of it was read.")
    return found


def aligned(arrays: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]) -> Columns:
    """Columns in the order of their steps, from arrays by the index or hash of a step, as Aim keeps them.

    >>> aligned({"val": (np.array([7, 5]), np.array([0.6, 0.7])), "step": (np.array([5, 7]), np.array([0, 10]))})["val"]
    array([0.7, 0.6])
    """
    marks = arrays["val"][0].tolist()
    found = {}
    for name, (keys, values) in arrays.items():
        by_mark = dict(zip(keys.tolist(), values.tolist(), strict=True))
        cells = [by_mark.get(mark) for mark in marks]
        found[name] = np.array([np.nan if cell is None else float(cell) for cell in cells], dtype=np.float64)
    found.setdefault("step", np.array(marks, dtype=np.float64))  # before Aim 3.11 the index was the step
    order = np.argsort(found["step"], kind="stable")
    return {name: values[order] for name, values in found.items()}


def log_of(name: str, meta: Json, columns: Callable[[int, int, str], Columns], folder: str) -> Log:
    """The run that Aim describes with `meta`; `columns` gives those of a metric by version, context and name."""
    traces = [(context, metric, about) for context, some in meta["traces"].items() for metric, about in some.items()]
    numeric = [one for one in traces if one[2].get("dtype", "float") in NUMBERS]
    names = unique([text(_named(metric, meta["contexts"].get(context, {}))) for context, metric, _ in numeric])
    attributes = {key: value for key, value in meta.get("attrs", {}).items() if not str(key).startswith("__")}
    parameters = attributes.pop("hparams", {})
    more = f"of {len(numeric):,} series, {MOST_SERIES:,} were read"
    return Log(
        name,
        "Aim",
        (folder,),
        tuple(
            _series(label, columns(about.get("version", 1), context, metric))
            for label, (context, metric, about) in zip(names[:MOST_SERIES], numeric, strict=False)
        ),
        facts=facts([*attributes.items(), *(parameters.items() if isinstance(parameters, Mapping) else ())]),
        notes=(more,) if len(numeric) > MOST_SERIES else (),
    )


def _named(metric: str, context: Json) -> str:
    """The metric behind what its context says: "train/loss" for "loss" with {"subset": "train"}."""
    return "/".join(map(str, (*context.values(), metric)))


def _series(name: str, columns: Columns) -> Series:
    epochs, clock = (columns.get(column) for column in ("epoch", "time"))
    known = epochs is not None and bool(np.isfinite(epochs).any())
    return series(name, columns["val"], steps=columns["step"], epochs=epochs if known else None, clock=clock)


READER = Reader("Aim's repository (.aim), with the package aim", recognises, read)
