"""What steps look like in a terminal: a sentence, whether it worked, layers, the update taken apart, and the path."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from etude.faces.plain import NO_BREAK
from etude.faces.step_arms import ARM_HEADS, arm_cells, arms_headline, arms_reason, arms_subline
from etude.faces.step_words import (
    COURSE_HEADS,
    LAYER_HEADS,
    REGIME_MEANING,
    REGIME_STYLES,
    TENSOR_HEADS,
    course_cells,
    curvature_sentence,
    headline,
    layer_cells,
    noise_sentence,
    path_lines,
    pulls_sentence,
    subline,
    tensor_cells,
    update_sentence,
    worked_rows,
)
from etude.faces.stepping import Seen
from etude.faces.terminal import words as said
from etude.figures import chain, pulls, update_parts
from etude.figures.numbers import plural
from etude.figures.small import plus
from etude.values.step_record import StepRecord

if TYPE_CHECKING:
    from etude.studies.under_glass import UnderGlass

FULL = 2
SHOWN_LAYERS, SHOWN_TENSORS, SHOWN_ROUTES, SHOWN_PULLS = 20, 12, 4, 3
"""Steps shown in full, and rows of each table; the page and the JSON have all of them."""

FORWARD, BACKWARD = (0, 1, 2, 3, 4, 5, 6), (0, 7, 8, 9, 10)
"""Columns of LAYER_HEADS: what layers say, and what they hear."""

MOVED = ((0, 1, 2, 3, 4), (0, 5, 6, 7))
"""Columns of TENSOR_HEADS: lengths, and what they are beside one another."""


def show_steps(console: Console, seen: Seen) -> None:
    """Each step in full; of several a table of them first, and of many the last alone in full."""
    records = seen.records
    if seen.compared is not None:
        _show_arms(console, seen.compared)
    if len(records) > 1:
        _title(console, f"{plural(len(records), 'step')} of {seen.name}")
        console.print(_table(COURSE_HEADS, list(map(course_cells, records))))
    for record in records if len(records) <= FULL else records[-1:]:
        show_step(console, record)
    if len(records) > FULL:
        console.print(words("\nthe other steps are in --report and --json in full", "dim"))


def _show_arms(console: Console, compared: "UnderGlass") -> None:
    console.print(words(f"\n{arms_headline(compared)}", "bold"))
    console.print(words(arms_subline(compared), "dim"))
    console.print(_table(ARM_HEADS, list(map(arm_cells, compared.contrasts))))
    if arms_reason(compared):
        console.print(words(arms_reason(compared)))


def show_step(console: Console, record: StepRecord) -> None:
    """One step: what it came to, then why, the most telling first."""
    console.print(words(f"\n{headline(record)}", f"bold {REGIME_STYLES[record.worked.regime]}".strip()))
    console.print(words(subline(record), "dim"))
    for note in record.notes:
        console.print(words(f"note: {note}", "yellow"))
    _show_worked(console, record)
    _show_layers(console, record)
    _show_path(console, record)
    _show_update(console, record)
    _show_pulls(console, record)


def words(told: str, style: str = "") -> Text:
    """Text for a terminal in which no number loses its per cent sign to the next line."""
    return said(told.replace(" %", f"{NO_BREAK}%"), style)


def _title(console: Console, told: str) -> None:
    console.print(Text(f"\n{told}\n", style="bold"))


def _show_worked(console: Console, record: StepRecord) -> None:
    _title(console, "Did it work?")
    console.print(words(REGIME_MEANING[record.worked.regime]))
    penalised = record.worked_with_penalty
    others = worked_rows(penalised) if penalised else ()
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=bool(others))
    for name in ("", "loss", *(("with its penalty",) if others else ()), ""):
        table.add_column(name, justify="right" if name else "left")
    for i, (name, value, says) in enumerate(worked_rows(record.worked)):
        more = (words(others[i][1]),) if others else ()
        table.add_row(words(name), words(value), *more, words(says, "dim"))
    console.print(table)


def _show_layers(console: Console, record: StepRecord) -> None:
    if not record.layers:
        return
    _title(console, "Forward and backward, layer by layer")
    rows = [layer_cells(one) for one in record.layers[:SHOWN_LAYERS]]
    _show_columns(console, LAYER_HEADS, rows, (FORWARD, BACKWARD))
    _show_left(console, len(record.layers) - SHOWN_LAYERS, "layer")


def _show_path(console: Console, record: StepRecord) -> None:
    if record.path is None:
        return
    _title(console, f"One path, of example {record.path.example}")
    for i, route in enumerate(record.path.routes[:SHOWN_ROUTES], 1):
        console.print(words(f"route {i}: {chain.route_text(route.hops)} = {plus(route.product)}"))
    left = len(record.path.routes) - SHOWN_ROUTES
    _show_left(console, max(left, 0) + record.path.others, "route")
    for line in path_lines(record.path):
        console.print(words(line))


def _show_update(console: Console, record: StepRecord) -> None:
    _title(console, "The update, taken apart")
    console.print(words(update_sentence(record)))
    for data in (update_parts.tensor_parts(record.tensors), update_parts.coordinate_parts(record.strongest)):
        if data is not None:
            console.print(words(f"\n{data.title}: {data.says}", "dim"))
            console.print(_table(update_parts.table_heads(data), update_parts.table_rows(data)[:SHOWN_TENSORS]))
    console.print(words("\nHow far each tensor moved; in norms", "dim"))
    _show_columns(console, TENSOR_HEADS, [tensor_cells(one) for one in record.tensors[:SHOWN_TENSORS]], MOVED)
    _show_left(console, len(record.tensors) - SHOWN_TENSORS, "tensor")


def _show_pulls(console: Console, record: StepRecord) -> None:
    told = [
        *([pulls_sentence(record.pulls)] if record.pulls else []),
        *([noise_sentence(record.noise)] if record.noise else []),
        *([curvature_sentence(record.curvature)] if record.curvature else []),
    ]
    if not told:
        return
    _title(console, "Who pulls, and how surely")
    for sentence in told:
        console.print(words(sentence))
    data = pulls.pulls_data(record.pulls) if record.pulls else None
    if data is not None:
        rows = pulls.table_rows(data)
        some = rows if len(rows) <= 2 * SHOWN_PULLS else (*rows[:SHOWN_PULLS], *rows[-SHOWN_PULLS:])
        console.print(_table(pulls.TABLE_HEADS, some))


def _show_left(console: Console, left: int, what: str) -> None:
    if left > 0:
        console.print(words(f"and {plural(left, f'more {what}')} in --report and --json", "dim"))


def _show_columns(
    console: Console, heads: Sequence[str], rows: Sequence[Sequence[str]], parts: Sequence[Sequence[int]]
) -> None:
    """A table that no terminal is wide enough for, as several of some columns each."""
    for columns in parts:
        some, *cells = ([row[i] for i in columns] for row in (heads, *rows))
        console.print(_table(some, cells))


NAMED = 16
"""Characters of its first column that a table keeps in a narrow terminal; the others wrap before that."""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for i, head in enumerate(heads):
        least = min(NAMED, max(len(row[0]) for row in (heads, *rows))) if i == 0 else None
        table.add_column(head, justify="right" if i else "left", min_width=least, overflow="fold")
    for cells in rows:
        table.add_row(*(words(cell) for cell in cells))
    return table
