"""Time series of equal or unequal length, from `.ts` files with an official test set."""

import importlib.util
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from etude.data.encode import splits
from etude.data.fetch import cache_folder
from etude.data.formats.series import read_series
from etude.data.pool import Draw, Pool, check_draw, pool_fingerprint, pool_limits, taken
from etude.data.splits import Part, Splits
from etude.values.data import Series
from etude.values.errors import DataError
from etude.values.metric import Kind, Limit

PACKAGE = ("aeon", "datasets/data")
"""A package that holds a dozen sets, and where in it; it need not be imported, nor installed with what it needs."""


def draw_series(data: Series, *, seed: int, replicate: int) -> Splits:
    """The series of one replicate, each channel centred and scaled by the training part; NaN after a series' end."""
    pool = check_series(data)
    rows = taken(pool, _draw(data), seed=seed, replicate=replicate)
    learned = pool.inputs[rows.train]
    center, spread = np.nanmean(learned, axis=(0, 1)), np.nanstd(learned, axis=(0, 1))

    def part(series: NDArray[np.float64], labels: NDArray[np.int64]) -> Part:
        scaled = (series - center) / np.where(spread > 0, spread, 1)
        return Part(scaled.reshape(len(series), -1).astype(np.float32), labels.astype(np.float64))

    return splits(
        parts=(
            part(learned, rows.labels[rows.train]),
            part(pool.inputs[rows.validation], rows.labels[rows.validation]),
            part(pool.test_inputs[rows.test], pool.test_labels[rows.test]),
        ),
        kind=pool.kind,
        classes=pool.classes,
        notes=(f"{pool.where}: the official test set is scored, the same in every replicate", *_absent(pool)),
        form=pool.inputs.shape[1:],
    )


def _absent(pool: Pool) -> tuple[str, ...]:
    """Of each class without a series to learn from that it has none."""
    held = set(pool.labels.tolist())
    return tuple(
        f"no series to learn from is of class {name!r}" for i, name in enumerate(pool.classes) if i not in held
    )


def check_series(data: Series) -> Pool:
    """The set; an error where it cannot be read or so much cannot be taken."""
    train, test = _files(data)
    changed = tuple(path.stat().st_mtime_ns for path in (train, test))
    pool = _pool(str(train), str(test), changed)
    check_draw(pool, _draw(data))
    return pool


def series_kind(data: Series) -> Kind:
    """What is predicted."""
    return check_series(data).kind


def series_limits(data: Series) -> Mapping[str, Limit]:
    """Chance and best constant on the official test set."""
    return pool_limits(check_series(data))


def series_fingerprint(data: Series) -> str:
    """sha256 of the series and their labels."""
    return pool_fingerprint(check_series(data))


def _draw(data: Series) -> Draw:
    return Draw(validation=data.validation, flip=data.flip)


def _files(data: Series) -> tuple[Path, Path]:
    """Training and test file: the path given, else the name in the known places."""
    if data.series.endswith(".ts"):
        train = Path(data.series).expanduser()
        if not train.stem.upper().endswith("TRAIN"):
            raise DataError(
                f"{train}: an official test set stands beside a training set, as NAME_TEST.ts beside NAME_TRAIN.ts. "
                "Name the training file so. Nothing was run."
            )
        return _existing(train, train.with_name(f"{train.stem[:-5]}TEST.ts"))
    places = _places(data)
    found = [place for place in places if (place / f"{data.series}_TRAIN.ts").is_file()]
    if found:
        return _existing(*(found[0] / f"{data.series}_{part}.ts" for part in ("TRAIN", "TEST")))
    raise DataError(
        f"no series called {data.series!r}: {data.series}_TRAIN.ts is in none of {', '.join(map(str, places))}. Put it "
        f"and {data.series}_TEST.ts there (timeseriesclassification.com has a hundred sets), give the path of the "
        "file, or run: pip install --no-deps aeon. Nothing was run."
    )


def _places(data: Series) -> list[Path]:
    own = Path(data.folder).expanduser() if data.folder else cache_folder()
    package = importlib.util.find_spec(PACKAGE[0])
    inside = [Path(place) / PACKAGE[1] for place in (package.submodule_search_locations or ())] if package else []
    return [own, own / data.series, *(place / data.series for place in inside if not data.folder)]


def _existing(train: Path, test: Path) -> tuple[Path, Path]:
    for path in (train, test):
        if not path.is_file():
            raise DataError(f"{path}: no such file. A set is a pair, NAME_TRAIN.ts and NAME_TEST.ts. Nothing was run.")
    return train, test


@lru_cache(maxsize=4)
def _pool(train: str, test: str, _changed: tuple[int, ...]) -> Pool:
    read = [read_series(_text(Path(path)), path) for path in (train, test)]
    classes = tuple(sorted({label for part in read for label in (*part.classes, *part.labels)}, key=_in_order))
    if len(classes) < 2:
        raise DataError(f"{train}: every series has the class {classes[0]!r}. Telling classes apart needs two.")
    channels = {case.shape[1] for part in read for case in part.cases}
    if len(channels) > 1:
        raise DataError(f"{test}: series of {channels} channels; those of both files need the same number.")
    longest = max(len(case) for part in read for case in part.cases)
    inputs = [_filled(part.cases, longest) for part in read]
    labels = [np.array([classes.index(label) for label in part.labels], dtype=np.int64) for part in read]
    where = Path(train).stem[:-6] or train
    return Pool(where, inputs[0], labels[0], inputs[1], labels[1], classes)


def _in_order(label: str) -> tuple[float, str]:
    return (float(label), "") if label.replace(".", "", 1).isdigit() else (np.inf, label)


def _filled(cases: Sequence[NDArray[np.float32]], longest: int) -> NDArray[np.float64]:
    """Shape (cases, longest, channels), NaN after the end of a case."""
    filled = np.full((len(cases), longest, cases[0].shape[1]), np.nan)
    for row, case in zip(filled, cases, strict=True):
        row[: len(case)] = case
    return filled


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}). A .ts file is UTF-8. Nothing was run.") from error
