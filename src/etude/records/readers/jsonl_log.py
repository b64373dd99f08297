"""JSON lines: one record a line, with a key for the split or with different keys from line to line."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from etude.records.documents import DamagedError, decoded_at, flattened, objects
from etude.records.logged import HEAD, Log, Lost, Reader, file_by_file
from etude.records.parameters import parameters_beside
from etude.records.rows import condensed, has_numbers, logs
from etude.records.run_name import run_name
from etude.records.tables import from_records
from etude.records.texts import text_head, text_lines
from etude.values.errors import LogError

SUFFIXES = (".jsonl", ".ndjson", ".jsonlines")

SHOWN = 20
"""Lines of the head that are looked at; some may be damaged, or be of another kind."""

Record = tuple[int, Mapping[str, object]]


def recognises(path: Path, head: bytes) -> bool:
    """Whether two of the first lines are records, or one is in a file that is named so."""
    text = text_head(head)
    if text is None:
        return False
    named_so = path.suffix.lower() in SUFFIXES
    lines = [line.strip() for line in text.split("\n")]
    cut = len(head) >= HEAD
    whole = [line for line in (lines[:-1] if cut else lines) if line][:SHOWN]
    records = sum(map(_is_record, whole))
    return records >= 2 or (named_so and (records > 0 or text.lstrip()[:1] == "{"))


def read(files: Sequence[Path], root: Path) -> Iterator[Log | LogError]:
    """The runs in the files, each with the parameters that lie beside it."""
    return file_by_file(files, lambda path: read_lines(path, run_name(path, files, root)))


def read_lines(path: Path, name: str) -> Iterator[Log]:
    """The runs in one file."""
    lost: list[Lost] = []
    table = from_records(_records(path, lost))
    facts, beside = parameters_beside(path)
    about = Log(name, "JSON lines", (str(path), *beside), (), condensed(lost), MappingProxyType(facts))
    found = [log for log in logs(table, about) if has_numbers(log)]
    if not found:
        where, because = (lost[0].where, f", because {lost[0].because}") if lost else ("line 1", "")
        raise LogError(
            f"{path}, {where}: no series of numbers in it{because}. "
            'A log in JSON lines has a record a line, such as {"step": 1, "loss": 0.7}. Nothing was read.'
        )
    yield from found


def _records(path: Path, lost: list[Lost]) -> Iterator[Record]:
    """Every record with its line; lines that hold none, or not only whole ones, are added to `lost`."""
    for line, text in text_lines(path):
        if text is None:
            _add(lost, path, line, "it is longer than 16 MiB")
            continue
        for record, because in objects(text.strip()):
            if record is None:
                _add(lost, path, line, because)
            else:
                yield line, flattened(record) if dict in set(map(type, record.values())) else record


def _add(lost: list[Lost], path: Path, line: int, because: str) -> None:
    lost.append(Lost(str(path), f"line {line}", 1, because))


def _is_record(line: str) -> bool:
    if not line.startswith("{"):
        return False
    try:
        value, end = decoded_at(line, 0)
    except DamagedError:
        return False
    return isinstance(value, dict) and end == len(line)


READER = Reader("JSON lines with any keys", recognises, read)
