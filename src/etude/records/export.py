"""Runs in long form, one row a measurement, for pandas, CSV and Parquet."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from etude.records.kept_study import KeptStudy
from etude.records.store import StoreReader
from etude.values.errors import StoreError
from etude.values.nearest import nearest

Row = dict[str, str | int | float | None]

COLUMNS = ("study", "arm", "replicate", "curve", "step", "value", "standard_error", "unit")
CHUNK = 100_000
"""Rows a Parquet row group; some 20 MB of memory."""


def run_rows(store: StoreReader, *, study: str | None = None) -> Iterator[Row]:
    """Every measurement of one study, or of all, as ``pandas.DataFrame(run_rows(store))`` takes it.

    Rows have the keys of `COLUMNS`; `standard_error` is None where none was measured. Runs that a study still has
    to make are left out.
    """
    for kept in _chosen(store, study):
        for arm, keys in kept.arms.items():
            for replicate, key in enumerate(keys):
                yield from _rows(store, key, (kept.name, arm, replicate))


def export_runs(store: StoreReader, path: Path, *, study: str | None = None) -> int:
    """Write `run_rows` to a .csv or .parquet file, and return how many there were.

    The file appears when it is complete, in place of any that was there.
    """
    if path.suffix not in WRITERS:
        raise StoreError(f"{path} ends in no format that runs are written in. {nearest(path.suffix, WRITERS)}")
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        n = WRITERS[path.suffix](run_rows(store, study=study), unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}. The store is as it was.") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return n


def _chosen(store: StoreReader, study: str | None) -> tuple[KeptStudy, ...]:
    if study is None:
        return store.plans()
    kept = store.plan(study)
    if kept is None:
        known = [plan.name for plan in store.plans()]
        raise StoreError(f"{store.path} has no study {study!r}. {nearest(study, known)}")
    return (kept,)


def _rows(store: StoreReader, key: str, place: tuple[str, str, int]) -> Iterator[Row]:
    run = store.get(key)
    for c in run.curves.values() if run else ():
        errors = [None] * c.steps.size if c.standard_errors is None else c.standard_errors.tolist()
        for step, value, error in zip(c.steps.tolist(), c.values.tolist(), errors, strict=True):
            yield dict(zip(COLUMNS, (*place, c.name, step, value, error, c.unit), strict=True))


def _write_csv(rows: Iterator[Row], path: Path) -> int:
    n = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for n, row in enumerate(rows, start=1):  # noqa: B007 - the last one counts them
            writer.writerow(row)
    return n


def _write_parquet(rows: Iterator[Row], path: Path) -> int:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise StoreError(
            "a .parquet file needs pyarrow: `pip install 'etude[data]'`, or name a .csv file. Nothing was written."
        ) from error
    words, number = pyarrow.string(), pyarrow.int64()
    types = (words, words, number, words, number, pyarrow.float64(), pyarrow.float64(), words)
    schema = pyarrow.schema(list(zip(COLUMNS, types, strict=True)))
    n = 0
    with parquet.ParquetWriter(path, schema) as writer:
        while chunk := list(islice(rows, CHUNK)):
            writer.write_table(pyarrow.Table.from_pylist(chunk, schema=schema))
            n += len(chunk)
    return n


WRITERS: Mapping[str, Callable[[Iterator[Row], Path], int]] = MappingProxyType(
    {".csv": _write_csv, ".parquet": _write_parquet}
)
