"""Other tools' logs from Python."""

import warnings
from pathlib import Path

from etude.records.read import read
from etude.records.roles import Choices
from etude.values.errors import LogError
from etude.values.run import Run


def read_runs(
    *paths: str | Path,
    train: str | None = None,
    validation: str | None = None,
    x: str | None = None,
    higher_is_better: bool | None = None,
) -> tuple[Run, ...]:
    """The runs in logs of other tools: files, folders with all below them, and patterns with * in them.

    train, validation: the series that are judged, where their names do not tell
    x:                 "step", "epoch" or "row", where the first that all have is not wanted
    higher_is_better:  whether more of what is judged is better, where its name does not tell

    Curves are called "train/objective" and "validation/objective", or "…/score" where more is better; every other
    series keeps its name. A run's notes and provenance say what was taken for what, its `lost` what could not be read.
    A log that cannot be read is a warning; where nothing can be read it is a LogError.
    """
    reading = read(paths, Choices(train, validation, x, higher_is_better))
    if not reading.runs:
        if reading.failed:
            raise reading.failed[0]
        raise LogError(f"{', '.join(map(str, paths))}: no log among {reading.passed:,} files. Nothing was read.")
    for error in reading.failed:
        warnings.warn(str(error), stacklevel=2)
    return reading.runs
