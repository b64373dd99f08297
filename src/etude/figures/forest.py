"""The forest: effects on one axis, each with its interval, every paired difference, and its verdict.

Positions are percentages of the width, so a row is as readable on a telephone as on a wall.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etude.figures.axes import Axis, axis, tick_labels
from etude.figures.marks import effect_mark, style_name
from etude.figures.numbers import decimals, level, number, plural, signed
from etude.figures.svg import element, picture, text
from etude.values.effect import Effect
from etude.values.metric import METRICS

HEIGHT = 52
"""Pixels of a row at least: the interval above, the paired differences below."""

INTERVAL_AT, DOTS_AT, DOTS_DEPTH = 18.0, 31.0, 16.0
WIDEST = 3.0
"""An interval wider than this many times the spread of the differences leaves the frame, with an arrow."""

GOLDEN = 0.618033988749895


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One effect and where it falls, in per cent of the width.

    label:           what differs, in a person's words
    estimate:        "−0.012 nats (95 % interval −0.020 to −0.004)"
    mean, low, high: the estimate and its interval; outside 0 to 100 where they leave the frame
    dots:            every finite paired difference, in replicate order
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
    claimed: str = ""


@dataclass(frozen=True, slots=True)
class ForestData:
    """Effects in one unit on one axis.

    ticks:  (position in per cent, words) along the axis
    zero:   where no difference falls, in per cent
    places: decimals that the narrowest interval deserves
    """

    metric: str
    label: str
    unit: str
    lower_is_better: bool
    rows: tuple[ForestRow, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float
    places: int

    @property
    def has_notes(self) -> bool:
        """Whether any of the effects comes with a warning."""
        return any(row.effect.notes for row in self.rows)


def forest_data(effects: Sequence[Effect], *, claimed: Sequence[str] = ()) -> tuple[ForestData, ...]:
    """The effects, one forest for each metric, unit and direction, in order of first appearance.

    claimed: what each effect is claimed to be; none for effects that nobody made a claim about
    """
    expected = list(claimed) or [""] * len(effects)
    groups: dict[tuple[str, str, bool], list[tuple[Effect, str]]] = {}
    for effect, claim in zip(effects, expected, strict=True):
        groups.setdefault((effect.metric, effect.unit, effect.lower_is_better), []).append((effect, claim))
    return tuple(_forest(group) for group in groups.values())


def _forest(group: list[tuple[Effect, str]]) -> ForestData:
    effects = [effect for effect, _ in group]
    first = effects[0]
    across = _axis(effects)
    widths = [e.high - e.low for e in effects if np.isfinite(e.high - e.low) and e.high > e.low]
    places = decimals(min(widths, default=0.0))
    marks = across.ticks(4)
    return ForestData(
        metric=first.metric,
        label=METRICS[first.metric].label if first.metric in METRICS else first.metric.replace("_", " "),
        unit=first.unit,
        lower_is_better=first.lower_is_better,
        rows=tuple(_row(effect, across, places, claim) for effect, claim in group),
        ticks=tuple(zip((100 * across.place(marks)).tolist(), tick_labels(marks), strict=True)),
        zero=float(100 * across.place(0.0)),
        places=places,
    )


def _axis(effects: list[Effect]) -> Axis:
    margins = [s * e.smallest_effect for e in effects if e.smallest_effect for s in (-1, 1)]
    always = [0.0, *margins, *(e.mean for e in effects), *(d for e in effects for d in e.differences)]
    finite = [value for value in always if np.isfinite(value)]
    spread = (max(finite) - min(finite)) or 1.0
    limits = min(finite) - WIDEST * spread, max(finite) + WIDEST * spread
    ends = [end for e in effects for end in (e.low, e.high) if limits[0] <= end <= limits[1]]
    return axis(min(*finite, *ends, *finite[:1]), max(*finite, *ends, *finite[:1]), pad=0.04)


def _row(effect: Effect, across: Axis, places: int, claimed: str) -> ForestRow:
    low, mean, high = (100 * across.place([effect.low, effect.mean, effect.high])).tolist()
    margin = effect.smallest_effect
    ends = None if margin is None else tuple((100 * across.place([-margin, margin])).tolist())
    dots = 100 * across.place([d for d in effect.differences if np.isfinite(d)])
    return ForestRow(
        effect=effect,
        label=effect.says or effect_label(effect),
        estimate=effect_estimate(effect, places),
        mean=mean,
        low=low,
        high=high,
        dots=tuple(dots.tolist()),
        margin=None if ends is None else (ends[0], ends[1]),
        claimed=claimed,
    )


def effect_label(effect: Effect) -> str:
    """What differs between the two sides: the factor in words, then treated minus control."""
    factor = " beyond ".join(
        " and ".join(part.rpartition(".")[2].replace("_", " ") for part in side.split(" + "))
        for side in effect.factor.split(" beyond ")
    )
    sides = f"{effect.treated} minus {effect.control}"
    return f"{factor}: {sides}" if factor else sides


def effect_estimate(effect: Effect, places: int | None = None) -> str:
    """The estimate, its interval and how many pairs it rests on, with the unit."""
    shown = decimals(effect.high - effect.low) if places is None else places
    if not np.isfinite(effect.mean):
        return "no estimate: no replicate gave a finite score on both sides"
    interval = f"{signed(effect.low, shown)} to {signed(effect.high, shown)}"
    about = f"{level(effect.level)} interval {interval}; {plural(effect.n_pairs, 'pair')}"
    return f"{signed(effect.mean, shown)} {effect.unit}".rstrip() + f" ({about})"


def draw_forest_row(data: ForestData, row: ForestRow) -> str:
    """One effect: its interval and mean in the verdict's shape, every paired difference as a dot below."""
    parts = [
        *_margin(row),
        element("line", x1=_at(data.zero), x2=_at(data.zero), y1=0, y2="100%", class_="zero", stroke="currentColor"),
        *_dots(row),
        *_interval(row),
    ]
    title = f"{row.label}: {row.effect.verdict}"
    shape = f"Mean paired difference {row.estimate}. Each dot is one replicate; the vertical line is no difference."
    return picture(title, shape, *parts, width="100%", height=HEIGHT, class_="strip")


def draw_forest_axis(data: ForestData) -> str:
    """The axis under the rows: round numbers, and which side is better."""
    parts = []
    for at, label in data.ticks:
        parts += [
            element("line", x1=_at(at), x2=_at(at), y1=0, y2=5, stroke="currentColor", class_="tick"),
            text(label, x=_at(at), y=17, text_anchor="start" if at < 4 else "end" if at > 96 else "middle"),
        ]
    left, right = ("better", "worse") if data.lower_is_better else ("worse", "better")
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


def _dots(row: ForestRow) -> list[str]:
    heights = (DOTS_AT + DOTS_DEPTH * ((GOLDEN * i) % 1.0) for i in range(len(row.dots)))
    dots = [element("circle", cx=_at(x), cy=f"{y:.0f}", r=2.2) for x, y in zip(row.dots, heights, strict=True)]
    return [element("g", *dots, class_="dots", fill_opacity=0.55)] if dots else []


def _interval(row: ForestRow) -> list[str]:
    if not np.isfinite(row.mean):
        return [text("no estimate", x="50%", y=INTERVAL_AT + 4, text_anchor="middle")]
    low, high = (float(end) for end in np.clip(np.nan_to_num([row.low, row.high]), 0.0, 100.0))
    bar = {"y1": INTERVAL_AT, "y2": INTERVAL_AT, "stroke": "currentColor", "stroke_width": 2.5}
    parts = [element("line", x1=_at(low), x2=_at(high), class_=f"interval {style_name(row.effect.verdict)}", **bar)]
    if not 0 <= row.low <= 100:
        parts.append(text("‹", x=0, y=INTERVAL_AT + 5, class_="beyond"))
    if not 0 <= row.high <= 100:
        parts.append(text("›", x="100%", y=INTERVAL_AT + 5, text_anchor="end", class_="beyond"))
    mark = element("svg", effect_mark(row.effect.verdict), x=_at(row.mean), y=INTERVAL_AT, overflow="visible")
    return [*parts, mark]


def _at(percent: float) -> str:
    return f"{percent:.1f}".removesuffix(".0") + "%"


def differences_text(row: ForestRow, places: int) -> str:
    """Every paired difference in replicate order, as one line for the data table."""
    return ", ".join(number(d, places) for d in row.effect.differences)
