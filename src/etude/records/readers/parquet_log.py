"""Parquet, Arrow and Feather tables with any column names, W&B's history among them; through pyarrow."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from etude.records.bounded import content
from etude.records.cells import LONGEST_TEXT, Column, joined
from etude.records.logged import Log, Lost, Reader, file_by_file
from etude.records.parameters import parameters_beside
from etude.records.rows import condensed, has_numbers, logs, unique
from etude.records.run_name import run_name
from etude.records.tables import MOST_COLUMNS, Table
from etude.values.curve import frozen
from etude.values.errors import LogError

PARQUET, ARROW, FEATHER = b"PAR1", b"ARROW1", b"FEA1"

MOST_CELLS = 50_000_000
"""Of a group of rows; compression makes a small file of any number of them."""

DEEPEST = 3
"""Levels of structures within structures whose names are joined."""

Group = tuple[str, int, Callable[[], Any], tuple[Callable[[], Any], ...]]
"""Where rows are, how many, how to read them as an Arrow table, and how column by column if that fails."""


def recognises(path: Path, head: bytes) -> bool:
    """Whether it begins as Parquet, as an Arrow file or as Feather does."""
    return head.startswith((PARQUET, ARROW, FEATHER))


def read(files: Sequence[Path], root: Path) -> Iterator[Log | LogError]:
    """The runs in the files, each with the parameters that lie beside it."""
    return file_by_file(files, lambda path: _runs(path, run_name(path, files, root)))


def _runs(path: Path, name: str) -> Iterator[Log]:
    raw = content(path)
    lost: list[Lost] = []
    table = _table(raw, path, lost)
    facts, beside = parameters_beside(path)
    kind = "Parquet" if raw.startswith(PARQUET) else "Arrow"
    about = Log(name, kind, (str(path), *beside), (), condensed(lost), MappingProxyType(facts))
    found = [log for log in logs(table, about) if has_numbers(log)]
    if not found:
        where, because = (lost[0].where, f", because {lost[0].because}") if lost else ("row 1", "")
        raise LogError(
            f"{path}, {where}: no series of numbers in it{because}. A log in a table has a column for the step or the "
            "epoch, and one for each quantity. Nothing was read."
        )
    yield from found


def _table(raw: bytes, path: Path, lost: list[Lost]) -> Table:
    """All columns of numbers and texts, group of rows by group of rows."""
    arrow = _arrow(path)
    damage = (arrow.ArrowException, OSError, ValueError, MemoryError, RuntimeError, TypeError, KeyError, OverflowError)
    found: dict[str, list[Column]] = {}
    size = 0
    try:
        groups = _parquet(raw) if raw.startswith(PARQUET) else _ipc(raw, arrow)
    except damage as error:
        raise LogError(
            f"{path} cannot be read as a table, because {_short(error)}. It is damaged, or was not written to its "
            "end. Write it again, or export the run as CSV. Nothing was read."
        ) from error
    for where, count, whole, singly in groups:
        try:
            _add(whole(), size, found)
        except damage as error:
            lost.append(Lost(str(path), where, count, _short(error)))
            for one in singly:
                try:
                    _add(one(), size, found)
                except damage:
                    continue
        size += count
    return Table(tuple(joined(parts) for parts in list(found.values())[:MOST_COLUMNS]), size)


def _arrow(path: Path) -> Any:  # noqa: ANN401 - pyarrow ships no types
    try:
        import pyarrow as arrow
    except ImportError as error:
        raise LogError(
            f"{path} is a Parquet or Arrow table, which needs pyarrow. Install it with: pip install 'etude[data]'. "
            "Nothing was read."
        ) from error
    return arrow


def _parquet(raw: bytes) -> list[Group]:
    import pyarrow as arrow
    from pyarrow import parquet

    file = parquet.ParquetFile(arrow.BufferReader(raw), page_checksum_verification=True)
    about = file.metadata
    columns = [about.schema.column(i).path for i in range(min(about.num_columns, MOST_COLUMNS))]
    groups: list[Group] = []
    for i in range(about.num_row_groups):
        count = about.row_group(i).num_rows
        _check_size(count, about.num_columns)
        part = partial(file.read_row_group, i, use_threads=False)
        groups.append((f"row group {i + 1}", count, part, tuple(partial(part, columns=[name]) for name in columns)))
    return groups


def _ipc(raw: bytes, arrow: Any) -> list[Group]:  # noqa: ANN401
    if raw.startswith(FEATHER):
        from pyarrow import feather

        table = feather.read_table(arrow.BufferReader(raw), use_threads=False)
        return [("row 1", table.num_rows, partial(lambda: table), ())]
    file = arrow.ipc.open_file(arrow.BufferReader(raw))
    groups: list[Group] = []
    for i in range(file.num_record_batches):
        batch = file.get_batch(i)
        batch.validate(full=True)  # a damaged offset would be followed anywhere
        _check_size(batch.num_rows, batch.num_columns)
        groups.append((f"batch {i + 1}", batch.num_rows, partial(arrow.Table.from_batches, [batch]), ()))
    return groups


def _check_size(rows: int, columns: int) -> None:
    if rows < 0 or rows * columns > MOST_CELLS:
        raise ValueError(f"it says it has {rows:,} rows of {columns:,} columns at once")


def _add(table: Any, start: int, found: dict[str, list[Column]]) -> None:  # noqa: ANN401
    """The columns of an Arrow table, whose first row is row `start`, to those found so far."""
    from pyarrow import types

    for _ in range(DEEPEST):
        if any(types.is_struct(field.type) for field in table.schema):
            table = table.flatten()
    for name, cells in zip(unique(table.column_names), table.columns, strict=True):
        found.setdefault(name, []).append(_column(name, cells, start))


def _column(name: str, cells: Any, start: int) -> Column:  # noqa: ANN401
    """The numbers or the texts of an Arrow column; neither, of any other type."""
    import pyarrow as arrow
    from pyarrow import compute, types

    kind = cells.type.value_type if types.is_dictionary(cells.type) else cells.type
    rows = frozen(np.flatnonzero(cells.is_valid().to_numpy()) + start)
    held = cells.drop_null()
    none, nothing = frozen(rows[:0]), frozen(np.empty(0))
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        values = held.cast(arrow.float64(), safe=False).to_numpy()
        return Column(name, rows, frozen(np.array(values)), none, ())
    if types.is_string(kind) or types.is_large_string(kind) or types.is_temporal(kind):
        texts = compute.utf8_slice_codeunits(held.cast(arrow.string()), 0, LONGEST_TEXT)
        return Column(name, none, nothing, rows, tuple(texts.to_pylist()))
    return Column(name, none, nothing, none, ())


def _short(error: BaseException) -> str:
    """What pyarrow says, in one line."""
    return " ".join(str(error).split())[:LONGEST_TEXT] or type(error).__name__


READER = Reader("Parquet, Arrow and Feather tables with any columns (needs pyarrow)", recognises, read)
