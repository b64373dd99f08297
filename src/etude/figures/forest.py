"""The forest: effects on one axis, each with its interval, every paired difference, and its verdict.

Positions are percentages of the width, so a row is as readable on a telephone as on a wall.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etude.figures.axes import Axis, axis, tick_labels
from etude.figures.marks import effect_mark, style_name
from etude.figures.numbers import bounds, decimals, level, number
from etude.figures.svg import dots, element, picture, text
from etude.figures.words import amount, effect_title, finished, heading, metric_words, outcome, sides
from etude.values.effect import Effect
from etude.values.run import PICTURED

HEIGHT = 52
"""Pixels of a row at least: the interval above, the paired differences below."""

INTERVAL_AT, DOTS_BETWEEN = 18.0, (31.0, 47.0)
WIDEST = 3.0
"""An interval wider than this many times the spread of the differences leaves the frame, with an arrow."""

UNLIKE = 12.0
"""Effects of one claim whose reach differs by more than this factor are not drawn on one axis."""


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One effect and where it falls, in per cent of the width.

    label:           what differs, in a person's words
    estimate:        "−0.012 nats (95 % interval −0.020 to −0.004)"
    mean, low, high: the estimate and its interval; outside 0 to 100 where they leave the frame
    deviation:       standard deviation of the paired differences, in the metric's unit
    dots:            the finite ones of the first `PICTURED` paired differences, in replicate order
    margin:          the two ends of ± the smallest effect of interest, or None
    claimed:         what the claimant expects: a verdict, "different", or nothing
    """

    effect: Effect
    label: str
    estimate: str
    mean: float
    low: float
    high: float
    dots: tuple[float, ...]
    margin: tuple[float, float] | None
    deviation: float
    claimed: str = ""


@dataclass(frozen=True, slots=True)
class ForestData:
    """Effects in one unit on one axis.

    heading: what is measured, its unit, and which way is better
    sides:  what a difference to the left of zero means, and one to the right
    ticks:  (position in per cent, words) along the axis
    zero:   where no difference falls, in per cent
    places: decimals that the narrowest interval deserves
    """

    metric: str
    label: str
    unit: str
    heading: str
    sides: tuple[str, str]
    rows: tuple[ForestRow, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float
    places: int

    @property
    def pairs(self) -> int:
        """Replicates of the effect that has most of them; `PICTURED` of them are drawn."""
        return max((len(row.effect.differences) for row in self.rows), default=0)

    @property
    def has_notes(self) -> bool:
        """Whether any of the effects comes with a warning."""
        return any(row.effect.notes for row in self.rows)


def forest_data(effects: Sequence[Effect]) -> tuple[ForestData, ...]:
    """The effects of one family of questions, one forest for each metric, unit and direction, in order of appearance.

    One axis for all of a metric: these effects are there to be compared with each other.
    """
    groups: dict[tuple[object, ...], list[Asked]] = {}
    for effect in effects:
        groups.setdefault(_measure(effect), []).append((effect, ""))
    return tuple(_forest(group) for group in groups.values())


def claim_forests(effects: Sequence[Effect], *, claimed: Sequence[str] = ()) -> tuple[ForestData, ...]:
    """The effects behind one claim. Those too unlike in size to be read on one axis come in forests of their own.

    claimed: what each effect is claimed to be; none for effects that nobody made a claim about
    """
    groups: list[list[Asked]] = []
    for asked in zip(effects, list(claimed) or [""] * len(effects), strict=True):
        group = next((group for group in groups if _fits(asked[0], [effect for effect, _ in group])), None)
        if group is None:
            groups.append([asked])
        else:
            group.append(asked)
    return tuple(_forest(group) for group in groups)


Asked = tuple[Effect, str]
"""An effect and what it is claimed to be."""


def _fits(effect: Effect, group: Sequence[Effect]) -> bool:
    if _measure(effect) != _measure(group[0]):
        return False
    reaches = [_reach(one) for one in (effect, *group)]
    return max(reaches) <= UNLIKE * min(reaches)


def _measure(effect: Effect) -> tuple[object, ...]:
    return effect.metric, effect.unit, heading(effect), sides(effect)


def _reach(effect: Effect) -> float:
    """How far from zero an effect's drawing reaches."""
    values = np.abs([effect.mean, effect.smallest_effect or 0.0, *effect.differences[:PICTURED]])
    return float(values[np.isfinite(values)].max(initial=1e-300))


def _forest(group: list[Asked]) -> ForestData:
    effects = [effect for effect, _ in group]
    first = effects[0]
    across = _axis(effects)
    widths = [e.high - e.low for e in effects if np.isfinite(e.high - e.low) and e.high > e.low]
    spreads = widths or [deviation for e in effects if (deviation := _deviation(e)) > 0]
    places = decimals(min(spreads, default=0.0))
    marks = across.ticks(4)
    return ForestData(
        metric=first.metric,
        label=metric_words(first.metric),
        unit=first.unit,
        heading=heading(first),
        sides=sides(first),
        rows=tuple(_row(effect, across, places, claim) for effect, claim in group),
        ticks=tuple(zip((100 * across.place(marks)).tolist(), tick_labels(marks), strict=True)),
        zero=float(100 * across.place(0.0)),
        places=places,
    )


def _deviation(effect: Effect) -> float:
    differences = np.array(effect.differences)
    finite = differences[np.isfinite(differences)]
    return float(np.std(finite, ddof=1)) if finite.size > 1 else float("nan")


def _axis(effects: list[Effect]) -> Axis:
    margins = [s * e.smallest_effect for e in effects if e.smallest_effect for s in (-1, 1)]
    always = [0.0, *margins, *(e.mean for e in effects), *(d for e in effects for d in e.differences[:PICTURED])]
    finite = [value for value in always if np.isfinite(value)]
    spread = (max(finite) - min(finite)) or 1.0
    limits = min(finite) - WIDEST * spread, max(finite) + WIDEST * spread
    ends = [end for e in effects for end in (e.low, e.high) if limits[0] <= end <= limits[1]]
    return axis(min(*finite, *ends, *finite[:1]), max(*finite, *ends, *finite[:1]), pad=0.04)


def _row(effect: Effect, across: Axis, places: int, claimed: str) -> ForestRow:
    low, mean, high = (100 * across.place([effect.low, effect.mean, effect.high])).tolist()
    margin = effect.smallest_effect
    ends = None if margin is None else tuple((100 * across.place([-margin, margin])).tolist())
    dots = 100 * across.place([d for d in effect.differences[:PICTURED] if np.isfinite(d)])
    return ForestRow(
        effect=effect,
        label=effect_title(effect),
        estimate=effect_estimate(effect, places),
        mean=mean,
        low=low,
        high=high,
        dots=tuple(dots.tolist()),
        margin=None if ends is None else (ends[0], ends[1]),
        deviation=_deviation(effect),
        claimed=claimed,
    )


def effect_estimate(effect: Effect, places: int) -> str:
    """The estimate, its interval and how many pairs it rests on, with the unit."""
    if not np.isfinite(effect.mean):
        return f"no estimate: {finished(effect)}"
    about = f"{level(effect.level)} interval {bounds(effect.low, effect.high, places)}"
    return f"{amount(effect, places)} ({about}; {effect.based_on})"


def draw_forest_row(data: ForestData, row: ForestRow) -> str:
    """One effect: its interval and mean in the verdict's shape, the paired differences as dots below."""
    parts = [
        *_margin(row),
        element("line", x1=_at(data.zero), x2=_at(data.zero), y1=0, y2="100%", class_="zero", stroke="currentColor"),
        *([dots(row.dots, DOTS_BETWEEN, height=HEIGHT, size=4.4)] if row.dots else []),
        *_interval(data, row),
    ]
    title = f"{row.label}: {outcome(row.effect)}"
    dotted = " Each dot is one replicate;" if row.dots else ""
    kind = "paired difference" if row.effect.n_runs is None else "difference"
    shape = f"Mean {kind} {row.estimate}.{dotted or ' In it,'} the vertical line is no difference."
    return picture(title, shape, *parts, width="100%", height=HEIGHT, class_="strip")


def draw_forest_axis(data: ForestData) -> str:
    """The axis under the rows: round numbers, and which side is better."""
    parts = []
    for at, label in data.ticks:
        parts += [
            element("line", x1=_at(at), x2=_at(at), y1=0, y2=5, stroke="currentColor", class_="tick"),
            text(label, x=_at(at), y=17, text_anchor="middle"),
        ]
    left, right = data.sides
    parts += [
        element("line", x1="0%", x2="100%", y1=0.5, y2=0.5, stroke="currentColor", class_="tick"),
        text(f"← {left}", x=0, y=33, class_="side"),
        text(f"{right} →", x="100%", y=33, text_anchor="end", class_="side"),
    ]
    title = f"Axis: difference in {data.label}{f', {data.unit}' if data.unit else ''}"
    return picture(title, f"Left of zero is {left}, right is {right}.", *parts, width="100%", height=38, class_="axis")


def _margin(row: ForestRow) -> list[str]:
    if row.margin is None:
        return []
    low, high = (min(max(end, 0.0), 100.0) for end in row.margin)
    return [element("rect", x=_at(low), width=_at(high - low), y=0, height="100%", class_="margin", fill_opacity=0.12)]


def _interval(data: ForestData, row: ForestRow) -> list[str]:
    if not np.isfinite(row.mean):
        side = {"x": "100%", "text_anchor": "end"} if data.zero < 50 else {"x": 0}
        return [text("no estimate", y=INTERVAL_AT + 4, **side)]
    mark = element("svg", effect_mark(row.effect.verdict), x=_at(row.mean), y=INTERVAL_AT, overflow="visible")
    if np.isnan(row.low) or np.isnan(row.high):
        return [mark]
    low, high = (float(end) for end in np.clip([row.low, row.high], 0.0, 100.0))
    bar = {"y1": INTERVAL_AT, "y2": INTERVAL_AT, "stroke": "currentColor", "stroke_width": 2.5}
    parts = [element("line", x1=_at(low), x2=_at(high), class_=f"interval {style_name(row.effect.verdict)}", **bar)]
    if row.low < 0:
        parts.append(text("‹", x=0, y=INTERVAL_AT + 5, class_="beyond"))
    if row.high > 100:
        parts.append(text("›", x="100%", y=INTERVAL_AT + 5, text_anchor="end", class_="beyond"))
    return [*parts, mark]


def _at(percent: float) -> str:
    return f"{percent:.1f}".removesuffix(".0") + "%"


def verdicts_of(data: ForestData) -> tuple[tuple[str, int], ...]:
    """Each verdict that occurs, and how often, the most frequent first."""
    return tuple(Counter(row.effect.verdict for row in data.rows).most_common())


def differences_text(row: ForestRow, places: int) -> str:
    """The paired differences in replicate order, as one line for the data table: `PICTURED` of them at most."""
    told = ", ".join(number(d, places) for d in row.effect.differences[:PICTURED])
    left = len(row.effect.differences) - PICTURED
    return f"{told}, and {left:,} more" if left > 0 else told
