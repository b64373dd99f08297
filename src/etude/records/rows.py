"""A table of named columns to logs: which column is an axis, which names the split, which is a parameter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from etude.records.axes import (
    CLOCKS,
    EPOCHS,
    INDEXES,
    STEPS,
    at,
    clock,
    counting,
    counts_within_epochs,
    dense,
    named,
    plain,
    through_epochs,
)
from etude.records.cells import Column, Floats, Rows, measured, parts, whole
from etude.records.logged import MOST_FACTS, MOST_SERIES, Log, Lost, Series
from etude.records.names import SPLITS, meaning
from etude.records.tables import RUN_COLUMNS, Table, apart, coded, wide
from etude.values.curve import frozen

SPLIT_COLUMNS = frozenset(
    ("split", "phase", "mode", "stage", "set", "subset", "partition", "type", "kind", "loop", "part")
)
MOST_SPLITS = 8

PARAMETERS = frozenset(
    (
        *RUN_COLUMNS,
        *("batch_size", "train_batch_size", "eval_batch_size", "bs", "train_batch_count", "valid_batch_count"),
        *("weight_decay", "wd", "dropout", "drop", "optimizer", "world_size", "rank"),
        *("hidden", "hidden_size", "n_layers", "width", "depth", "n_params", "num_params", "parameters"),
        *("num_epochs", "n_epochs", "total_epochs", "max_epochs", "max_steps", "total_steps", "warmup_steps"),
    )
)
SCHEDULED = frozenset({"lr", "learning_rate", "momentum", "beta1", "beta2", "temperature"})
"""Parameters that may change as the run goes on: a fact where they do not, a series in any case."""

MOST_LOST = 100
"""Places of damage that a log names one by one; the last one stands for all others."""
MOST_NAMED = 8
"""Columns that a note names."""

Facts = dict[str, str | int | float]


def logs(rows: Table, about: Log) -> Iterator[Log]:
    """The logs in a table: one, or one a run where a column tells runs apart.

    about: all but the series; its facts, notes and lost records stay
    """
    rows, odd = _settled(wide(rows), about)
    about = replace(about, lost=(*about.lost, *odd))
    for name, part in apart(rows):
        yield _log(part, replace(about, name=f"{about.name}/{name}") if name else about)


def has_numbers(log: Log) -> bool:
    """Whether any series of a log has a value."""
    return any(one.values.size for one in log.series)


def condensed(lost: Sequence[Lost]) -> tuple[Lost, ...]:
    """At most MOST_LOST places of damage; what is left out is counted in the last."""
    if len(lost) <= MOST_LOST:
        return tuple(lost)
    shown, rest = lost[: MOST_LOST - 1], lost[MOST_LOST - 1 :]
    count = sum(one.records or 1 for one in rest)
    because = f"of damage there and in {len(rest) - 1} more places; the first: {rest[0].because}"
    return (*shown, Lost(rest[0].file, rest[0].where, count, because))


def unique(names: Sequence[str]) -> list[str]:
    """The names, of which a second "loss" is called "loss (2)".

    >>> unique(["loss", "acc", "loss"])
    ['loss', 'acc', 'loss (2)']
    """
    given, result = set(names), []
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        while counts[name] > 1 and f"{name} ({counts[name]})" in given:
            counts[name] += 1
        result.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
        given.add(result[-1])
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Axes:
    """The places of all rows, the surest first, and the columns they were taken from."""

    steps: tuple[Floats, ...]
    epochs: tuple[Floats, ...]
    clocks: tuple[Floats, ...]
    taken: frozenset[str]
    notes: tuple[str, ...]


def _log(rows: Table, about: Log) -> Log:
    axes = _axes(rows)
    rest = tuple(one for one in rows.columns if one.name not in axes.taken)
    split = _split_column(rest)
    facts, rest = _facts([one for one in rest if one is not split])
    pieces = [piece for one in rest for piece in _pieces(one, split, rows.size)]
    names = unique([piece.name for piece in pieces])[:MOST_SERIES]
    series, counted, gaps = [], [], []
    for name, piece in zip(names, pieces, strict=False):
        one, was_counted = _series(name, piece, axes)
        series.append(one)
        counted += [name] if was_counted else []
        gaps += [name] if one.values.size < piece.values.size else []
    passed = [one.name for one in rest if not one.rows.size]
    return replace(
        about,
        series=tuple(series),
        facts=MappingProxyType(dict(list((facts | dict(about.facts)).items())[:MOST_FACTS])),
        lost=condensed([*about.lost, *_beyond(len(pieces), rows, about)]),
        notes=(
            *about.notes,
            *axes.notes,
            *_note("no column says the step or epoch, so rows were counted from 1, for", counted),
            *_note("NaN that alternates with numbers was taken for not measured, in", gaps),
            *_note("passed over, as they hold no numbers:", passed),
        ),
    )


def _beyond(count: int, rows: Table, about: Log) -> list[Lost]:
    """Series that are too many."""
    if count <= MOST_SERIES:
        return []
    return [Lost(about.files[0], rows.where(0), count - MOST_SERIES, f"only {MOST_SERIES:,} series are read")]


def _series(name: str, piece: Column, axes: _Axes) -> tuple[Series, bool]:
    """The series, and whether its rows had to be counted."""
    kept = measured(piece.values)
    rows, values = (piece.rows, piece.values) if kept.all() else (piece.rows[kept], frozen(piece.values[kept]))
    steps, epochs, seconds = (at(places, rows) for places in (axes.steps, axes.epochs, axes.clocks))
    counted = steps is None and epochs is None
    if counted:
        steps = np.arange(1.0, values.size + 1)
    return Series(name, values, *(None if places is None else frozen(places) for places in (steps, epochs, seconds))), (
        counted
    )


def _may_count(one: Column, size: int) -> bool:
    """Whether a column counts, and its name does not say that it measures something."""
    says = meaning(one.name)
    return says.split is None and says.kind == "other" and counting(one, size)


def _axes(rows: Table) -> _Axes:
    epoch_columns = [one for one in named(rows.columns, EPOCHS) if not _is_total(one, rows.columns)]
    step_columns = named(rows.columns, STEPS)
    indexes = named(rows.columns, INDEXES)
    notes = []
    if not step_columns and not epoch_columns:
        step_columns = indexes[:1] or [one for one in rows.columns[:-1][:1] if _may_count(one, rows.size)]
        notes += [f"column {one.name!r} was taken for the step" for one in step_columns]
    epochs = [frozen(dense(one, rows.size)) for one in epoch_columns]
    steps = [dense(one, rows.size) for one in step_columns]
    if steps and epochs and counts_within_epochs(steps[0], epochs[0]):
        notes.append(f"{step_columns[0].name!r} begins anew with every epoch, and was counted through")
        steps[0] = through_epochs(steps[0], epochs[0])
    stamps = [(one.name, clock(one, rows.size)) for one in rows.columns if plain(one.name) in CLOCKS]
    clocks = {name: frozen(seconds) for name, seconds in stamps if seconds is not None}
    taken = frozenset(one.name for one in (*epoch_columns, *step_columns, *indexes)) | clocks.keys()
    return _Axes(tuple(map(frozen, steps)), tuple(epochs), tuple(clocks.values()), taken, tuple(notes))


def _is_total(one: Column, columns: Sequence[Column]) -> bool:
    """Whether "epochs" says how many there are to be, in every row the same, rather than which one this is."""
    if plain(one.name) != "epochs":
        return False
    same = one.rows.size > 1 and bool((one.values == one.values[0]).all())
    return same or any(plain(other.name) == "epoch" for other in columns)


def _split_column(columns: Sequence[Column]) -> Column | None:
    """The column whose texts say which part of the data a row is about."""
    texts = [one for one in columns if one.texts and not one.rows.size and len(set(one.texts)) <= MOST_SPLITS]
    for one in texts:
        if all(text.lower() in SPLITS for text in set(one.texts)):
            return one
    return next((one for one in texts if plain(one.name) in SPLIT_COLUMNS and len(set(one.texts)) > 1), None)


def _pieces(one: Column, split: Column | None, size: int) -> Iterator[Column]:
    """The numbers of a column, in one piece a split, each named "<split>/<column>"; a piece is not empty."""
    if split is None:
        yield from [one] if one.rows.size else []
        return
    labels, codes = coded(split.texts, split.text_rows, size)
    names = [f"{label}/{one.name}" for label in labels] + [one.name]
    for name, piece in zip(names, parts(one, np.where(codes < 0, len(labels), codes), len(names)), strict=True):
        if piece.rows.size:
            yield replace(piece, name=name)


def _facts(columns: Sequence[Column]) -> tuple[Facts, tuple[Column, ...]]:
    """Columns that say the same in every row and name a parameter, as facts; and all that is not only a parameter."""
    facts: Facts = {}
    rest = []
    for one in columns:
        name = plain(one.name)
        said = _constant(one)
        parameter = isinstance(said, str) or name in PARAMETERS
        if said is not None and (parameter or name in SCHEDULED) and name not in CLOCKS:
            facts[one.name] = said
        if said is None or not parameter or name in CLOCKS:
            rest.append(one)
    return facts, tuple(rest)


def _constant(one: Column) -> str | int | float | None:
    """What all cells of a column say; None where they differ, or say nothing."""
    if not one.rows.size:
        return one.texts[0] if one.texts and one.texts[0] and len(set(one.texts)) == 1 else None
    same = not one.texts and bool((one.values == one.values[0]).all())
    return whole(float(one.values[0])) if same else None


def _settled(rows: Table, about: Log) -> tuple[Table, list[Lost]]:
    """Columns that are mostly text as text, and the texts in all others, which are damage."""
    columns, lost = [], []
    for one in rows.columns:
        if one.texts and one.rows.size and plain(one.name) not in RUN_COLUMNS:
            if one.text_rows.size > one.rows.size:
                one = replace(one, rows=_NO_ROWS, values=frozen(np.empty(0)))
            else:
                because = f"column {one.name!r} holds {one.texts[0]!r}, which is no number"
                lost.append(Lost(about.files[0], rows.where(int(one.text_rows[0])), one.text_rows.size, because))
        columns.append(one)
    return replace(rows, columns=tuple(columns)), lost


def _note(says: str, names: Sequence[str]) -> list[str]:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return [f"{says} {', '.join(map(repr, names[:MOST_NAMED]))}{more}"] if names else []


_NO_ROWS: Rows = frozen(np.zeros(0, dtype=np.int64))
