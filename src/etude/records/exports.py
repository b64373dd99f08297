"""Exports whose names of columns or files say more than what was measured: W&B's charts, TensorBoard's downloads."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from etude.records.axes import plain
from etude.records.cells import Column
from etude.records.tables import Table

BOUNDS = ("__MIN", "__MAX")
"""W&B adds these to a column's name, for the lowest and the highest value of the points that it drew as one."""

BETWEEN = " - "
"""What stands between run and metric in W&B's names of columns; the last one, for runs may have it in their names."""

WALL_STEP_VALUE = ("wall_time", "step", "value")
TAG = re.compile(r"(?:^|[-_])tag-(.+)$")
"""TensorBoard's download has these columns whatever it holds; what that is, its file's name says: run-a-tag-loss."""


def without_bounds(table: Table) -> tuple[Table, int]:
    """The table without the lowest and highest values of a chart's columns, and how many these were."""
    names = {one.name for one in table.columns}
    kept = tuple(one for one in table.columns if not _is_bound(one, names))
    return replace(table, columns=kept), len(names) - len(kept)


def charts(table: Table) -> Iterator[tuple[str, Table]]:
    """The table of every run of a chart, with the run's name."""
    shared = [one for one in table.columns if BETWEEN not in one.name]
    runs: dict[str, list[Column]] = {}
    for one in table.columns:
        if BETWEEN in one.name:
            run, _, metric = one.name.rpartition(BETWEEN)
            runs.setdefault(run, []).append(replace(one, name=metric))
    for run, columns in runs.items():
        names = {one.name for one in columns}
        yield run, replace(table, columns=(*(one for one in shared if one.name not in names), *columns))


def tagged(table: Table, path: Path) -> Table:
    """A table of wall time, step and value, with the value called what the file's name says it is."""
    if tuple(plain(one.name) for one in table.columns) != WALL_STEP_VALUE:
        return table
    found = TAG.search(path.stem)
    *axes, value = table.columns
    return replace(table, columns=(*axes, replace(value, name=found[1] if found else path.stem)))


def _is_bound(one: Column, names: set[str]) -> bool:
    return one.name.endswith(BOUNDS) and one.name[: -len(BOUNDS[0])] in names
