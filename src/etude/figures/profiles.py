"""Profiles: the mean score over the levels of one factor, a line for each level of another; parallel lines add up."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from etude.figures.axes import Axis, axis, tick_labels
from etude.figures.glance import shortened
from etude.figures.heatmap import Levels
from etude.figures.numbers import decimals, number
from etude.figures.svg import element, line_path, picture, text
from etude.values.metric import Metric

WIDTH, HEIGHT = 320, 206
LEFT, TOP, RIGHT, BOTTOM = 40, 12, 62, 34
INNER_WIDTH, INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
LABEL_GAP = 11.5
DASHES = (None, "7 4", "2 4", "9 3 2 3", "1 3", "12 4")
"""Lines are told apart by their dashes and the words at their ends. Of a factor with more levels some are drawn."""

LEAST_TICK = 26.0
LETTER = 6.0
"""Width of a letter in the picture: a name that has no room is cut, and whole in the table."""


@dataclass(frozen=True, slots=True)
class Line:
    """One level of the second factor: its mean at each level of the first, and the half width of its interval."""

    level: str
    means: tuple[float, ...]
    reach: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Profiles:
    """Two factors of a factorial, averaged over all others.

    along: the factor on the horizontal axis, the one with more levels
    by:    the factor of the lines, which has one for each level or, of many, for some from the first to the last
    level: what each interval covers
    """

    metric: Metric
    along: Levels
    by: Levels
    lines: tuple[Line, ...]
    places: int
    level: float


def profiles_data(
    factors: tuple[Levels, Levels], outcomes: NDArray[np.float64], metric: Metric, *, level: float = 0.95
) -> Profiles | None:
    """Means and intervals of each combination, over the replicates that finished in all of them; None below two.

    outcomes: averaged over the other factors, shape (levels of the first, levels of the second, replicates)
    The intervals leave out what all arms of a replicate share, so that points can be compared with each other. They
    take all combinations to vary alike otherwise, and each is an interval by itself.
    Source: Morey (2008), Tutorials in Quantitative Methods for Psychology 4, 61–64.
    """
    (one, other), values = factors, outcomes
    if len(other.levels) > len(one.levels):
        one, other, values = other, one, outcomes.swapaxes(0, 1)
    values = values[..., np.isfinite(values).all(axis=(0, 1))]
    n, k = values.shape[2], values.shape[0] * values.shape[1]
    if n < 2:
        return None
    own = values - values.mean(axis=(0, 1)) + values.mean()
    means = own.mean(axis=2)
    errors = own.std(axis=2, ddof=1) * np.sqrt(k / (k - 1) / n)
    reach = special.stdtrit(n - 1, (1 + level) / 2) * errors
    drawn = np.unique(np.linspace(0, len(other.levels) - 1, len(DASHES)).round().astype(int)).tolist()
    lines = tuple(Line(other.levels[j], tuple(means[:, j].tolist()), tuple(reach[:, j].tolist())) for j in drawn)
    return Profiles(metric, one, other, lines, min(decimals(float(np.ptp(means)) / 4), 5), level)


def draw_profiles(data: Profiles) -> str:
    """One line for each level of `by`, with its interval at every point and its name at its end."""
    upright = _vertical(data)
    x = LEFT + INNER_WIDTH * (0.06 + 0.88 * np.linspace(0, 1, len(data.along.levels)))
    lines = [part for i, line in enumerate(data.lines) for part in _line(i, line, x, upright)]
    title = f"{data.metric.label} by {data.along.factor}, a line for each {data.by.factor}"
    box = f"0 0 {WIDTH} {HEIGHT}"
    names = _names(data, upright)
    return picture(title, _describe(data), *_frame(data, x, upright), *lines, *names, viewBox=box, class_="profiles")


def table_rows(data: Profiles) -> tuple[tuple[str, ...], ...]:
    """The picture as rows of words: a level of `along`, then each line's mean and interval there."""
    return tuple(
        (
            level,
            *(
                f"{number(line.means[i], data.places + 1)} ± {number(line.reach[i], data.places + 1)}"
                for line in data.lines
            ),
        )
        for i, level in enumerate(data.along.levels)
    )


def _vertical(data: Profiles) -> Axis:
    means, reach = (np.array(found) for found in zip(*((line.means, line.reach) for line in data.lines), strict=True))
    return axis(float((means - reach).min()), float((means + reach).max()), pad=0.06)


def _height(value: float, upright: Axis) -> float:
    return round(TOP + (1 - float(upright.place(value))) * INNER_HEIGHT, 1)


def _line(i: int, line: Line, x: NDArray[np.float64], upright: Axis) -> list[str]:
    y = TOP + (1 - upright.place(line.means)) * INNER_HEIGHT
    look = {"class_": f"profile by-{i % len(DASHES)}", "fill": "none", "stroke": "currentColor"}
    bars = "".join(
        f"M{at:.0f} {_height(mean - reach, upright):g}V{_height(mean + reach, upright):g}"
        for at, mean, reach in zip(x.tolist(), line.means, line.reach, strict=True)
    )
    dots = [element("circle", cx=round(float(a)), cy=round(float(b), 1), r=3) for a, b in zip(x, y, strict=True)]
    return [
        element("path", d=bars, stroke_width=1.5, **look),
        element("path", d=line_path(x, y), stroke_width=2, stroke_dasharray=DASHES[i % len(DASHES)], **look),
        element("g", *dots, class_=f"profile-dots by-{i % len(DASHES)}"),
    ]


def _names(data: Profiles, upright: Axis) -> list[str]:
    """Each line's level at its right end, a line of text apart where ends lie close."""
    ends = sorted((_height(line.means[-1], upright), line.level) for line in data.lines)
    placed: list[float] = []
    for height, _ in ends:
        placed.append(max(height, placed[-1] + LABEL_GAP) if placed else height)
    excess = max(0.0, placed[-1] - (TOP + INNER_HEIGHT))
    names = [
        text(_cut(level, RIGHT), x=WIDTH - RIGHT + 2, y=round(y - excess + 3.5, 1), class_="profile-name")
        for y, (_, level) in zip(placed, ends, strict=True)
    ]
    return [*names, text(data.by.factor, x=WIDTH, y=TOP - 2, text_anchor="end", class_="unit")]


def _frame(data: Profiles, x: NDArray[np.float64], upright: Axis) -> list[str]:
    ticks = upright.ticks(4)
    heights = [_height(value, upright) for value in ticks]
    grid = "".join(f"M{LEFT} {y:g}h{INNER_WIDTH}" for y in heights)
    beside = [text(s, x=LEFT - 5, y=y + 3.5) for s, y in zip(tick_labels(ticks), heights, strict=True)]
    base = TOP + INNER_HEIGHT
    each = INNER_WIDTH / len(x)
    every = math.ceil(LEAST_TICK / each)
    below = [
        text(_cut(level, each * every), x=round(float(at)), y=base + 14)
        for at, level in list(zip(x, data.along.levels, strict=True))[::every]
    ]
    return [
        element("path", d=grid, stroke="currentColor", stroke_opacity=0.12),
        element("path", d=f"M{LEFT} {base}h{INNER_WIDTH}", stroke="currentColor"),
        element("g", *beside, text_anchor="end"),
        element("g", *below, text_anchor="middle"),
        text(data.along.factor, x=WIDTH - RIGHT, y=base + 28, text_anchor="end", class_="unit"),
    ]


def _cut(level: str, width: float) -> str:
    return shortened(level, max(3, int(width / LETTER)))


def _describe(data: Profiles) -> str:
    ends = (
        f"{data.by.factor} {line.level}: from {number(line.means[0], data.places)} to "
        f"{number(line.means[-1], data.places)}"
        for line in data.lines
    )
    first, last = data.along.levels[0], data.along.levels[-1]
    return f"Mean {data.metric.label} from {data.along.factor} {first} to {last}. {'; '.join(ends)}."
