"""What a watched loop has measured, in bounded memory, and line by line in a file."""

import itertools
import json
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from etude.values.curve import Curve, frozen
from etude.values.errors import EngineError

Point = tuple[int, float]

MOST_JUDGED, MOST_OTHER = 32_768, 1_024
"""Points that are kept of a loss or a validation, and of every other quantity; even numbers."""

AT_ONCE = 4
"""Points of which the smallest and the largest stay when there are too many."""


class Track:
    """One quantity at increasing steps, in bounded memory: of many values the smallest and the largest are kept."""

    __slots__ = ("_bucket", "_most", "_steps", "_values", "width")

    def __init__(self, most: int = MOST_OTHER) -> None:
        """most: points that are kept."""
        self.width = 1
        self._most = most
        self._steps, self._values = array("q"), array("d")
        self._bucket: list[Point] = []

    def add(self, step: int, value: float) -> None:
        """Add a value; one at the step of the last value takes its place.

        >>> track = Track(most=8)
        >>> for step, value in enumerate([0.0, 9.0, 5.0, 1.0, 5.0, 4.0, 7.0, 3.0], 1):
        ...     track.add(step, value)
        >>> track.width, track.curve("loss").steps.tolist(), track.curve("loss").values.tolist()
        (4, [1, 2, 7, 8], [0.0, 9.0, 7.0, 3.0])
        """
        if self._bucket and self._bucket[-1][0] == step:
            self._bucket[-1] = (step, value)
            return
        if not self._bucket and self._steps and self._steps[-1] >= step:
            if self._steps[-1] == step:
                self._values[-1] = value
            return
        self._bucket.append((step, value))
        if len(self._bucket) == self.width:
            self._keep(self._bucket if self.width == 1 else extremes(self._bucket))
            self._bucket = []
            if len(self._steps) >= self._most:
                self._thin()

    def add_all(self, points: Sequence[Point]) -> None:
        """Add values at increasing steps, as `add` does one by one; many at once where there is room for them.

        >>> track = Track()
        >>> track.add_all([(1, 5.0), (2, 6.0)])
        >>> track.add_all([(2, 7.0), (3, 8.0)])
        >>> list(track.points())
        [(1, 5.0), (2, 7.0), (3, 8.0)]
        """
        if points and self.width == 1 and len(self._steps) + len(points) < self._most:
            self.add(*points[0])  # its step may be there already
            self._keep(points[1:])
            return
        for step, value in points:
            self.add(step, value)

    def points(self) -> Iterator[Point]:
        """Steps and values."""
        yield from zip(self._steps, self._values, strict=True)
        yield from extremes(self._bucket) if len(self._bucket) > 1 else self._bucket

    def curve(self, name: str, unit: str = "") -> Curve:
        """What is kept, as a curve."""
        steps, values = zip(*self.points(), strict=True)
        return Curve(name, frozen(np.array(steps, dtype=np.int64)), frozen(np.array(values, dtype=np.float64)), unit)

    def __len__(self) -> int:
        """Points that `points` gives."""
        return len(self._steps) + min(len(self._bucket), 2)

    def _keep(self, points: Sequence[Point]) -> None:
        self._steps.extend(step for step, _ in points)
        self._values.extend(value for _, value in points)

    def _thin(self) -> None:
        self.width = 2 * self.width if self.width > 1 else AT_ONCE
        points = iter(list(self.points()))
        self._steps, self._values = array("q"), array("d")
        while group := list(itertools.islice(points, AT_ONCE)):
            self._keep(extremes(group))


def extremes(points: Sequence[Point]) -> tuple[Point, Point]:
    """The smallest and the largest of two values or more, in the order of their steps; NaN is larger than any.

    >>> extremes([(1, 5.0), (2, 7.0), (3, 3.0), (4, 5.0)])
    ((2, 7.0), (3, 3.0))
    """
    keys = [(math.inf if math.isnan(value) else value, step) for step, value in points]
    low, high = sorted((keys.index(min(keys)), keys.index(max(keys))))
    return points[low], points[high]


class Record:
    """All tracks by name, and the file that gets every value as a line of JSON, if there is one."""

    def __init__(self, path: Path | None = None, facts: Mapping[str, str] | None = None) -> None:
        """Begin the file, under a name that is still free, with the facts as its first line."""
        self.tracks: dict[str, Track] = {}
        self.path: Path | None = None
        self._file: TextIO | None = None
        self._lines: list[str] = []
        if path is not None:
            self.path, self._file = _begun(path)
            self._lines.append(json.dumps({"step": 0, **(facts or {})}, ensure_ascii=False))
            self.write()

    def note(self, step: int, values: Mapping[str, float]) -> None:
        """Add what was measured at a step."""
        for name, value in values.items():
            self._track(name).add(step, value)
        if self._file is not None and values:
            self._lines.append(json.dumps({"step": step, **values}, ensure_ascii=False))

    def note_all(self, name: str, points: Sequence[Point]) -> None:
        """Add what was measured of one quantity at several steps."""
        self._track(name).add_all(points)
        if self._file is not None:
            self._lines += [json.dumps({"step": step, name: value}, ensure_ascii=False) for step, value in points]

    def _track(self, name: str) -> Track:
        if name not in self.tracks:
            self.tracks[name] = Track(MOST_JUDGED if name.startswith(("train/", "validation/")) else MOST_OTHER)
        return self.tracks[name]

    def write(self) -> None:
        """Hand all lines to the system, in one piece, so that a process that is killed leaves whole ones."""
        if self._file is not None and self._lines:
            text, self._lines = "\n".join(self._lines), []
            self._file.write(text + "\n")
            self._file.flush()

    def close(self) -> None:
        """Write what is left; after that nothing more is written."""
        self.write()
        if self._file is not None:
            self._file.close()
            self._file = None

    def thinned(self) -> Iterator[str]:
        """Of which quantities not every value is kept, as sentences."""
        for name, track in self.tracks.items():
            if track.width > 1:
                yield f"of {name} the smallest and the largest of every {track.width} values are kept"


def recorded(path: Path, watched: str) -> Record:
    """The record of a watched model in a file; an EngineError where that cannot be written."""
    try:
        return Record(path, {"by": "etude.watch", "watched": watched})
    except OSError as error:
        raise EngineError(
            f"{path} cannot be written: {error.strerror}. Name a file in a folder that can. Nothing was trained yet."
        ) from error


JUDGED = ("train/objective", "validation/objective")
KINDS = ("train", "validation", "signals", "layers", "probes")


def in_order(names: Iterable[str], layers: Sequence[str]) -> list[str]:
    """Names of quantities: what is judged, other scores, signals, layers in the order of the network, probes.

    >>> in_order(["layers/0/dead", "signals/gradient_norm", "train/objective"], ["0"])
    ['train/objective', 'signals/gradient_norm', 'layers/0/dead']
    """
    order = {name: i for i, name in enumerate(layers)}

    def place(name: str) -> tuple[bool, int, int]:
        kind, _, rest = name.partition("/")
        layer = rest.rpartition("/")[0] if kind == "layers" else ""
        return name not in JUDGED, KINDS.index(kind), order.get(layer, 0)

    return sorted(names, key=place)


def _begun(path: Path) -> tuple[Path, TextIO]:
    """A new file of that name, or of the first free one like it: what an earlier run left is not touched."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for i in itertools.count(1):
        free = path if i == 1 else path.with_stem(f"{path.stem}-{i}")
        try:
            return free, free.open("x", encoding="utf-8")
        except FileExistsError:
            continue
    raise AssertionError("counting ends nowhere")
