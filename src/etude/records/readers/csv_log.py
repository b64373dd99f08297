"""CSV and TSV with any column names: Lightning, Keras, fastai, Ultralytics, skorch, W&B's exports, and plain tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType

import numpy as np

from etude.records.cells import Column, column, joined
from etude.records.delimited import SAMPLE, Damaged, Header, Layout, layout, split_lines
from etude.records.exports import charts, tagged, without_bounds
from etude.records.logged import HEAD, Log, Lost, Reader, file_by_file
from etude.records.parameters import parameters_beside
from etude.records.rows import condensed, has_numbers, logs, unique
from etude.records.run_name import run_name
from etude.records.tables import Table
from etude.records.texts import text_head, text_lines
from etude.values.curve import frozen
from etude.values.errors import LogError

SUFFIXES = (".csv", ".tsv")

BLOCK = 2**20
"""Characters that are split before their cells become numbers."""


WRITERS = (
    ("Ultralytics CSV", frozenset({"epoch", "train/box_loss"})),
    ("fastai CSV", frozenset({"epoch", "train_loss", "valid_loss", "time"})),
    ("W&B history CSV", frozenset({"_step", "_runtime"})),
    ("TensorBoard CSV", frozenset({"Wall time", "Step", "Value"})),
    ("Keras CSV", frozenset({"epoch", "loss", "val_loss"})),
)
"""Who wrote a file with these columns."""

SMOOTHED = "fastai's train_loss is an exponentially smoothed batch loss, not an epoch's mean"


def recognises(path: Path, head: bytes) -> bool:
    """Whether the first lines have cells, and one column of them numbers."""
    text = text_head(head)
    if text is None or text.lstrip()[:1] in ("{", "[", "<", ""):
        return False
    lines = text.split("\n")
    whole = lines if len(head) < HEAD else lines[:-1]
    named_so = path.suffix.lower() in SUFFIXES
    if layout(list(enumerate((line.rstrip("\r") for line in whole), 1))) is not None:
        return len(whole) > 1 or named_so
    return named_so and any(mark in lines[0] for mark in ",;\t")  # all header, or damage: for `read` to say


def read(files: Sequence[Path], root: Path) -> Iterator[Log | LogError]:
    """The runs in the files, each with the parameters that lie beside it."""
    return file_by_file(files, lambda path: _runs(path, run_name(path, files, root)))


def _runs(path: Path, name: str) -> Iterator[Log]:
    lines = text_lines(path)
    sample = list(islice(lines, 2 * SAMPLE))
    how = layout(sample)
    if how is None:
        raise LogError(
            f"{path}, line 1: no series of numbers in it, or no line of names above them. A log in CSV has a line of "
            "column names and then a line of numbers for each step or epoch. Nothing was read."
        )
    text = _table(chain(sample, lines), how, path)
    facts, beside = parameters_beside(path)
    notes = (*text.notes, SMOOTHED) if _writer(how) == "fastai CSV" else text.notes
    about = Log(name, _writer(how), (str(path), *beside), (), text.lost, MappingProxyType(facts), notes)
    found = [log for log in _logs(tagged(text.table, path), about) if has_numbers(log)]
    if not found:
        where, because = (text.lost[0].where, f", because {text.lost[0].because}") if text.lost else ("line 1", "")
        raise LogError(
            f"{path}, {where}: no series of numbers in it{because}. "
            "A log in CSV has a line of column names and then a line of numbers for each step or epoch. "
            "Nothing was read."
        )
    yield from found


def _logs(table: Table, about: Log) -> Iterator[Log]:
    """The logs of a plain table, or those of the runs in a chart of W&B's."""
    drawn, bounds = without_bounds(table)
    if not bounds:
        yield from logs(table, about)
        return
    about = replace(about, notes=(*about.notes, f"{bounds} columns of lowest and highest values were left out"))
    found = list(charts(drawn)) or [("", drawn)]
    for run, part in found:
        yield from logs(part, replace(about, name=run or about.name, format="W&B chart CSV"))


@dataclass(frozen=True, slots=True, eq=False)
class _Text:
    """What was read of a file."""

    table: Table
    lost: tuple[Lost, ...]
    notes: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Pile:
    """Rows of one width that wait to become columns."""

    names: list[str]
    rows: list[list[str]] = field(default_factory=list)
    size: int = 0


def _table(lines: Iterator[tuple[int, str | None]], how: Layout, path: Path) -> _Text:
    """All rows of a file as columns; converted in blocks, so that the text is never held as a whole."""
    found: dict[str, list[Column]] = {}
    pile = _Pile(unique(_named(how.names)))
    numbers: list[int] = []
    lost: list[Lost] = []
    again: list[int] = []
    for one in split_lines(lines, how):
        if isinstance(one, Damaged):
            _add_damage(lost, one, path)
        elif isinstance(one, Header):
            _convert(pile, found, len(numbers), how)
            pile = _Pile(unique(_named(one.names)))
            again.append(one.line)
        else:
            numbers.append(one[0])
            pile.rows.append(one[1])
            pile.size += sum(map(len, one[1])) + len(one[1])
            if pile.size > BLOCK:
                _convert(pile, found, len(numbers), how)
    _convert(pile, found, len(numbers), how)
    columns = tuple(joined(parts) for parts in found.values())
    return _Text(Table(columns, len(numbers), frozen(np.array(numbers))), condensed(lost), _notes(again))


def _convert(pile: _Pile, found: dict[str, list[Column]], end: int, how: Layout) -> None:
    """The waiting rows, the last of which is row `end` - 1, to parts of columns."""
    start = end - len(pile.rows)
    for name, cells in zip(pile.names if pile.rows else (), zip(*pile.rows, strict=True), strict=True):
        rows = np.arange(start, end)
        if "" in cells:
            rows = rows[[cell != "" for cell in cells]]
            cells = tuple(filter(None, cells))
        found.setdefault(name, []).append(column(name, rows, cells, decimal_comma=how.decimal_comma))
    pile.rows.clear()
    pile.size = 0


def _writer(how: Layout) -> str:
    return next((writer for writer, columns in WRITERS if columns <= set(how.names)), "CSV")


def _named(names: Sequence[str]) -> list[str]:
    """Names for all columns; the first may be empty, as pandas leaves it over the row's number."""
    return [name or (f"column {i}" if i > 1 else "") for i, name in enumerate(names, 1)]


def _add_damage(lost: list[Lost], damaged: Damaged, path: Path) -> None:
    """One more lost line; lines that follow each other and have the same fault are one entry."""
    if lost and lost[-1].because == damaged.because:
        first, count = int(lost[-1].where.removeprefix("line ")), lost[-1].records or 0
        if first + count == damaged.line:
            lost[-1] = replace(lost[-1], records=count + 1)
            return
    lost.append(Lost(str(path), f"line {damaged.line}", 1, damaged.because))


def _notes(again: Sequence[int]) -> tuple[str, ...]:
    if not again:
        return ()
    more = f" and in {len(again) - 1} more lines" if len(again) > 1 else ""
    return (f"the header comes again in line {again[0]}{more}: a resumed job writes on below what there was",)


READER = Reader("CSV and TSV: Lightning, Keras, fastai, Ultralytics, W&B exports, any columns", recognises, read)
