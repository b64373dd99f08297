"""What a two-feature arm learned: what it predicts over the plane, for two classes beside the Bayes boundary."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.axes import Axis, tick_labels
from etude.figures.contours import lines_over
from etude.figures.numbers import percent, plural, significant
from etude.figures.png import palette_png
from etude.figures.svg import element, line_path, picture, text
from etude.values.run import PICTURED, Run

SIZE, LEFT, TOP, BOTTOM = 240, 30, 17, 28
FINE = 2
EVEN = 0.5
"""Class 1 is the likelier one above this probability; the boundary lies where it is crossed."""

INK, WHITE = "#1b1f23", "#ffffff"
CLASS_0, NEITHER, CLASS_1 = (230, 159, 0), (250, 250, 248), (0, 114, 178)
"""Orange and blue of Okabe and Ito (2008), through near white."""

SHADES = 32
MOST_EACH = 8
"""Replicates whose own boundary is drawn; more would hide the median's."""

TABLE_SIDE = 7


@dataclass(frozen=True, slots=True, eq=False)
class DecisionData:
    """The plane of two features, seen by an arm.

    x1, x2:     the grid, shapes (n1,) and (n2,)
    median:     the median over replicates of P(class 1), or of a regression's prediction, shape (n2, n1)
    scale:      the values at the two ends of the colours
    boundaries: where the median crosses ½: polylines of (x1, x2); none for a regression
    each:       the same of the first few replicates
    truth:      the true probability on the grid, or None
    bayes:      where the truth crosses ½
    agreement:  share of the grid on which median and truth name the same class; NaN without truth
    """

    arm: str
    x1: NDArray[np.float64]
    x2: NDArray[np.float64]
    median: NDArray[np.float64]
    boundaries: tuple[NDArray[np.float64], ...]
    each: tuple[NDArray[np.float64], ...]
    truth: NDArray[np.float64] | None
    bayes: tuple[NDArray[np.float64], ...]
    agreement: float
    runs: int
    scale: tuple[float, float] = (0.0, 1.0)

    @property
    def is_probability(self) -> bool:
        """Whether the picture is of P(class 1), not of a regression's prediction."""
        return self.scale == (0.0, 1.0)


def decision_data(arm: str, runs: Sequence[Run]) -> DecisionData | None:
    """The decision of an arm's runs on the grid that most of them share; None without a finite one.

    Of the first `PICTURED` runs. Those whose grid differs, or whose predictions are not finite, are left out; `runs`
    counts those that remain.
    """
    planes = [plane for run in runs[:PICTURED] if (plane := _plane(run)) is not None]
    if not planes:
        return None
    common = Counter(plane.grid for plane in planes).most_common(1)[0][0]
    alike = [plane for plane in planes if plane.grid == common]
    x1, x2 = alike[0].x1, alike[0].x2
    median = np.median(np.stack([plane.p for plane in alike]), axis=0)
    regression = any(name.endswith("/squared_error") for name in runs[0].curves)
    truth = None if regression else alike[0].truth
    return DecisionData(
        arm=arm,
        x1=x1,
        x2=x2,
        median=median,
        boundaries=() if regression else lines_over(median, EVEN, x1, x2),
        each=()
        if regression
        else tuple(line for plane in alike[:MOST_EACH] for line in lines_over(plane.p, EVEN, x1, x2)),
        truth=truth,
        bayes=() if truth is None else lines_over(truth, EVEN, x1, x2),
        agreement=float("nan") if truth is None else float(((median > EVEN) == (truth > EVEN)).mean()),
        runs=len(alike),
        scale=(float(median.min()), float(median.max())) if regression else (0.0, 1.0),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    x1: NDArray[np.float64]
    x2: NDArray[np.float64]
    p: NDArray[np.float64]
    truth: NDArray[np.float64] | None
    grid: bytes


def _plane(run: Run) -> _Plane | None:
    """One run's predictions on its grid; None where it has none, or not all are finite."""
    if "decision/p" not in run.arrays:
        return None
    x1, x2 = (np.asarray(run.arrays[f"decision/{name}"], dtype=np.float64).ravel() for name in ("x1", "x2"))
    p = np.asarray(run.arrays["decision/p"], dtype=np.float64).reshape(x2.size, x1.size)
    given = run.arrays.get("decision/truth")
    truth = None if given is None else np.asarray(given, dtype=np.float64).reshape(p.shape)
    usable = min(p.shape) > 1 and bool(np.isfinite(p).all())
    return _Plane(x1, x2, p, truth, x1.tobytes() + x2.tobytes()) if usable else None


def draw_decision(data: DecisionData) -> str:
    """The median probability as colour, the boundary of each replicate thin, of the median thick, of Bayes dashed."""
    across, up = (Axis(float(x.min()), float(x.max())) for x in (data.x1, data.x2))
    inner = element(
        "svg",
        element("image", href=_raster(data), width="100%", height="100%", preserveAspectRatio="none"),
        _thin_paths(data.each, across, up),
        _path(data.boundaries, across, up, stroke=INK, stroke_width=4),
        _path(data.bayes, across, up, stroke=WHITE, stroke_width=6),
        _path(data.bayes, across, up, stroke=INK, stroke_width=3, stroke_dasharray="9 9"),
        viewBox=f"0 0 {SIZE * FINE} {SIZE * FINE}",
        x=LEFT,
        y=TOP,
        width=SIZE,
        height=SIZE,
    )
    box = f"0 0 {LEFT + SIZE + 8} {TOP + SIZE + BOTTOM}"
    title = f"Decision boundary of {data.arm}"
    return picture(title, _describe(data), inner, *_axes(across, up), viewBox=box, class_="decision")


def _raster(data: DecisionData) -> str:
    low, high = data.scale
    return shaded((data.median - low) / ((high - low) or 1.0))


def shaded(part: NDArray[np.float64]) -> str:
    """The plane as an image: orange at 0, near white at one half, blue at 1; the first row at the bottom."""
    indices = np.rint(np.clip(part, 0, 1) * SHADES).astype(np.uint8)
    return palette_png(np.flipud(indices), [_shade(i / SHADES) for i in range(SHADES + 1)])


def _shade(p: float) -> tuple[int, int, int]:
    end, weight = (CLASS_1, 2 * p - 1) if p > EVEN else (CLASS_0, 1 - 2 * p)
    red, green, blue = (round(n + 0.8 * weight * (e - n)) for n, e in zip(NEITHER, end, strict=True))
    return red, green, blue


def _thin_paths(lines: Sequence[NDArray[np.float64]], across: Axis, up: Axis) -> str:
    """The boundaries of single replicates, on a grid as coarse as the picture's own unit: they are many."""
    each = _path(tuple(map(_coarser, lines)), across, up, fine=1, stroke=INK, stroke_opacity=0.28, stroke_width=0.8)
    return element("g", each, transform=f"scale({FINE})") if each else ""


def _coarser(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every second point and the last: thin lines are many, and need no more."""
    return np.concatenate([line[:-1:2], line[-1:]])


def _path(lines: Sequence[NDArray[np.float64]], across: Axis, up: Axis, *, fine: int = FINE, **look: object) -> str:
    scale = SIZE * fine
    d = "".join(line_path(across.place(line[:, 0]) * scale, (1 - up.place(line[:, 1])) * scale) for line in lines)
    return element("path", d=d, fill="none", **look) if d else ""


def _axes(across: Axis, up: Axis) -> list[str]:
    base = TOP + SIZE
    below = [
        text(label, x=round(LEFT + float(across.place(value)) * SIZE, 1), y=base + 13, text_anchor="middle")
        for value, label in zip(across.ticks(4), tick_labels(across.ticks(4)), strict=True)
    ]
    beside = [
        text(label, x=LEFT - 5, y=round(base - float(up.place(value)) * SIZE + 3.5, 1), text_anchor="end")
        for value, label in zip(up.ticks(4), tick_labels(up.ticks(4)), strict=True)
    ]
    names = [
        text("feature 1", x=LEFT + SIZE, y=base + 25, text_anchor="end", class_="unit"),
        text("feature 2", x=LEFT, y=TOP - 5, class_="unit"),
    ]
    return [*below, *beside, *names]


def _describe(data: DecisionData) -> str:
    same = f" It names the same class as the Bayes rule on {percent(data.agreement)} of the plane shown."
    low, high = data.scale
    what = (
        "probability of class 1" if data.is_probability else f"prediction, {significant(low)} to {significant(high)},"
    )
    return (
        f"Median {what} over {plural(data.runs, 'run')}, feature 1 across and feature 2 up."
        f"{same if data.truth is not None else ''}"
    )


def table_rows(data: DecisionData) -> tuple[tuple[str, ...], ...]:
    """The picture as rows of words: the median prediction on a coarse grid, first row and column its coordinates."""
    rows = np.linspace(data.x2.size - 1, 0, TABLE_SIDE).round().astype(int)
    columns = np.linspace(0, data.x1.size - 1, TABLE_SIDE).round().astype(int)
    return tuple((f"{data.x2[i]:.1f}", *(f"{data.median[i, j]:.2f}" for j in columns)) for i in rows)


def table_columns(data: DecisionData) -> tuple[str, ...]:
    """The heads of the columns of `table_rows`."""
    columns = np.linspace(0, data.x1.size - 1, TABLE_SIDE).round().astype(int)
    return ("feature 2 ↓, 1 →", *(f"{data.x1[j]:.1f}" for j in columns))
