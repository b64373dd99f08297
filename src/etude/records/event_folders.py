"""Which folders of event files are one run: what a writer puts beside a run, and train and validation side by side."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from etude.records.bounded import opened
from etude.records.event_heads import event
from etude.records.event_value import value_in
from etude.records.logged import HEAD
from etude.records.names import SPLITS
from etude.records.tfrecord import records
from etude.values.errors import LogError

STAMP = re.compile(r"\d{9,}\.\d+")
"""The folder that `add_hparams` makes, named by the time in seconds: it holds parameters, and no curve."""

TRAIN_INNER = "train_inner"
"""Fairseq's third folder: training losses within an epoch."""


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one run.

    run:   the folder that is the run; it may hold no file itself
    parts: folders whose series belong to the run, itself among them if it has files
    facts: folders that hold only its parameters
    """

    run: Path
    parts: tuple[Path, ...]
    facts: tuple[Path, ...]


def folders_of_runs(files: Mapping[Path, Sequence[Path]], root: Path) -> Iterator[Folders]:
    """The runs in folders, each given with its event files; ordered by their paths."""
    above = _above(files, root)
    runs: dict[Path, tuple[list[Path], list[Path]]] = {}
    for folder in sorted(files):
        run = folder
        while run in above:
            run = above[run]
        parts, facts = runs.setdefault(run, ([], []))
        (facts if run != folder and STAMP.fullmatch(folder.name) else parts).append(folder)
    for run in sorted(runs):
        yield Folders(run, tuple(runs[run][0]), tuple(runs[run][1]))


def _above(files: Mapping[Path, Sequence[Path]], root: Path) -> dict[Path, Path]:
    """Of each folder that is part of another's run, that other folder."""
    siblings: dict[Path, set[str]] = {}
    for folder in files:
        siblings.setdefault(folder.parent, set()).add(folder.name)
    above = {}
    for folder in files.keys() - {root}:
        nearest = _nearest(folder, files, root)
        if nearest is not None and _is_of_one_tag(files[folder][0], folder, nearest):
            above[folder] = nearest
        elif _is_split(folder.name, siblings[folder.parent], beside=nearest == folder.parent):
            above[folder] = folder.parent
    homes = {*files, *above.values()}
    stamped = {folder for folder in files.keys() - {root} if STAMP.fullmatch(folder.name) and folder.parent in homes}
    return above | {folder: folder.parent for folder in stamped}


def _is_split(name: str, siblings: Collection[str], *, beside: bool) -> bool:
    """Whether a folder is the training or the validation part of the run that its parent is.

    It is if the parent has event files itself, or another folder is another part, or this is the only one and is
    called "train". A folder called "test" among runs of other names is a run.
    """
    split = _split(name)
    others = {_split(other) for other in siblings} - {split, None}
    alone = split == "train" and len(siblings) == 1
    return split is not None and (beside or bool(others) or alone)


def _split(name: str) -> str | None:
    return "train" if name == TRAIN_INNER else SPLITS.get(name.lower())


def _nearest(folder: Path, files: Collection[Path], root: Path) -> Path | None:
    """The nearest folder above, up to the root, that has event files."""
    for parent in folder.parents:
        if parent in files:
            return parent
        if parent == root:
            break
    return None


def _is_of_one_tag(file: Path, folder: Path, home: Path) -> bool:
    """Whether a folder is what `add_scalars` made in the folder of its run.

    It is named "<tag>_<part>" (torch) or "<tag>/<part>" (tensorboardX), and holds nothing but that tag.
    """
    tags = _first_tags(file)
    if len(tags) != 1:
        return False
    (tag,) = tags
    return folder.relative_to(home).as_posix().startswith((tag.replace("/", "_") + "_", tag + "/"))


def _first_tags(file: Path) -> set[str]:
    """The tags in the first HEAD bytes of an event file."""
    try:
        with opened(file) as open_file:
            raw = open_file.read(HEAD)
    except LogError:
        return set()
    tags: set[str] = set()
    starts, ends, _ = records(raw, str(file))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        try:
            tags.update(value_in(raw[first:stop]).tag for first, stop in event(raw, start, end)[2])
        except ValueError:
            continue
    return tags
