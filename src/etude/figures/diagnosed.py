"""The picture of a diagnosis: training and validation on one axis, the best place, and where each finding is seen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from etude.figures.axes import LOG_RATIO, Axis, axis, tick_labels
from etude.figures.decimate import kept_points
from etude.figures.learning_curves import Series, learning_curves_data, shown_places
from etude.figures.numbers import NOT_FINITE, number, plural, significant
from etude.figures.svg import band_path, element, line_path, picture, text
from etude.values.finding import Diagnosis
from etude.values.metric import Split
from etude.values.run import Run

WIDTH, INNER_HEIGHT = 420, 190
LEFT, RIGHT, BOTTOM = 44, 70, 32
INNER_WIDTH = WIDTH - LEFT - RIGHT
HEAD, LANE = 12, 17
"""Above the curves, and for each row of numbered places."""

FINE = 2
"""Curves are drawn on a grid this many times finer than the picture's unit, so that whole numbers are exact enough."""

FEW = 30
"""Curves of at most so many points show each as a dot."""

STRETCHES, NOISY = 48, 0.012
"""A line of medians lies over a curve of several times as many points, if they are this share of its range off it."""

WHOLE = 0.85
"""A place that covers more of the axis is marked, not shaded."""

NEAR = 0.5
"""A known level farther outside the curves than this, in heights of them, is not drawn."""

NARROWEST = 5.0
LETTER = 6.0
"""Of words inside the picture, at most."""

OFF = 8
"""Between the right end of the axis and a line's name, so that a mark on the end touches no letter."""

LABEL_GAP = 11.5
TABLE_ROWS = 6
SPLITS: tuple[Split, ...] = ("train", "validation")


@dataclass(frozen=True, slots=True, eq=False)
class Shaded:
    """Where a finding is seen: its number in the list of findings, and steps, both included."""

    number: int
    symptom: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One split: every run of it, and where they are noisy a curve of medians over stretches of it.

    series:  steps, shape (n,), and values, shape (runs, n), with their median over the runs
    middle:  (steps, medians) of some stretches; None where the curve itself is as clear
    broken:  the first step at which a run has no finite value; None where all are finite
    """

    series: Series
    middle: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    broken: int | None


@dataclass(frozen=True, slots=True, eq=False)
class DiagnosedData:
    """What the picture shows.

    quantity: "loss" or "score"; `unit` as far as it is known
    x:        what the horizontal axis counts: "step", "epoch" or "row"
    best:     (step, value) of the best validation; None without one
    levels:   (words, value) of what is known of the problem, such as chance, as far as it is near
    beyond:   (step, value) of the most extreme finite value outside the vertical axis; None where all are inside
    """

    source: str
    quantity: str
    unit: str
    x: str
    lines: tuple[Line, ...]
    best: tuple[int, float] | None
    levels: tuple[tuple[str, float], ...]
    places: tuple[Shaded, ...]
    across: Axis
    upright: Axis
    beyond: tuple[int, float] | None
    runs: int


def diagnosed_data(
    diagnosis: Diagnosis, runs: Sequence[Run], *, levels: Sequence[tuple[str, float]] = ()
) -> DiagnosedData | None:
    """The judged curves of the runs of a diagnosis; None where none has a single finite value."""
    quantity = "objective" if any(f"{split}/objective" in run.curves for run in runs for split in SPLITS) else "score"
    found = learning_curves_data(diagnosis.source, runs, quantity, splits=SPLITS)
    lines = tuple(_line(series) for series in found.series if np.isfinite(series.replicates).any()) if found else ()
    if found is None or not lines:
        return None
    shown = tuple((words, value) for words, value in levels if _is_near(value, lines))
    first = min(int(line.series.steps[0]) for line in lines)
    last = max(int(line.series.steps[-1]) for line in lines)
    across = axis(0.0 if 0 <= first <= 0.1 * last else float(first), float(last)) if last > first else _around(first)
    upright = _upright(lines, [value for _, value in shown])
    return DiagnosedData(
        source=diagnosis.source,
        quantity="loss" if quantity == "objective" else "score",
        unit=found.unit,
        x=str(runs[0].provenance.get("x", "step")),
        lines=lines,
        best=_best(diagnosis, lines),
        levels=shown,
        places=_places(diagnosis),
        across=across,
        upright=upright,
        beyond=_beyond(lines, upright),
        runs=len(runs),
    )


def _is_near(level: float, lines: Sequence[Line]) -> bool:
    """Whether a level can be drawn without making the curves small."""
    joined = np.concatenate([line.series.replicates.ravel() for line in lines])
    low, high = np.quantile(joined[np.isfinite(joined)], (0.01, 0.99))
    return bool(np.isfinite(level) and low - NEAR * (high - low) <= level <= high + NEAR * (high - low))


def _upright(lines: Sequence[Line], always: Sequence[float]) -> Axis:
    """For all lines; logarithmic where validation, or else training, spans a wide range of positive values.

    What training alone does is no reason: on a logarithmic axis its way to nothing would flatten what counts. The most
    extreme in a hundred leave the frame where they are far out, such as a first step or a spike.
    """
    several = [line.series.replicates[np.isfinite(line.series.replicates)] for line in lines]
    joined = np.concatenate(several)
    low, usual, high = (float(np.quantile(joined, at)) for at in (0.0, 0.99, 1.0))
    least, most = (float(np.quantile(several[-1], at)) for at in (0.01, 0.99))
    if low > 0 and most > LOG_RATIO * least:
        return axis(min((low, *always)), max((high, *always)), pad=0.04, log=min((low, *always)) > 0)
    top = min(high, usual + 2 * (usual - low))
    return axis(min((low, *always)), max((top, *always)), pad=0.04)


def _around(only: int) -> Axis:
    return Axis(only - 1.0, only + 1.0)


def _line(series: Series) -> Line:
    finite = np.isfinite(series.replicates)
    broken = np.flatnonzero(~finite.all(axis=0))
    return Line(series, _middle(series), int(series.steps[broken[0]]) if broken.size else None)


def _middle(series: Series) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Medians of stretches, where the values of one run scatter about them."""
    if series.replicates.shape[0] > 1 or series.steps.size < 3 * STRETCHES:
        return None
    values = series.replicates[0]
    parts = np.array_split(np.arange(values.size), STRETCHES)
    told = [values[part][np.isfinite(values[part])] for part in parts]
    medians = np.array([np.median(part) if part.size else np.nan for part in told])
    steps = np.array([float(np.median(series.steps[part])) for part in parts])
    good = np.isfinite(medians)
    if good.sum() < 2:
        return None
    off = values - np.interp(series.steps, steps[good], medians[good])
    scatter = float(np.nanmedian(np.abs(off)))
    low, high = np.nanquantile(values, (0.02, 0.98))
    return (steps, medians) if scatter > NOISY * float(high - low) else None


def _best(diagnosis: Diagnosis, lines: Sequence[Line]) -> tuple[int, float] | None:
    held = next((line.series for line in lines if line.series.split == "validation"), None)
    step = diagnosis.best_step
    if held is None or step is None or step < held.steps[0]:
        return None
    i = int(np.searchsorted(held.steps, step, side="right")) - 1
    value = float(held.median[i])
    return (step, value) if np.isfinite(value) else None


def _places(diagnosis: Diagnosis) -> tuple[Shaded, ...]:
    found: dict[tuple[int, int, int], Shaded] = {}
    for i, finding in enumerate(diagnosis.findings, 1):
        for place in finding.where:
            found.setdefault((i, place.first, place.last), Shaded(i, finding.symptom, place.first, place.last))
    return tuple(found.values())


def _beyond(lines: Sequence[Line], upright: Axis) -> tuple[int, float] | None:
    """The value that is farthest outside, if any is."""
    found = None
    for line in lines:
        placed = upright.place(line.series.replicates)
        off = np.where(np.isfinite(placed), np.maximum(placed - 1, -placed), -np.inf)
        run, i = np.unravel_index(int(off.argmax()), off.shape)
        far = float(off[run, i])
        if far > 0.02 and (found is None or far > found[0]):
            found = far, int(line.series.steps[i]), float(line.series.replicates[run, i])
    return None if found is None else found[1:]


def draw_diagnosed(data: DiagnosedData, *, points: int = 160, thin: int = 60) -> str:
    """Raw lines thin, the median over them; the best place named; each finding's place shaded and numbered.

    points: at most so many of each line, the lowest and the highest of each stretch
    thin:   how many replicates are drawn as lines, the first ones
    """
    lanes = _lanes(data)
    top = HEAD + LANE * (max(lanes, default=-1) + 1)
    place = {"x": LEFT, "y": top, "width": INNER_WIDTH, "height": INNER_HEIGHT}
    lines = [part for line in data.lines for part in _curves(data, line, points, thin)]
    inner = element("svg", *lines, viewBox=f"0 0 {INNER_WIDTH * FINE} {INNER_HEIGHT * FINE}", **place)
    return picture(
        _title(data),
        describe(data),
        *_shades(data, lanes, top),
        *_frame(data, top),
        *_levels(data, top),
        inner,
        *_best_mark(data, top),
        *_broken(data, top),
        *_names(data, top),
        viewBox=f"0 0 {WIDTH} {top + INNER_HEIGHT + BOTTOM}",
        class_="diagnosed",
    )


def _title(data: DiagnosedData) -> str:
    named = " and ".join(line.series.split for line in data.lines).capitalize()
    return f"{named} {data.quantity} of {data.source}"


def describe(data: DiagnosedData) -> str:
    """The picture as sentences."""
    parts = [_course(data, line) for line in data.lines]
    if data.best:
        which = "At its best" if data.runs == 1 else "At the median of the runs' best places"
        at = f"{data.x} {data.best[0]:,}"
        parts.append(f"{which}, {at}, the validation {data.quantity} is {significant(data.best[1])}.")
    parts += [f"{words[:1].upper()}{words[1:]} is {significant(value)}." for words, value in data.levels]
    parts += [f"{place.number}, {place.symptom}: {_span(data, place)}." for place in data.places]
    return " ".join(parts)


def _course(data: DiagnosedData, line: Line) -> str:
    finite = line.series.median[np.isfinite(line.series.median)]
    many = f"the median of {plural(data.runs, 'run')} of " if data.runs > 1 else ""
    if not finite.size:
        return f"{many}{line.series.split} has no finite value.".capitalize()
    told = f"goes from {significant(float(finite[0]))} to {significant(float(finite[-1]))}"
    broken = f", and is not finite from {data.x} {line.broken:,} on" if line.broken is not None else ""
    return f"{f'{many}{line.series.split} {data.quantity}'.capitalize()} {told}{broken}."


def _span(data: DiagnosedData, place: Shaded) -> str:
    if place.first == place.last:
        return f"{data.x} {place.first:,}"
    return f"{data.x}s {place.first:,} to {place.last:,}"


def beyond_text(data: DiagnosedData) -> str:
    """What lies outside the picture, as a sentence; nothing where all is inside."""
    if data.beyond is None:
        return ""
    step, value = data.beyond
    return f"Not all of it fits: {significant(value)} at {data.x} {step:,} lies outside."


def _curves(data: DiagnosedData, line: Line, points: int, thin: int) -> list[str]:
    series, kind = line.series, "train" if line.series.split == "train" else "held-out"
    x = data.across.place(series.steps) * INNER_WIDTH * FINE
    outline = {"fill": "none", "stroke": "currentColor"}
    several = series.replicates.shape[0] > 1
    each = max(24, points // 3) if several else points
    kept = kept_points(series.replicates[:thin], each)
    y = _drop(series.replicates[:thin], data.upright)
    raw = "".join(line_path(x[row], y[i, row]) for i, row in enumerate(kept))
    look = "thin" if several or line.middle else "raw"
    parts = [element("path", d=raw, class_=f"{look} {kind}", **outline)]
    if several:
        few = kept_points(series.median[None, :], points)[0]
        low, high, median = (_drop(values, data.upright) for values in (series.low, series.high, series.median))
        parts.insert(
            0, element("path", d=band_path(x[few], low[few], high[few]), class_=f"band {kind}", fill_opacity=0.13)
        )
        parts.append(element("path", d=line_path(x[few], median[few]), class_=f"middle {kind}", **outline))
    elif line.middle is not None:
        steps, medians = line.middle
        path = line_path(data.across.place(steps) * INNER_WIDTH * FINE, _drop(medians, data.upright))
        parts.append(element("path", d=path, class_=f"middle {kind}", **outline))
    elif series.steps.size <= FEW:
        good = np.isfinite(y[0])
        spots = "".join(f"M{a:.0f} {b:.0f}h0" for a, b in zip(x[good], y[0][good], strict=True))
        parts.append(element("path", d=spots, class_=f"spots {kind}", **outline))
    return parts


def _drop(values: NDArray[np.float64], upright: Axis) -> NDArray[np.float64]:
    """Values as heights from the top of the fine grid; far outside the frame is cut, it cannot be seen."""
    placed = 1 - upright.place(values)
    return np.where(np.isnan(placed), np.nan, np.clip(placed, -1.0, 2.0)) * INNER_HEIGHT * FINE


def _frame(data: DiagnosedData, top: float) -> list[str]:
    ticks = data.upright.ticks(4)
    heights = [_height(data, value, top) for value in ticks]
    grid = "".join(f"M{LEFT} {y:g}h{INNER_WIDTH}" for y in heights)
    names = tick_labels(ticks, log=data.upright.log)
    beside = [text(name, x=LEFT - 5, y=round(y + 3.5, 1)) for name, y in zip(names, heights, strict=True)]
    base = top + INNER_HEIGHT
    scale = f"{data.quantity}{f', {data.unit}' if data.unit else ''}{', log scale' if data.upright.log else ''}"
    return [
        element("path", d=grid, stroke="currentColor", stroke_opacity=0.12),
        element("path", d=f"M{LEFT} {base}h{INNER_WIDTH}", stroke="currentColor", stroke_opacity=0.6),
        element("g", *beside, text_anchor="end"),
        element("g", *_below(data, base), text_anchor="middle"),
        text(f"{data.x}s", x=LEFT + INNER_WIDTH, y=base + 27, text_anchor="end", class_="unit"),
        text(scale, x=LEFT, y=base + 27, class_="unit"),
    ]


def _below(data: DiagnosedData, base: float) -> list[str]:
    ticks = tuple(tick for tick in data.across.ticks(4) if tick.is_integer())
    places = LEFT + data.across.place(ticks) * INNER_WIDTH
    return [text(label, x=round(float(x)), y=base + 13) for x, label in zip(places, tick_labels(ticks), strict=True)]


def _height(data: DiagnosedData, value: float, top: float) -> float:
    return round(top + (1 - float(data.upright.place(value))) * INNER_HEIGHT, 1)


def _x(data: DiagnosedData, step: float) -> float:
    return float(np.clip(LEFT + float(data.across.place(step)) * INNER_WIDTH, LEFT, LEFT + INNER_WIDTH))


def _levels(data: DiagnosedData, top: float) -> list[str]:
    """A dotted line at each level, and its name."""
    heights = sorted(_height(data, value, top) for _, value in data.levels)
    lines = (element("path", d=f"M{LEFT} {y:g}h{INNER_WIDTH}", class_="limit", stroke="currentColor") for y in heights)
    right = LEFT + INNER_WIDTH - 3
    names = (
        text(name.words, class_="named", x=right, y=round(name.baseline, 1), text_anchor="end")
        for name in _level_names(data, top)
    )
    return [*lines, *names]


@dataclass(frozen=True, slots=True)
class _Words:
    """Words inside the picture: their baseline, and from where to where they reach."""

    words: str
    baseline: float
    reach: tuple[float, float]


def _level_names(data: DiagnosedData, top: float) -> list[_Words]:
    """The names of the levels, each above or below its line; those of lines that lie close share a line of text."""
    heights = sorted((_height(data, value, top), f"{words} {significant(value)}") for words, value in data.levels)
    named: list[tuple[float, list[str]]] = []
    for y, words in heights:
        if named and y - named[-1][0] < LABEL_GAP:
            named[-1][1].append(words)
        else:
            named.append((y, [words]))
    placed: list[_Words] = []
    for y, together in named:
        told = ", ".join(together)
        places = [at for at in (y - 4, y + 11) if top + 9 <= at <= top + INNER_HEIGHT - 1] or [y - 4]
        reach = (LEFT + INNER_WIDTH - LETTER * len(told), float(LEFT + INNER_WIDTH))
        placed.append(_freest(data, [_Words(told, at, reach) for at in places], top, placed))
    return placed


def _freest(data: DiagnosedData, places: Sequence[_Words], top: float, taken: Sequence[_Words]) -> _Words:
    """The place that is farthest from every line and from all words that are there already."""

    def room(here: _Words) -> float:
        beside = (one for one in taken if one.reach[0] < here.reach[1] and here.reach[0] < one.reach[1])
        apart = min((abs(here.baseline - one.baseline) for one in beside), default=INNER_HEIGHT)
        return min(apart, _room(data, here.reach, here.baseline - 4, top))

    return max(places, key=room)


def _ends(data: DiagnosedData, place: Shaded) -> tuple[float, float]:
    left, right = _x(data, place.first), _x(data, place.last)
    missing = max(0.0, NARROWEST - (right - left)) / 2
    return left - missing, right + missing


def _lanes(data: DiagnosedData) -> list[int]:
    """The row of each place's number, so that none lies over another."""
    taken: list[list[tuple[float, float]]] = []
    lanes = []
    for place in data.places:
        left, right = _ends(data, place)
        low, high = min(left, (left + right) / 2 - 9), max(right, (left + right) / 2 + 9)
        free = (i for i, ends in enumerate(taken) if all(high < other or end < low for other, end in ends))
        lane = next(free, len(taken))
        taken += [[]] if lane == len(taken) else []
        taken[lane].append((low, high))
        lanes.append(lane)
    return lanes


def _shades(data: DiagnosedData, lanes: Sequence[int], top: float) -> list[str]:
    """Behind the curves a shade from first to last; above them a bar of the same width with the finding's number."""
    parts = []
    for place, lane in zip(data.places, lanes, strict=True):
        left, right = (round(end, 1) for end in _ends(data, place))
        bar = HEAD + LANE * lane + LANE / 2 - 6
        if right - left < WHOLE * INNER_WIDTH:
            parts.append(
                element(
                    "rect", x=left, y=bar, width=round(right - left, 1), height=top + INNER_HEIGHT - bar, class_="shade"
                )
            )
        parts.append(element("path", d=f"M{left:g} {bar:g}H{right:g}", class_="reach"))
        middle = round((left + right) / 2, 1)
        parts.append(element("circle", cx=middle, cy=bar, r=7, class_="count"))
        parts.append(text(str(place.number), x=middle, y=bar + 3.6, text_anchor="middle", class_="count-name"))
    return parts


def _best_mark(data: DiagnosedData, top: float) -> list[str]:
    if data.best is None:
        return []
    step, value = data.best
    base = top + INNER_HEIGHT
    x, y = round(_x(data, step), 1), float(np.clip(_height(data, value, top), top, base))
    left = x > LEFT + 0.62 * INNER_WIDTH
    aside = {"x": x - 5, "text_anchor": "end"} if left else {"x": x + 5}
    words = f"{'best' if data.runs == 1 else 'median best'}: {data.x} {step:,}, {significant(value)}"
    wide = LETTER * len(words)
    reach = (x - wide, x) if left else (x, x + wide)
    places = [
        _Words(words, at, reach) for at in (top + 11, *(top + INNER_HEIGHT * part / 4 for part in (1, 2, 3)), base - 6)
    ]
    free = _freest(data, places, top, _level_names(data, top))
    return [
        element("path", d=f"M{x:g} {top}V{base}", class_="best-line"),
        element("circle", cx=x, cy=y, r=4.2, class_="best"),
        text(words, y=round(free.baseline, 1), class_="named", **aside),
    ]


def _room(data: DiagnosedData, reach: tuple[float, float], middle: float, top: float) -> float:
    """How far a word at this height is from every line."""
    off = [INNER_HEIGHT / 4]
    for line in data.lines:
        x = LEFT + data.across.place(line.series.steps) * INNER_WIDTH
        y = top + (1 - data.upright.place(line.series.median)) * INNER_HEIGHT
        good = np.isfinite(y)
        off.append(float(np.abs(np.interp(np.linspace(*reach, 12), x[good], y[good]) - middle).min()))
    return min(off)


def _broken(data: DiagnosedData, top: float) -> list[str]:
    """A cross where a curve stops being a number, one for those that stop together."""
    steps = sorted({line.broken for line in data.lines if line.broken is not None and data.runs == 1})
    parts = []
    for step in steps[:1]:
        x, y = round(_x(data, step), 1), top + 14
        parts.append(element("path", d=f"M{x - 5:g} {y - 5}l10 10m0-10l-10 10", class_="broken"))
        side = {"x": x - 9, "text_anchor": "end"} if x > LEFT + INNER_WIDTH / 2 else {"x": x + 9}
        parts.append(text(f"{NOT_FINITE} from {data.x} {step:,}", y=y + 4, class_="named", **side))
    return parts


def _names(data: DiagnosedData, top: float) -> list[str]:
    """Each line's name at its right end, a line of text apart where ends lie close."""
    ends = []
    for line in data.lines:
        finite = line.series.median[np.isfinite(line.series.median)]
        last = line.middle[1][np.isfinite(line.middle[1])][-1] if line.middle is not None else None
        value = float(last if last is not None else finite[-1]) if finite.size else data.upright.high
        ends.append((float(np.clip(_height(data, value, top), top + 4, top + INNER_HEIGHT)), line.series.split))
    ends.sort()
    placed: list[float] = []
    for height, _ in ends:
        placed.append(max(height, placed[-1] + LABEL_GAP) if placed else height)
    excess = max(0.0, placed[-1] - (top + INNER_HEIGHT))
    return [
        text(name, x=LEFT + INNER_WIDTH + OFF, y=round(y - excess + 3.5, 1), class_=f"line-name {_kind(name)}")
        for y, (_, name) in zip(placed, ends, strict=True)
    ]


def _kind(split: str) -> str:
    return "train" if split == "train" else "held-out"


def table_rows(data: DiagnosedData) -> tuple[tuple[str, ...], ...]:
    """The picture as rows of words: a step, then the value of each line, the median over several runs."""
    grid = data.lines[-1].series.steps
    picked = grid[np.unique(np.linspace(0, grid.size - 1, TABLE_ROWS).round().astype(int))]
    places = shown_places(data.upright)
    return tuple((f"{int(step):,}", *(_cell(line.series, int(step), places) for line in data.lines)) for step in picked)


def _cell(series: Series, step: int, places: int) -> str:
    i = int(np.searchsorted(series.steps, step, side="right")) - 1
    return number(float(series.median[i]), places) if i >= 0 else "–"


def plainer(data: DiagnosedData) -> DiagnosedData:
    """The same without medians of stretches and without places, for a picture of a third of the bytes."""
    lines = tuple(replace(line, middle=None) for line in data.lines)
    return replace(data, lines=lines, places=())


def draw_glance(data: DiagnosedData, *, points: int = 18) -> str:
    """The curves alone, as small as a word, for the row of a table."""
    width, height = 96, 26
    parts = []
    for line in data.lines:
        series = line.series
        few = kept_points(series.median[None, :], points)[0]
        x = data.across.place(series.steps[few]) * width * FINE
        y = np.clip(1 - data.upright.place(series.median[few]), -0.2, 1.2) * height * FINE
        kind = _kind(series.split)
        parts.append(element("path", d=line_path(x, y), class_=f"raw {kind}", fill="none", stroke="currentColor"))
    box = f"0 0 {width * FINE} {height * FINE}"
    return element("svg", *parts, viewBox=box, width=width, height=height, aria_hidden="true", class_="glimpse")
