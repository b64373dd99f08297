"""W&B's offline logs, run-<id>.wandb: one log a run, with what it was configured with."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType

from etude.records.bounded import content
from etude.records.logged import MOST_SERIES, Log, Lost, Reader
from etude.records.rows import MOST_NAMED, condensed
from etude.records.wandb_file import MAGIC, records
from etude.records.wandb_history import History
from etude.values.errors import LogError

FORMAT = "W&B offline log"


def recognises(path: Path, head: bytes) -> bool:
    """The file says so in its header; one whose header is damaged says so by its name."""
    return head.startswith(MAGIC) or path.suffix == ".wandb"


def read(files: Sequence[Path], root: Path) -> Iterator[Log | LogError]:
    """Files of one name are one run that was resumed: its id is in the name, and the time in that of the folder."""
    runs: dict[str, list[Path]] = {}
    for file in files:
        runs.setdefault(file.name, []).append(file)
    for resumed in runs.values():
        yield from _log(sorted(resumed, key=lambda file: (file.parent.name, file)))


def _log(files: Sequence[Path]) -> Iterator[Log | LogError]:
    history = History()
    lost: list[Lost] = []
    read: list[str] = []
    for file in files:
        try:
            lost += _take(history, file)
            read.append(str(file))
        except LogError as error:
            yield error
    series = tuple(history.series())
    if not series:
        yield from (_empty(file, [one for one in lost if one.file == file]) for file in read)
        return
    if history.beyond:
        lost.append(Lost(read[0], "byte 0", history.beyond, f"more than {MOST_SERIES:,} series are not read"))
    name = history.name or files[0].stem
    yield Log(
        name,
        FORMAT,
        tuple(read),
        series,
        condensed(lost),
        MappingProxyType(history.facts),
        tuple(_notes(history, read)),
    )


def _take(history: History, file: Path) -> tuple[Lost, ...]:
    """Adds the records of a file to a history; says what was lost of them."""
    sound, lost = records(content(file), str(file))
    odd = []
    for one in sound:
        try:
            history.take(one.message)
        except ValueError as error:
            odd.append(Lost(str(file), f"byte {one.at}", 1, f"it is no record of W&B: {error}"))
    return (*lost, *odd)


def _notes(history: History, read: Sequence[str]) -> Iterator[str]:
    if len(read) > 1:
        yield f"the {len(read)} files of the run were read in the order of their folders' names"
    if history.ended is None:
        yield "the log does not say how the run ended: it was killed, or is still going on"
    elif history.ended:
        yield f"the run ended with exit code {history.ended}"
    if history.passed:
        names = list(history.passed)
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        yield f"no numbers, and passed over: {', '.join(names[:MOST_NAMED])}{more}"


def _empty(file: str, lost: Sequence[Lost]) -> LogError:
    """Why a file gave nothing."""
    if lost:
        also = f", and damage at {len(lost) - 1:,} more places" if len(lost) > 1 else ""
        return LogError(
            f"{file}: {lost[0].where}: {lost[0].because}{also}. No number is left. "
            "Copy the file again from where it was written. Nothing was read."
        )
    return LogError(
        f"{file} holds no number. The run may have just begun, or logged only text or images. "
        'Log a loss with `run.log({"loss": …})`. Nothing was read.'
    )


READER = Reader("W&B offline logs (run-<id>.wandb)", recognises, read)
