"""An update taken apart: a row a tensor or a weight, a column a part, signed bars that sum to the step."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from etude.figures.numbers import NOT_FINITE, percent
from etude.figures.small import plus, small
from etude.figures.svg import words
from etude.values.step_record import Coordinate, TensorStep

LONGEST = 20
"""The number in the class of the longest bar; `step.css` has one for each length, both ways."""

MOST_TENSORS, MOST_WEIGHTS = 24, 8


@dataclass(frozen=True, slots=True)
class PartsRow:
    """One tensor or weight; a cell is None where it has no such part."""

    label: str
    detail: str
    cells: tuple[float | None, ...]
    total: float


@dataclass(frozen=True, slots=True)
class PartsData:
    """What the rows are made of.

    says:    what a number in a cell is
    columns: names of the parts, in the order of the optimiser's formula
    shares:  whether cells are shares of the row's step, which sum to 1, or steps of a weight
    most:    the largest size of a cell, which the longest bar stands for
    left:    rows that are not drawn, because there are too many
    """

    title: str
    says: str
    columns: tuple[str, ...]
    rows: tuple[PartsRow, ...]
    shares: bool
    most: float
    left: int = 0


def tensor_parts(tensors: Sequence[TensorStep]) -> PartsData | None:
    """Which share of the step of each tensor each part is; the largest steps first; None where nothing moved."""
    moved = sorted((one for one in tensors if one.parts and one.step_norm > 0), key=lambda one: -one.step_norm)
    columns = _columns([[part.name for part in one.parts] for one in moved])
    rows = [
        PartsRow(
            one.name,
            f"step {small(one.step_norm, 2)}",
            _cells(columns, {part.name: part.along for part in one.parts}),
            math.fsum(part.along for part in one.parts),
        )
        for one in moved
    ]
    says = "share of the step, along the step; each row sums to 100 %"
    return _data("The step of each tensor, part by part", says, columns, rows, shares=True)


def coordinate_parts(strongest: Sequence[Coordinate]) -> PartsData | None:
    """What each part adds to the step of the weights that moved most; None where none did."""
    columns = _columns([list(one.parts) for one in strongest])
    rows = [
        PartsRow(
            f"{one.tensor}[{', '.join(map(str, one.index))}]",
            f"weight {small(one.weight)}",
            _cells(columns, one.parts),
            one.step,
        )
        for one in strongest
    ]
    says = "what is added to the weight; each row sums to the step"
    return _data("The weights that moved most, part by part", says, columns, rows, shares=False)


def _columns(named: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Every part that is named anywhere, in the order of the longest list, then as they come."""
    longest = max(named, key=len, default=())
    return tuple(dict.fromkeys((*longest, *(name for names in named for name in names))))


def _cells(columns: Sequence[str], parts: Mapping[str, float]) -> tuple[float | None, ...]:
    return tuple(parts.get(name) for name in columns)


def _data(title: str, says: str, columns: tuple[str, ...], rows: list[PartsRow], *, shares: bool) -> PartsData | None:
    if not rows:
        return None
    most = MOST_TENSORS if shares else MOST_WEIGHTS
    sizes = [abs(cell) for row in rows for cell in (*row.cells, row.total) if cell is not None and math.isfinite(cell)]
    return PartsData(
        title,
        says,
        columns,
        tuple(rows[:most]),
        shares,
        max(sizes, default=0.0) or 1.0,
        max(0, len(rows) - most),
    )


def draw_parts(data: PartsData) -> str:
    """A table whose cells have bars: to the right they go with the step's sign, or up; to the left against it, or down.

    The table is the picture and its numbers at once; bars are empty elements, whose lengths are classes of the style.
    Cells are closed by what follows them, as HTML allows.
    """
    heads = "".join(f"<th>{words(name)}" for name in table_heads(data))
    rows = "".join(_row(row, data) for row in data.rows)
    caption = f"<caption>{words(data.title)}<small>{words(data.says)}</small></caption>"
    return f'<table class="parts">{caption}<thead><tr>{heads}</thead><tbody>{rows}</tbody></table>'


HEADS: Mapping[bool, str] = MappingProxyType({True: "tensor", False: "weight"})


def _row(row: PartsRow, data: PartsData) -> str:
    named = f"<tr><th>{words(row.label)}<small>{words(row.detail)}</small>"
    return (
        named + "".join(f"<td>{_cell(cell, data)}" for cell in row.cells) + f'<td class="sum">{_cell(row.total, data)}'
    )


def _cell(cell: float | None, data: PartsData) -> str:
    if cell is None or not math.isfinite(cell):
        return "–" if cell is None else NOT_FINITE
    way = "n" if cell < 0 else "p"
    return f'<i class="{way}{round(LONGEST * abs(cell) / data.most)}"></i>{cell_text(cell, shares=data.shares)}'


def cell_text(cell: float, *, shares: bool) -> str:
    """A cell in words.

    >>> cell_text(-0.0321, shares=True), cell_text(-0.0321, shares=False), cell_text(0.0004, shares=True)
    ('−3.2 %', '−0.0321', '0.0 %')
    """
    if shares:
        told = percent(cell, 1 if abs(cell) < 0.0995 else 0)
        return told if told.strip("−") != "0.0 %" else "0.0 %"
    return plus(cell)


def table_heads(data: PartsData) -> tuple[str, ...]:
    """The heads of the columns of `table_rows`."""
    return (HEADS[data.shares], *data.columns, "the step")


def table_rows(data: PartsData) -> tuple[tuple[str, ...], ...]:
    """The same as rows of words alone, for a terminal."""
    return tuple(
        (row.label, *("–" if cell is None else cell_text(cell, shares=data.shares) for cell in (*row.cells, row.total)))
        for row in data.rows
    )
