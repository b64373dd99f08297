"""Shapes of JSON documents that hold a training's history, as tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

import numpy as np

from etude.records.axes import EPOCHS, STEPS, plain
from etude.records.cells import Column, column, number
from etude.records.documents import flattened
from etude.records.names import meaning
from etude.records.parameters import Facts, scalars
from etude.records.tables import MOST_COLUMNS, Table, from_records
from etude.values.curve import frozen

FEWEST = 4
"""Numbers in lists whose names say nothing; shorter ones are settings: betas, means, sizes of layers."""

ENDINGS = ("train_runtime", "train_samples_per_second")
"""Keys of the row in which Hugging Face's Trainer sums up a run."""

INNER = ("history", "logs", "log", "records", "epochs", "results", "metrics", "data")
"""Keys under which a document keeps the whole history, whose name is therefore left out."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What a document holds: tables that are one run's, and what stands beside them."""

    format: str
    tables: tuple[Table, ...]
    facts: Facts = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def history(document: object, name: str) -> History | None:
    """The history in a document, by the first shape that fits; None where none does. `name`: of a list without one."""
    for shape in (_trainer_state, _skorch, _records, _bare_list, _pandas, _lists, _named_records):
        found = shape(document, name)
        if found is not None:
            return found
    return None


def _trainer_state(document: object, name: str) -> History | None:
    """Hugging Face: log_history has rows of training and rows of evaluation, and perhaps a last one about the run."""
    rows = document.get("log_history") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not _is_records(rows):
        return None
    kept = [row for row in rows if not any(key in row for key in ENDINGS)]
    sums = [row for row in rows if any(key in row for key in ENDINGS)]
    facts = scalars({key: value for key, value in document.items() if key != "stateful_callbacks"})
    notes = tuple(
        f"train_loss {row['train_loss']} of the last row is the mean over the run, and was left out"
        for row in sums[:1]
        if "train_loss" in row
    )
    return History("Hugging Face trainer_state.json", (_table(kept),), facts, notes)


def _skorch(document: object, name: str) -> History | None:
    """skorch: an epoch a record, its batches in a list within; those become series of their own, within the epoch."""
    if not _is_records(document) or not any(_is_records(row.get("batches")) for row in document):
        return None
    epochs = [
        {key: value for key, value in row.items() if key != "batches" and not key.endswith("_best")} for row in document
    ]
    return History("skorch history", (_table(epochs), _table(list(_batches(document)))))


def _batches(epochs: Sequence[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    """Every batch as a record; batch 3 of 10 of epoch 2 is at epoch 1.3, as many epochs being done when it ends."""
    for count, row in enumerate(epochs, 1):
        batches = row.get("batches")
        epoch = number(row.get("epoch"))
        if not _is_records(batches):
            continue
        totals: dict[str, int] = {}
        for batch in batches:
            totals[_first(batch)] = totals.get(_first(batch), 0) + 1
        done = dict.fromkeys(totals, 0)
        for batch in batches:
            kind = _first(batch)
            done[kind] += 1
            place = (count if epoch is None else epoch) - 1 + done[kind] / totals[kind]
            yield {"epoch": place} | {
                f"batches/{key}": value for key, value in batch.items() if not key.endswith("_batch_size")
            }


def _first(batch: Mapping[str, object]) -> str:
    return next(iter(batch), "")


def _records(document: object, name: str) -> History | None:
    """A plain list of records."""
    if not _is_records(document):
        return None
    table = _table(document)
    return History("JSON records", (table,)) if any(one.rows.size for one in table.columns) else None


def _bare_list(document: object, name: str) -> History | None:
    """A list of numbers, which the file's name must tell."""
    if not _is_numbers(document) or not _tell({name: document}, alone=True):
        return None
    return History("JSON list", (Table((_column(name, document),), len(document)),))


def _pandas(document: object, name: str) -> History | None:
    """pandas: a record a column, in it a value for each index; or an index, the names of columns, and rows."""
    if not isinstance(document, dict):
        return None
    names, rows = document.get("columns"), document.get("data")
    if isinstance(names, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows):
        records = [{str(key): value for key, value in zip(names, row, strict=False)} for row in rows]
        return _records(records, name)
    columns = {key: value for key, value in document.items() if isinstance(value, dict)}
    if len(columns) < max(len(document), 1) or not all(_is_indexed(value) for value in columns.values()):
        return None
    return _lists({key: list(value.values()) for key, value in columns.items()}, name)


def _lists(document: object, name: str) -> History | None:
    """Keras History and the like: a list of numbers for each name, perhaps within another record."""
    if not isinstance(document, dict):
        return None
    flat = flattened(document)
    lists = {key: value for key, value in flat.items() if _is_numbers(value)}
    others = {key: value for key, value in flat.items() if key not in lists}
    if not _tell(lists, alone=not any(isinstance(value, int | float | str) for value in others.values())):
        return None
    sizes = {len(value) for key, value in lists.items() if _tells(key)}
    lists = {key: value for key, value in lists.items() if len(value) in sizes or len(value) >= FEWEST}
    axes = set(filter(_is_axis, lists))
    whole = {key.partition("/")[0] for key in lists if key not in axes}
    inner = f"{next(iter(whole))}/" if len(whole) == 1 and next(iter(whole)) in INNER else ""
    named = {key.removeprefix(inner): value for key, value in list(lists.items())[:MOST_COLUMNS]}
    keras = _are_keras(named)
    notes = ("no list says the epoch, so epochs were counted from 0, as Keras does",) if keras and not axes else ()
    tables = tuple(_by_length(named, counted=bool(notes)))
    return History("Keras History JSON" if keras else "JSON lists", tables, scalars(others), notes)


def _named_records(document: object, name: str) -> History | None:
    """Lists of records under names; the names tell the lists apart where there are several."""
    if not isinstance(document, dict):
        return None
    lists = {key: value for key, value in document.items() if _is_records(value)}
    found = [_records(value, key) for key, value in lists.items()]
    if not any(found):
        return None
    several = len(lists) > 1
    tables = [
        _table([{_under(key, inner, several): cell for inner, cell in flattened(row).items()} for row in rows])
        for key, rows in lists.items()
    ]
    return History(
        "JSON records", tuple(tables), scalars({key: value for key, value in document.items() if key not in lists})
    )


def _under(prefix: str, name: str, several: bool) -> str:  # noqa: FBT001 - a fact about the document
    return name if _is_axis(name) or not several else f"{prefix}/{name}"


def _by_length(lists: Mapping[str, list[object]], *, counted: bool) -> Iterator[Table]:
    """A table for the lists of one length that share a step or an epoch: rows of other lists do not belong together.

    An axis within a record, "train/step", is one of that record's lists only.
    """
    axes = {key for key in lists if _is_axis(key)}
    own = {key.rpartition("/")[0] for key in axes}
    groups: dict[tuple[str, int], dict[str, list[object]]] = {}
    for key, value in lists.items():
        record, _, last = key.rpartition("/")
        group = groups.setdefault((record if record in own else "", len(value)), {})
        group[last if key in axes else key] = value
    for (_, size), group in groups.items():
        columns = [_column(key, value) for key, value in group.items()]
        if counted:
            columns.insert(0, _column("epoch", list(range(size))))
        yield Table(tuple(columns), size)


def _is_axis(name: str) -> bool:
    return plain(name.rpartition("/")[2]) in (*EPOCHS, *STEPS)


def _tell(lists: Mapping[str, list[object]], *, alone: bool) -> bool:
    """Whether lists of numbers are a history rather than settings: by their names, or as nothing else is there."""
    return any(map(_tells, lists)) or (alone and any(len(value) >= FEWEST for value in lists.values()))


def _tells(name: str) -> bool:
    means = meaning(name)
    return means.kind != "other" or means.split is not None


def _are_keras(lists: Mapping[str, list[object]]) -> bool:
    """Whether a name comes with and without val_ before it, at one length."""
    return any(f"val_{key}" in lists and len(lists[f"val_{key}"]) == len(value) for key, value in lists.items())


def _table(records: Sequence[Mapping[str, object]]) -> Table:
    table = from_records((row, flattened(record)) for row, record in enumerate(records, 1))
    return Table(table.columns, table.size)


def _column(name: str, cells: Sequence[object]) -> Column:
    return column(name, frozen(np.arange(len(cells))), cells)


def _is_records(value: object) -> TypeGuard[list[dict[str, object]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _is_numbers(value: object) -> TypeGuard[list[object]]:
    """Whether a list holds numbers, perhaps with gaps; not that they are any good."""
    return (
        isinstance(value, list)
        and any(number(one) is not None for one in value)
        and all(one is None or number(one) is not None for one in value)
    )


def _is_indexed(value: Mapping[str, object]) -> bool:
    return bool(value) and all(key.isdigit() for key in value)
