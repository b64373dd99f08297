"""TensorBoard's event files, as torch, tensorboardX, TensorFlow and Keras write them: one log a run."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from etude.records.event_file import Events, events
from etude.records.event_folders import Folders, folders_of_runs
from etude.records.event_parameters import Facts
from etude.records.logged import MOST_FACTS, MOST_SERIES, Log, Reader, Series
from etude.records.rows import MOST_NAMED, condensed
from etude.records.tfrecord import first_record
from etude.values.curve import frozen
from etude.values.errors import LogError

FORMAT = "TensorBoard"

WRITTEN_AT = re.compile(r"tfevents\.(\d+)")
"""In the name of an event file: when it was begun, in seconds since 1970."""


def recognises(path: Path, head: bytes) -> bool:
    """An event file says so in its first record; one whose first record is damaged says so by its name."""
    return b"brain.Event:" in first_record(head) or "tfevents" in path.name


def read(files: Sequence[Path], root: Path) -> Iterator[Log | LogError]:
    """The runs in event files: what a writer puts into folders beside a run is part of it."""
    by_folder: dict[Path, list[Path]] = {}
    for file in files:
        by_folder.setdefault(file.parent, []).append(file)
    for folders in folders_of_runs(by_folder, root):
        found: dict[Path, list[Events]] = {}
        for folder in (*folders.parts, *folders.facts):
            found[folder] = []
            for file in by_folder[folder]:
                try:
                    found[folder].append(events(file))
                except LogError as error:
                    yield error
            found[folder].sort(key=_written)
        yield from _log(folders, found, root)


def _written(file: Events) -> tuple[float, float, str]:
    """The order of event files in one folder."""
    stamp = WRITTEN_AT.search(file.path.name)
    return float(stamp[1]) if stamp else file.began, file.began, file.path.name


def _log(folders: Folders, found: dict[Path, list[Events]], root: Path) -> Iterator[Log | LogError]:
    everything = [file for folder in found for file in found[folder]]
    series = _series(folders, found)
    if not series:
        yield from map(_empty, everything)
        return
    outcomes = [one for folder in folders.facts for file in found[folder] for one in file.series]
    facts = [*(file.facts for file in everything), {one.name: float(one.values[-1]) for one in outcomes}]
    yield Log(
        _name(folders.run, root),
        FORMAT,
        tuple(str(file.path) for file in everything),
        series[:MOST_SERIES],
        condensed([damage for file in everything for damage in file.lost]),
        _facts(facts),
        tuple(_notes(found, series)),
    )


def _name(run: Path, root: Path) -> str:
    return root.absolute().name if run == root else run.relative_to(root).as_posix()


def _series(folders: Folders, found: dict[Path, list[Events]]) -> tuple[Series, ...]:
    """The series of all parts; those of a folder below the run's own have its path before their names."""
    named: dict[str, Series] = {}
    for folder in folders.parts:
        before = "" if folder == folders.run else folder.relative_to(folders.run).as_posix() + "/"
        by_tag: dict[str, list[Series]] = {}
        for file in found[folder]:
            for one in file.series:
                by_tag.setdefault(one.name, []).append(one)
        for tag, parts in by_tag.items():
            name = before + tag
            while name in named:  # "train/loss" of the run's own folder, and "loss" of its folder "train"
                name = f"{name} (in {folder.name})"
            named[name] = _joined(name, parts)
    return tuple(named.values())


def _joined(name: str, parts: Sequence[Series]) -> Series:
    if len(parts) == 1:
        return replace(parts[0], name=name)
    values, steps, clock = (
        frozen(np.concatenate(columns))
        for columns in zip(*((one.values, one.steps, one.clock) for one in parts), strict=True)
    )
    return Series(name, values, steps, clock=clock)


def _facts(parts: Iterable[Facts]) -> Facts:
    merged = {name: value for part in parts for name, value in part.items()}
    return MappingProxyType(dict(list(merged.items())[:MOST_FACTS]))


def _notes(found: dict[Path, list[Events]], series: Sequence[Series]) -> Iterator[str]:
    for folder, files in found.items():
        if len(files) > 1:
            yield f"the {len(files)} event files in {folder.name} were read in the order in which they were begun"
    passed = list(dict.fromkeys(tag for files in found.values() for file in files for tag in file.passed))
    if passed:
        more = f" and {len(passed) - MOST_NAMED} more" if len(passed) > MOST_NAMED else ""
        yield f"no scalars, and passed over: {', '.join(passed[:MOST_NAMED])}{more}"
    if len(series) > MOST_SERIES:
        yield f"{len(series) - MOST_SERIES:,} of {len(series):,} series were passed over; {MOST_SERIES:,} are read"


def _empty(file: Events) -> LogError:
    """Why an event file gave nothing."""
    if file.lost:
        first, more = file.lost[0], len(file.lost) - 1
        also = f", and damage at {more:,} more places" if more else ""
        return LogError(
            f"{file.path}: {first.where}: {first.because}{also}. No scalar is left. "
            "Copy the file again from where it was written. Nothing was read."
        )
    return LogError(
        f"{file.path} holds no scalar. It may be of a run that has just begun, or logged only text or images. "
        "Log a loss with `add_scalar`. Nothing was read."
    )


READER = Reader("TensorBoard event files", recognises, read)
