"""A table file as it stands: named columns of cells, each with its place in the file."""

import csv
import hashlib
import io
import stat
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.values.errors import DataError

Cells = tuple[str, ...] | NDArray[np.float64]
Stamp = tuple[str, str, int, int]
"""Path as given and in full, modification time in ns, size: what a file is remembered under in this process."""
LARGEST_FILE = 2 * 2**30
"""Bytes; as texts and then as numbers, a CSV of numbers was measured to take 17 times its file's size in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Cells by column name.

    columns:  texts, stripped of spaces around them, or, from Parquet's numeric columns, numbers with NaN for missing
    places:   the line (CSV) or row (Parquet) of each row, shape (rows,)
    counting: what `places` counts: "line" or "row"
    checksum: sha256 of the file
    between:  what separates its cells; empty where nothing does, as in Parquet
    """

    path: str
    columns: Mapping[str, Cells]
    places: NDArray[np.int64]
    counting: str
    checksum: str
    between: str = ""
    notes: tuple[str, ...] = ()

    def at(self, row: int, column: str) -> str:
        """The words that say where a cell is."""
        return f"{self.path}, {self.counting} {self.places[row]}, column {column!r}"


def stamp(path: str) -> Stamp:
    """The file's identity for this process; a DataError where there is no readable file."""
    try:
        about = Path(path).stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise DataError(
            f"{path!r} cannot be read: {_reason(error)}. Check the name; it is looked for from {Path.cwd()}."
        ) from error
    if stat.S_ISDIR(about.st_mode):
        raise DataError(f"{path} is a folder. Name the .csv, .tsv or .parquet file in it.")
    if not stat.S_ISREG(about.st_mode):
        raise DataError(
            f"{path} is a pipe, socket or device, not a regular file. Its end cannot be known and it cannot be read "
            "twice: save the rows as a .csv, .tsv or .parquet file first. Nothing was read."
        )
    if about.st_size > LARGEST_FILE:
        raise DataError(
            f"{path} has {about.st_size / 2**30:.1f} GiB; at most {LARGEST_FILE / 2**30:g} GiB are read, because all "
            "rows are held in memory several times over. Take a sample of the rows, or fewer columns. Nothing was read."
        )
    return path, str(Path(path).absolute()), about.st_mtime_ns, about.st_size


@lru_cache(maxsize=8)
def read_sheet(file: Stamp) -> Sheet:
    """The file's cells, parsed once for all replicates."""
    path = file[0]
    ending = Path(path).suffix.lower()
    if ending not in READERS:
        raise DataError(
            f"{path}: a table's name ends in {', '.join(READERS)}, not {ending or 'nothing'!r}. "
            "Save or export it as CSV (UTF-8) or Parquet."
        )
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {_reason(error)}. Check its permissions.") from error
    if not content:
        raise DataError(f"{path} is empty (0 bytes). Export it again: it needs a header line and rows.")
    return READERS[ending](path, content)


def _read_csv(path: str, content: bytes) -> Sheet:
    text = _decoded(path, content)
    first = text.partition("\n")[0]
    between = next((mark for mark in (",", ";", "\t") if mark in first), ",")
    notes = () if between == "," else (f"{path}: cells are separated by {'tabs' if between == chr(9) else between!r}",)
    return replace(_delimited(path, text, between), checksum=hashlib.sha256(content).hexdigest(), notes=notes)


def _read_tsv(path: str, content: bytes) -> Sheet:
    sheet = _delimited(path, _decoded(path, content), "\t")
    return replace(sheet, checksum=hashlib.sha256(content).hexdigest())


def _delimited(path: str, text: str, between: str) -> Sheet:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    header: list[str] | None = None
    rows, lines, line = [], [], 1
    try:
        for cells in reader:
            line, started = reader.line_num + 1, line
            if not cells:  # a blank line
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                continue
            if len(cells) != len(header):
                raise DataError(_ragged(f"{path}, line {started}", len(cells), len(header)))
            rows.append(cells)
            lines.append(started)
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: {error}. A quote that is never closed swallows what follows it: check "
            f"the quotes from line {line} on. A cell may hold {csv.field_size_limit()} characters."
        ) from error
    _check_header(path, header or [], len(rows))
    columns = {
        name: tuple(map(str.strip, column)) for name, column in zip(header or [], zip(*rows, strict=True), strict=True)
    }
    return Sheet(path, columns, np.array(lines), "line", "", between)


def _ragged(where: str, got: int, expected: int) -> str:
    return (
        f"{where} has {got} cell{'s' * (got != 1)}, but the header has {expected}. "
        "A comma inside a text needs quotes around the text; a line cut short needs its cells. Correct that line."
    )


def _check_header(path: str, header: list[str], rows: int) -> None:
    twice = sorted(name for name, times in Counter(header).items() if times > 1)
    if twice:
        columns = [i + 1 for i, name in enumerate(header) if name == twice[0]]
        raise DataError(
            f"{path}, line 1: the header names {twice[0]!r} in columns {', '.join(map(str, columns))}. "
            "A column is known by its name: rename all but one."
        )
    if not rows:
        raise DataError(f"{path} has {'a header but no rows' if header else 'no text'}. Add rows, or export it again.")


def _decoded(path: str, content: bytes) -> str:
    junk = content.find(b"\0")
    if junk >= 0:
        raise DataError(
            f"{path}: byte {junk} is NUL, so this is not a UTF-8 text file. If it is a spreadsheet or UTF-16, save it "
            "as CSV in UTF-8; if it is Parquet, let its name end in .parquet."
        )
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: byte {error.start} ({content[error.start]:#04x}) is not UTF-8. "
            "The file is probably Latin-1 or Windows-1252: save it again as UTF-8."
        ) from error


def _read_parquet(path: str, content: bytes) -> Sheet:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(f"{path}: reading Parquet needs pyarrow. Run: pip install 'etude[data]'.") from error
    try:
        table = parquet.ParquetFile(pa.BufferReader(content)).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} is not a readable Parquet file: {str(error).splitlines()[0]}. It is damaged, cut short or another "
            "format: write it again."
        ) from error
    _check_header(path, table.column_names, table.num_rows)
    columns = {name: _cells(path, name, table.column(name)) for name in table.column_names}
    return Sheet(path, columns, np.arange(1, table.num_rows + 1), "row", hashlib.sha256(content).hexdigest())


def _cells(path: str, name: str, column: Any) -> Cells:  # noqa: ANN401 - pyarrow has no types
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        raise DataError(
            f"{path}, column {name!r} holds {kind}, not numbers or texts. Write its parts as columns of their own, or "
            f'leave it out before writing the file: drop=["{name}"] cannot read past it.'
        )
    values = column.to_pylist()
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return np.array([np.nan if value is None else float(value) for value in values])
    return tuple("" if value is None else str(value).strip() for value in values)


READERS: Mapping[str, Callable[[str, bytes], Sheet]] = MappingProxyType(
    {".csv": _read_csv, ".tsv": _read_tsv, ".parquet": _read_parquet}
)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
