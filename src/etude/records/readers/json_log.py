"""JSON documents: Hugging Face trainer_state.json, skorch, Keras History, lists of records, lists by name."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from etude.records.documents import DamagedError, Gap, decoded_json, salvaged
from etude.records.histories import History, history
from etude.records.logged import HEAD, Log, Lost, Reader
from etude.records.names import meaning
from etude.records.parameters import parameters_beside
from etude.records.readers import jsonl_log
from etude.records.rows import condensed, has_numbers, logs, unique
from etude.records.run_name import run_name
from etude.records.texts import text_head, whole_text
from etude.values.errors import LogError

CHECKPOINT = re.compile(r"checkpoint-\d+")
"""Hugging Face keeps the log so far in each of these folders of a run, beside the whole log."""

OPENING = re.compile(r"\s*(\[\s*[\[{\d.NI-]|\{\s*\")")
"""How a document begins that may be a log."""

NAME_OF_LIST = re.compile(r'"([^"\\\n]{1,200})"\s*:\s*[\[{\d-]')

TELLING = frozenset({"log_history", "batches", "history", "global_step", "epoch", "step", "epochs"})
"""Keys by which a document is taken for a log, besides those whose name is a loss, a score or a split."""

MOST_CHECKED = 10_000_000
"""Characters; of a longer document with damage nothing is salvaged."""


def recognises(path: Path, head: bytes) -> bool:
    """Whether it is one document, with the keys of a log at its beginning; a short one is read as a whole."""
    text = text_head(head)
    if text is None or not OPENING.match(text) or jsonl_log.recognises(path, head):
        return False
    if len(head) < HEAD:
        try:
            return history(decoded_json(text), path.stem) is not None
        except DamagedError:
            pass
    return text.lstrip()[0] == "[" or any(map(_is_telling, NAME_OF_LIST.findall(text)))


def read(files: Sequence[Path], root: Path) -> Iterator[Log | LogError]:
    """The runs in the files; of the checkpoints of one run the one with the longest log."""
    runs: dict[Path, list[Path]] = {}
    for path in files:
        kept = CHECKPOINT.fullmatch(path.parent.name) and path.stem == "trainer_state"
        runs.setdefault(path.parent.parent / path.name if kept else path, []).append(path)
    for whole, kept_files in runs.items():
        found: list[Log] = []
        errors: list[LogError] = []
        for path in kept_files:
            try:
                found += _runs(path, run_name(whole, files, root))
            except LogError as error:
                errors.append(error)
        yield from errors
        yield from found if len(kept_files) == 1 else _longest(found)


def _longest(checkpoints: Sequence[Log]) -> list[Log]:
    """The log that has all that the others have."""
    if len(checkpoints) < 2:
        return list(checkpoints)
    longest = max(checkpoints, key=lambda log: sum(one.values.size for one in log.series))
    says = f"{len(checkpoints) - 1} more checkpoints of this run hold earlier states of the same log"
    files = (*longest.files, *(file for log in checkpoints if log is not longest for file in log.files))
    return [replace(longest, files=files, notes=(*longest.notes, says))]


def _runs(path: Path, name: str) -> list[Log]:
    text = whole_text(path)
    try:
        document, gaps = decoded_json(text), list[Gap]()
    except DamagedError as error:
        if jsonl_log.recognises(path, text[: 2 * HEAD].encode()):
            return list(jsonl_log.read_lines(path, name))
        document, gaps = salvaged(text) if len(text) <= MOST_CHECKED else (None, [Gap(error.position, str(error))])
        gaps = gaps or [Gap(error.position, str(error))]
    lost = tuple(Lost(str(path), _where(text, gap.position), 1, gap.because) for gap in gaps)
    found = history(document, path.stem)
    log = _log(found, Log(name, "", (str(path),), (), condensed(lost))) if found else []
    if not log:
        where, because = (lost[0].where, f", because {lost[0].because}") if lost else ("line 1", "")
        raise LogError(
            f"{path}, {where}: no series of numbers in it{because}. A log in JSON is a list of records, such as "
            '[{"epoch": 1, "loss": 0.7}], or a record of lists, such as {"loss": [0.7, 0.6]}. Nothing was read.'
        )
    return log


def _log(found: History, about: Log) -> list[Log]:
    """The tables of one document as one log, or as one a run where they tell runs apart."""
    facts, beside = parameters_beside(Path(about.files[0]))
    files = (*about.files, *beside)
    about = replace(about, format=found.format, facts=MappingProxyType(facts | found.facts), files=files)
    parts = [log for table in found.tables for log in logs(table, about) if has_numbers(log)]
    runs: dict[str, Log] = {}
    for log in parts:
        runs[log.name] = _together(runs[log.name], log) if log.name in runs else log
    return [replace(log, notes=(*found.notes, *log.notes)) for log in runs.values()]


def _together(one: Log, other: Log) -> Log:
    series = (*one.series, *other.series)
    names = unique([each.name for each in series])
    return replace(
        one,
        series=tuple(replace(each, name=name) for each, name in zip(series, names, strict=True)),
        lost=condensed(list(dict.fromkeys((*one.lost, *other.lost)))),
        facts=MappingProxyType({**one.facts, **other.facts}),
        notes=tuple(dict.fromkeys((*one.notes, *other.notes))),
    )


def _where(text: str, position: int) -> str:
    return f"line {text.count(chr(10), 0, position) + 1}"


def _is_telling(name: str) -> bool:
    means = meaning(name)
    return name in TELLING or means.kind != "other" or means.split is not None


READER = Reader(
    "JSON: Hugging Face trainer_state.json, skorch, Keras History, records or lists by name", recognises, read
)
