"""What to call a run that lies in a file: its folder, or the file's own name where that says more."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

GENERIC = frozenset(
    (
        *("metrics", "metric", "scalars", "history", "results", "output", "data", "progress", "trainer_state"),
        *("log", "logs", "training", "train", "train_log", "training_log"),
    )
)
"""File names that say nothing of the run: its folder does."""


def run_name(path: Path, files: Sequence[Path], root: Path) -> str:
    """The run's folder below root, with the file's name unless it is a GENERIC one and alone in its folder.

    >>> run_name(Path("logs/a/metrics.csv"), [], Path("logs")), run_name(Path("logs/a/mlp.csv"), [], Path("logs"))
    ('a', 'a/mlp')
    """
    folder = path.parent.relative_to(root).as_posix() if path.is_relative_to(root) else path.parent.name
    alone = not _beside(tuple(files)).get(path.parent, frozenset()) - {path}
    if alone and path.stem.lower() in GENERIC:
        return path.absolute().parent.name or path.stem if folder in ("", ".") else folder
    return path.stem if folder in ("", ".") else f"{folder}/{path.stem}"


@lru_cache(maxsize=4)
def _beside(files: tuple[Path, ...]) -> Mapping[Path, frozenset[Path]]:
    """The files of each folder, found once for all of them: of a thousand runs each asks."""
    folders: dict[Path, set[Path]] = {}
    for file in files:
        folders.setdefault(file.parent, set()).add(file)
    return {folder: frozenset(those) for folder, those in folders.items()}
