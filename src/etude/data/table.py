"""The user's own table: what each column is, and which cells make it unusable."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.data.frame import LARGEST, Categories, Column, Frame, Numbers, frame
from etude.data.notes import counted, gaps, named
from etude.data.sheet import Cells, Sheet, Stamp, read_sheet, stamp
from etude.values.data import Table
from etude.values.errors import DataError
from etude.values.nearest import nearest

MISSING = frozenset({"", "NA", "NaN", "nan", "null", "None", "?"})
MISSING_LABEL = "missing"
TRUTHS = {"false": 0.0, "true": 1.0}
MOSTLY_NUMERIC = 0.9
"""From this share of numbers on, the other texts of a column are taken for slips, not for categories."""
MOST_LABELS = 50
"""A text column with more labels than this, on more than half of the rows, is taken for an identifier."""
MOST_SHOWN = 6
"""Columns that an error describes one by one; its last line still names all."""
COMMAS = re.compile(r"[+-]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]+)(,[0-9]+)?([eE][+-]?[0-9]+)?")
"""A number with a decimal comma or none, thousands perhaps set off by points: 1.234,5."""
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
"""A number whose comma may set off thousands."""
READ_AS: Mapping[str, str] = MappingProxyType(
    {"truths": "true is 1 and false is 0", "commas": "decimal commas read as points"}
)
"""Readings that are worth a note, and the note."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A column and what its cells were read as: "numbers", "truths", "commas" or "texts"."""

    column: Column
    read_as: str


def table_frame(table: Table) -> Frame:
    """The table's rows, checked; parsed once a process for as long as the file stays as it is."""
    return _frame(table, stamp(table.table))


def table_fingerprint(table: Table) -> str:
    """sha256 of the file."""
    return read_sheet(stamp(table.table)).checksum


@lru_cache(maxsize=16)
def _frame(table: Table, file: Stamp) -> Frame:
    sheet = read_sheet(file)
    _check_names(sheet, table)
    target = _target(sheet, table)
    left_out = {table.target, *table.drop}
    readings = [_reading(sheet, name) for name in sheet.columns if name not in left_out]
    columns = [reading.column for reading in readings]
    _refuse_identifiers(sheet, columns, table.drop)
    if table.missing == "refuse":
        _refuse_gaps(sheet, columns)
    found = frame(sheet.path, columns, target.column, table.kind)
    notes = [*sheet.notes, *_notes(sheet, [*readings, target])]
    if table.drop:
        notes.append(f"left out as asked: {', '.join(table.drop)}")
    return replace(found, notes=(*notes, *found.notes))


def _check_names(sheet: Sheet, table: Table) -> None:
    for name in (table.target, *table.drop):
        if name not in sheet.columns:
            role = "target" if name == table.target else "drop"
            raise DataError(f"{sheet.path} has no column {name!r} ({role}). {nearest(name, sheet.columns)}")
    if table.target in table.drop:
        raise DataError(f"{sheet.path}: {table.target!r} is both target and in drop. Take it out of drop.")
    if "" in sheet.columns and "" not in table.drop:
        at = list(sheet.columns).index("") + 1
        raise DataError(
            f"{sheet.path}, line 1: column {at} has no name; often it is a row number that a program added. "
            'Name it in the header, or leave it out with drop=[""].'
        )


def _target(sheet: Sheet, table: Table) -> Reading:
    cells = sheet.columns[table.target]
    missing = _missing(cells)
    if missing.any():
        rows = np.flatnonzero(missing)
        shown = ", ".join(str(sheet.places[row]) for row in rows[:5]) + (", …" if rows.size > 5 else "")
        raise DataError(
            f"{sheet.path}, column {table.target!r}: the target is missing in {rows.size} of {missing.size} rows "
            f"({sheet.counting} {shown}). A row without its answer teaches nothing, and an invented one "
            "would mislead: remove those rows."
        )
    if table.kind == "classification" and not isinstance(cells, np.ndarray) and np.isnan(_numbers(cells)).any():
        return Reading(_categories(table.target, cells, missing), "texts")
    return _reading(sheet, table.target)


def _refuse_gaps(sheet: Sheet, columns: Sequence[Column]) -> None:
    for column in columns:
        missing = _missing(sheet.columns[column.name])
        if missing.any():
            row = int(np.flatnonzero(missing)[0])
            raise DataError(
                f"{sheet.at(row, column.name)}: the cell is missing, one of {missing.sum()} in this column. Ask for "
                'gaps to be filled with the training median and marked with missing="impute", or leave the column out '
                f'with drop=["{column.name}"].'
            )


def _notes(sheet: Sheet, readings: Sequence[Reading]) -> Iterator[str]:
    """What was decided about columns, one sentence a kind of decision."""
    for read_as, says in READ_AS.items():
        names = [reading.column.name for reading in readings if reading.read_as == read_as]
        if names:
            yield f"{says}: {named(names)}"
    texts = [reading.column.name for reading in readings if isinstance(reading.column, Categories)]
    missing = {name: int(_missing(sheet.columns[name]).sum()) for name in texts}
    yield from gaps({name: n for name, n in missing.items() if n}, f"a category of their own, {MISSING_LABEL!r}")
    counting = [reading.column.name for reading in readings[:-1] if _counts(reading)]  # the last one is the target
    if counting:
        each = "every row has another whole number; if it is an identifier, drop it"
        yield f"{named(counting)}: {each}"


def _counts(reading: Reading) -> bool:
    """Whether the numbers are n consecutive whole ones in some order, as row numbers and many identifiers are."""
    if reading.read_as != "numbers" or not isinstance(reading.column, Numbers):
        return False
    ordered = np.sort(reading.column.values)
    return bool(ordered.size and float(ordered[0]).is_integer() and (np.diff(ordered) == 1).all())


def _reading(sheet: Sheet, name: str) -> Reading:
    """Numbers where every cell that is not missing is one (or a truth value), else categories."""
    cells = sheet.columns[name]
    if isinstance(cells, np.ndarray):
        return Reading(_finite(sheet, Numbers(name, cells)), "numbers")
    missing = _missing(cells)
    if missing.all():
        return Reading(Numbers(name, np.full(missing.size, np.nan)), "numbers")
    if all(cell.lower() in TRUTHS for cell in set(cells) - MISSING):
        return Reading(Numbers(name, np.array([TRUTHS.get(cell.lower(), np.nan) for cell in cells])), "truths")
    values, read_as = _numeric(sheet, name, cells)
    share = float((~np.isnan(values[~missing])).mean())
    if share == 1:
        return Reading(_finite(sheet, Numbers(name, values)), read_as)
    if share > MOSTLY_NUMERIC:
        row = int(np.flatnonzero(np.isnan(values) & ~missing)[0])
        raise DataError(
            f"{sheet.at(row, name)}: {_short(cells[row])} is text where numbers belong ({100 * share:.0f} % of the "
            f"column are numbers). Correct the cell, write NA if it is missing, or leave the column out with "
            f'drop=["{name}"].'
        )
    return Reading(_categories(name, cells, missing), "texts")


def _numeric(sheet: Sheet, name: str, cells: Sequence[str]) -> tuple[NDArray[np.float64], str]:
    """Each cell as a number, NaN where it is none, shape (rows,): with points or, where more cells are then numbers,
    with decimal commas."""
    points = _numbers(cells)
    if not np.isnan(points).any() or not any("," in cell for cell in cells):
        return points, "numbers"
    commas = np.array([_comma_number(cell) for cell in cells])
    if np.isnan(commas).sum() >= np.isnan(points).sum():
        return points, "numbers"
    if sheet.between != ";":
        _refuse_thousands(sheet, name, cells)
    return commas, "commas"


def _refuse_thousands(sheet: Sheet, name: str, cells: Sequence[str]) -> None:
    """A DataError where every comma could as well set off thousands."""
    rows = [row for row, cell in enumerate(cells) if "," in cell]
    if all(THOUSANDS.fullmatch(cells[row]) for row in rows):
        cell = cells[rows[0]]
        raise DataError(
            f"{sheet.at(rows[0], name)}: {_short(cell)} may be {cell.replace(',', '')} or {cell.replace(',', '.')}, "
            f"and no cell of the column tells which. Write the numbers without commas, or leave the column out with "
            f'drop=["{name}"].'
        )


def _finite(sheet: Sheet, column: Numbers) -> Numbers:
    broken = np.flatnonzero(np.abs(column.values) > LARGEST)
    if broken.size:
        row = int(broken[0])
        raise DataError(
            f"{sheet.at(row, column.name)}: {column.values[row]:g} is infinite or beyond {LARGEST:.2g}, the largest "
            "number a network can take in. Correct the cell, or write NA if it is missing."
        )
    return column


def _refuse_identifiers(sheet: Sheet, columns: Sequence[Column], drop: Sequence[str]) -> None:
    """One DataError for all columns of labels that hardly repeat."""
    found = [column for column in columns if isinstance(column, Categories) and _hardly_repeats(column)]
    if not found:
        return
    shown = "; ".join(
        f"column {column.name!r}: {len(column.labels)} different texts in {column.codes.size} rows, such as "
        f"{_short(column.labels[0])}"
        for column in found[:MOST_SHOWN]
    )
    more = f"; and {counted(len(found) - MOST_SHOWN, 'more column')}" if len(found) > MOST_SHOWN else ""
    line = json.dumps([*drop, *(column.name for column in found)], ensure_ascii=False)
    raise DataError(
        f"{sheet.path}, {shown}{more}. A label that hardly repeats cannot be learned from; a name, date or free text "
        f"is usually left out: drop = {line}"
    )


def _hardly_repeats(column: Categories) -> bool:
    return len(column.labels) > max(MOST_LABELS, column.codes.size / 2)


def _categories(name: str, cells: Sequence[str], missing: NDArray[np.bool_]) -> Categories:
    texts = [MISSING_LABEL if gap else cell for cell, gap in zip(cells, missing, strict=True)]
    labels = sorted(set(texts))
    code = {label: i for i, label in enumerate(labels)}
    return Categories(name, tuple(labels), np.array([code[text] for text in texts]))


def _missing(cells: Cells) -> NDArray[np.bool_]:
    return np.isnan(cells) if isinstance(cells, np.ndarray) else np.array([cell in MISSING for cell in cells])


def _numbers(cells: Sequence[str]) -> NDArray[np.float64]:
    """Each cell as a number, infinite ones included; NaN where it is none, shape (rows,)."""
    if "_" not in "".join(cells):  # Python would read 1_000 as 1000
        with suppress(ValueError):
            return np.array(list(map(float, cells)))
    return np.array([_number(cell) for cell in cells])


def _comma_number(cell: str) -> float:
    return float(cell.replace(".", "").replace(",", ".")) if COMMAS.fullmatch(cell) else np.nan


def _number(cell: str) -> float:
    try:
        return float(cell) if "_" not in cell else np.nan
    except ValueError:
        return np.nan


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:39] + "…")
