"""The user's own table: what each column is, and which cells make it unusable."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from etude.data.frame import LARGEST, Categories, Column, Frame, Numbers, frame
from etude.data.sheet import Cells, Sheet, Stamp, read_sheet, stamp
from etude.values.data import Table
from etude.values.errors import DataError
from etude.values.spec import nearest

MISSING = frozenset({"", "NA", "NaN", "nan", "null", "None", "?"})
MISSING_LABEL = "missing"
TRUTHS = {"false": 0.0, "true": 1.0}
MOSTLY_NUMERIC = 0.9
"""From this share of numbers on, the other texts of a column are taken for slips, not for categories."""
MOST_LABELS = 50
"""A text column with more labels than this, on more than half of the rows, is taken for an identifier."""


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
    names = [name for name in sheet.columns if name != table.target and name not in table.drop]
    target = _target(sheet, table)
    columns, notes = [], list(sheet.notes)
    for name in names:
        column, note = _column(sheet, name, fill=table.missing == "impute")
        columns.append(column)
        notes += note
    if table.drop:
        notes.append(f"left out as asked: {', '.join(table.drop)}")
    found = frame(sheet.path, columns, target, table.kind)
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


def _target(sheet: Sheet, table: Table) -> Column:
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
        return _categories(table.target, cells, missing)
    return _told_apart(sheet, table.target, missing)


def _column(sheet: Sheet, name: str, *, fill: bool) -> tuple[Column, list[str]]:
    """A column and what was decided about it."""
    cells = sheet.columns[name]
    missing = _missing(cells)
    if missing.any() and not fill:
        row = int(np.flatnonzero(missing)[0])
        raise DataError(
            f"{sheet.at(row, name)}: the cell is missing, one of {missing.sum()} in this column. Ask for gaps to be "
            'filled with the training median and marked with missing="impute", or leave the column out with '
            f'drop=["{name}"].'
        )
    if missing.all():
        return Numbers(name, np.full(missing.size, np.nan)), []
    column = _told_apart(sheet, name, missing)
    if isinstance(column, Numbers):
        truths = not isinstance(cells, np.ndarray) and next(iter(set(cells) - MISSING)).lower() in TRUTHS
        return column, [f"{name!r}: true is 1 and false is 0"] if truths else []
    _refuse_identifier(sheet, column)
    gaps = int(missing.sum())
    return column, [f"{name!r}: {gaps} gaps are a category of their own, {MISSING_LABEL!r}"] if gaps else []


def _told_apart(sheet: Sheet, name: str, missing: NDArray[np.bool_]) -> Column:
    """Numbers where every cell that is not missing is one (or a truth value), else categories."""
    cells = sheet.columns[name]
    if isinstance(cells, np.ndarray):
        return _finite(sheet, Numbers(name, cells))
    if all(cell.lower() in TRUTHS for cell in set(cells) - MISSING):
        return Numbers(name, np.array([TRUTHS.get(cell.lower(), np.nan) for cell in cells]))
    values = _numbers(cells)
    share = float((~np.isnan(values[~missing])).mean())
    if share == 1:
        return _finite(sheet, Numbers(name, values))
    if share > MOSTLY_NUMERIC:
        row = int(np.flatnonzero(np.isnan(values) & ~missing)[0])
        raise DataError(
            f"{sheet.at(row, name)}: {_short(cells[row])} is text where numbers belong ({100 * share:.0f} % of the "
            f"column are numbers). Correct the cell, write NA if it is missing, or leave the column out with "
            f'drop=["{name}"].'
        )
    return _categories(name, cells, missing)


def _finite(sheet: Sheet, column: Numbers) -> Numbers:
    broken = np.flatnonzero(np.abs(column.values) > LARGEST)
    if broken.size:
        row = int(broken[0])
        raise DataError(
            f"{sheet.at(row, column.name)}: {column.values[row]:g} is infinite or beyond {LARGEST:.2g}, the largest "
            "number a network can take in. Correct the cell, or write NA if it is missing."
        )
    return column


def _refuse_identifier(sheet: Sheet, column: Categories) -> None:
    labels, rows = len(column.labels), column.codes.size
    if labels > MOST_LABELS and labels > rows / 2:
        raise DataError(
            f"{sheet.path}, column {column.name!r}: {labels} different texts in {rows} rows, such as "
            f"{_short(column.labels[0])}. A label that hardly repeats cannot be learned from; a name, date or free "
            f'text is usually left out: drop=["{column.name}"].'
        )


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


def _number(cell: str) -> float:
    try:
        return float(cell) if "_" not in cell else np.nan
    except ValueError:
        return np.nan


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:39] + "…")
