"""Predictions held against what was measured: what a diagnosis said a treatment would do, and what its trial showed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from etude.figures.axes import Axis, axis, tick_labels
from etude.figures.forecasts import EVEN, SHOWED, odds_text
from etude.figures.marks import effect_mark, style_name
from etude.figures.numbers import decimals, number, significant
from etude.figures.svg import element, picture, text
from etude.figures.verdicts import chances
from etude.values.effect import Effect
from etude.values.finding import Finding, Prediction
from etude.values.metric import METRICS
from etude.values.treatment import Round, Tried

Size = Literal["as predicted", "smaller than predicted", "larger than predicted", ""]
"""How large the improvement is beside the predicted one; "" where its trial is undecided, or in another unit."""

TRIED_AS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "train three times as long": ("more epochs (3)",),
        "learning rate times 3": ("larger learning rate (3)",),
        "learning rate times 10": ("larger learning rate (10)",),
        "learning rate divided by 3": ("smaller learning rate (3)",),
        "divide the learning rate by 3": ("smaller learning rate (3)",),
        "learning rate divided by 10": ("smaller learning rate (10)",),
        "clip the gradient norm": ("gradient clipping",),
        "clip the gradient at the 90th percentile of its norm": ("gradient clipping",),
        "a warm-up over a tenth of the steps": ("warm-up",),
        "keep the weights of the best validation epoch (early stopping)": ("early stopping",),
        "stop at the best validation loss": ("early stopping",),
        "stop at the best validation log loss": ("early stopping",),
        "weight decay": ("more weight decay (3)", "decoupled weight decay (0.01)"),
        "no weight decay and no dropout": ("less weight decay (0)", "less dropout (0)"),
        "a network four times as wide": ("wider network (4)",),
        "Adam at a usual rate with ReLU": ("Adam",),
        "leaky ReLU in place of ReLU": ("another activation",),
    }
)
"""What a finding predicts of, in its own words → the prescriptions that put it on trial, the closest first."""

MOST = 14
"""Rows of the picture; of more predictions, those that a trial decided come first."""

HEIGHT, MIDDLE, HALF = 34, 17.0, 7.0
WIDEST = 0.5
"""An end of an interval that lies farther outside means and predictions than so many times what they span leaves the
frame, with an arrow."""


@dataclass(frozen=True, slots=True, eq=False)
class Borne:
    """One prediction of a diagnosis and the trial that bears on it.

    round: from 1
    probability: of what the diagnosis found, on which the prediction rests
    tried: the trial of what it predicts; None where that was not tried
    size:  how large the improvement is beside the predicted one
    """

    round: int
    symptom: str
    probability: float
    prediction: Prediction
    tried: Tried | None
    size: Size


@dataclass(frozen=True, slots=True, eq=False)
class PredictedRow:
    """A prediction on the axis of improvements, in per cent of the width.

    label, about:    what is predicted of, and by whom
    helps:           the probability that it improves the score; None where only a size was predicted
    says, odds:      what the trial showed, and whether that was likely beforehand, as words
    foretold:        the predicted range, in the metric's unit; predicted: its two ends on the axis
    mean, low, high: the measured improvement and its interval
    """

    label: str
    about: str
    helps: float | None
    says: str
    odds: str
    tried: Tried
    effect: Effect
    size: Size
    foretold: tuple[float, float]
    predicted: tuple[float, float]
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class PredictedData:
    """Predictions whose size can be held against a trial, on one axis: to the right is better.

    ticks: (position in per cent, words)
    """

    label: str
    unit: str
    rows: tuple[PredictedRow, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float
    places: int


def predictions(rounds: Sequence[Round]) -> tuple[Borne, ...]:
    """Every prediction that the diagnoses made, in the order of the rounds."""
    return tuple(
        _borne(number, finding, finding.prediction, round_)
        for number, round_ in enumerate(rounds, 1)
        for finding in round_.diagnosis.findings
        if finding.prediction is not None
    )


def _borne(number: int, finding: Finding, prediction: Prediction, round_: Round) -> Borne:
    by_name = {one.prescription.name: one for one in round_.tried}
    names = [name for name in TRIED_AS.get(prediction.treatment, ()) if name in by_name]
    tried = by_name[names[0]] if names else None
    comparable = tried is not None and tried.effect is not None and is_in_one_unit(prediction, tried.effect)
    size = size_of(tried, (prediction.low, prediction.high)) if comparable else ""
    return Borne(number, finding.symptom, finding.probability, prediction, tried, size)


def showed(tried: Tried, probability: float) -> tuple[str, str]:
    """What a trial showed of a diagnosis's prediction, and whether that was likely: a doubtful one is not refuted.

    probability: of what the diagnosis found
    """
    if probability > 0.5 + EVEN or tried.effect is None:
        return tried.bears, ""
    return SHOWED[tried.effect.verdict], odds_text(probability, tried.bears)


def size_of(tried: Tried | None, foretold: tuple[float, float]) -> Size:
    """How large a measured improvement is beside a predicted one, both in the metric's unit."""
    if tried is None or tried.effect is None or tried.bears == "undecided":
        return ""
    _, low, high = improvement(tried.effect)
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if high < foretold[0]:
        return "smaller than predicted"
    return "larger than predicted" if low > foretold[1] else "as predicted"


def is_in_one_unit(prediction: Prediction, effect: Effect) -> bool:
    """Whether the prediction is of what was measured: the held-out score, in its own unit."""
    return prediction.metric.startswith("validation") and bool(effect.unit) and prediction.unit == effect.unit


def improvement(effect: Effect) -> tuple[float, float, float]:
    """Mean and interval of an effect as an improvement: above 0 is better."""
    if effect.lower_is_better:
        return -effect.mean, -effect.high, -effect.low
    return effect.mean, effect.low, effect.high


def predicted_data(rounds: Sequence[Round]) -> PredictedData | None:
    """Every trial of which a size was predicted, by a diagnosis or from the bank; None where there is none.

    Decided ones first, each kind in the order of the rounds; at most `MOST` of them.
    """
    asked = sorted(_asked(rounds), key=lambda one: one.tried.bears == "undecided")[:MOST]
    if not asked:
        return None
    effects = [one.effect for one in asked]
    across = _axis([one.foretold for one in asked], effects)
    marks = across.ticks(4)
    return PredictedData(
        label=METRICS[effects[0].metric].label if effects[0].metric in METRICS else effects[0].metric,
        unit=effects[0].unit,
        rows=tuple(_row(one, across) for one in asked),
        ticks=tuple(zip((100 * across.place(marks)).tolist(), tick_labels(marks), strict=True)),
        zero=float(100 * across.place(0.0)),
        places=min(decimals((across.high - across.low) / 10), 6),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What is predicted of and by whom, its trial, the effect of that, the predicted range, and what that showed."""

    label: str
    about: str
    tried: Tried
    effect: Effect
    foretold: tuple[float, float]
    says: str
    odds: str


def _asked(rounds: Sequence[Round]) -> Iterator[_Asked]:
    for place, round_ in enumerate(rounds, 1):
        for one in round_.tried:
            expected = one.prescription.expected
            if expected is not None and one.effect is not None and math.isfinite(one.effect.mean):
                about = f"round {place}: {chances(expected.helps)} to help"
                foretold = expected.low, expected.high
                says, odds = SHOWED[one.effect.verdict], odds_text(expected.helps, one.bears)
                yield _Asked(one.prescription.name, about, one, one.effect, foretold, says, odds)
    for borne in predictions(rounds):
        effect = None if borne.tried is None else borne.tried.effect
        if borne.tried is None or effect is None or not math.isfinite(effect.mean):
            continue
        if is_in_one_unit(borne.prediction, effect):
            about = f"round {borne.round}: {borne.symptom}"
            foretold = borne.prediction.low, borne.prediction.high
            told = showed(borne.tried, borne.probability)
            yield _Asked(borne.prediction.treatment, about, borne.tried, effect, foretold, *told)


def _axis(foretold: Sequence[tuple[float, float]], effects: Sequence[Effect]) -> Axis:
    ends = [end for one in foretold for end in one]
    ends += [0.0, *(improvement(effect)[0] for effect in effects)]
    reach = WIDEST * (max(ends) - min(ends))
    limits = min(ends) - reach, max(ends) + reach
    ends += [end for effect in effects for end in improvement(effect)[1:] if limits[0] <= end <= limits[1]]
    return axis(min(ends), max(ends), pad=0.04)


def _row(asked: _Asked, across: Axis) -> PredictedRow:
    tried, foretold = asked.tried, asked.foretold
    mean, low, high = (100 * across.place(improvement(asked.effect))).tolist()
    first, last = (100 * across.place(foretold)).tolist()
    expected = tried.prescription.expected
    helps = None if expected is None or asked.label != tried.prescription.name else expected.helps
    is_if_it_helps = helps is not None and tried.bears != "confirmed"  # what the bank measured is of those that helped
    size: Size = "" if is_if_it_helps else size_of(tried, foretold)
    told = asked.label, asked.about, helps, asked.says, asked.odds
    return PredictedRow(*told, tried, asked.effect, size, foretold, (first, last), mean, low, high)


def draw_predicted_row(data: PredictedData, row: PredictedRow) -> str:
    """One prediction as a band, and the measured improvement with its interval on it."""
    first, last = row.predicted
    low, high = (float(end) for end in np.clip([row.low, row.high], 0.0, 100.0))
    verdict = row.effect.verdict
    bar = {"y1": MIDDLE, "y2": MIDDLE, "stroke": "currentColor", "stroke_width": 2.5}
    parts = (
        element(
            "rect", x=_at(first), width=_at(last - first), y=MIDDLE - HALF, height=2 * HALF, class_="foretold", rx=2
        ),
        element("line", x1=_at(data.zero), x2=_at(data.zero), y1=0, y2="100%", class_="zero", stroke="currentColor"),
        element("line", x1=_at(low), x2=_at(high), class_=f"interval {style_name(verdict)}", **bar),
        *([text("‹", x=0, y=MIDDLE + 5, class_="beyond")] if row.low < 0 else []),
        *([text("›", x="100%", y=MIDDLE + 5, text_anchor="end", class_="beyond")] if row.high > 100 else []),
        element("svg", effect_mark(verdict), x=_at(row.mean), y=MIDDLE, overflow="visible"),
    )
    return picture(row_title(row), row_text(data, row), *parts, width="100%", height=HEIGHT, class_="strip foretelling")


def draw_predicted_axis(data: PredictedData) -> str:
    """The axis under the rows."""
    parts = [element("line", x1="0%", x2="100%", y1=0.5, y2=0.5, stroke="currentColor", class_="tick")]
    for at, label in data.ticks:
        parts += [
            element("line", x1=_at(at), x2=_at(at), y1=0, y2=5, stroke="currentColor", class_="tick"),
            text(label, x=_at(at), y=17, text_anchor="middle"),
        ]
    parts.append(text("more improvement →", x="100%", y=33, text_anchor="end", class_="side"))
    title = f"Axis: improvement of the {data.label}{f', {data.unit}' if data.unit else ''}"
    return picture(title, "To the right is more improvement.", *parts, width="100%", height=38, class_="axis")


def reading(row: PredictedRow) -> str:
    """What the trial showed, whether that was likely, and how its size compares."""
    return ", ".join(part for part in (row.says, row.odds, row.size) if part)


def row_title(row: PredictedRow) -> str:
    """What was predicted of what."""
    return f"{row.label}, {row.about}"


def row_text(data: PredictedData, row: PredictedRow) -> str:
    """Predicted and measured improvement in words."""
    foretold = " to ".join(significant(end, 2) for end in row.foretold)
    mean, low, high = (number(value, data.places) for value in improvement(row.effect))
    says = reading(row)
    return f"Predicted {foretold}, measured {mean} ({low} to {high}): {says}."


def table_rows(data: PredictedData) -> tuple[tuple[str, ...], ...]:
    """The picture as rows of words: what is predicted of, by whom, how much, what was measured, its verdict."""
    return tuple(_cells(data, row) for row in data.rows)


def _cells(data: PredictedData, row: PredictedRow) -> tuple[str, ...]:
    mean, low, high = (number(value, data.places) for value in improvement(row.effect))
    return (
        row.label,
        row.about,
        " to ".join(significant(end, 2) for end in row.foretold),
        mean,
        f"{low} to {high}",
        reading(row),
    )


def _at(percent: float) -> str:
    return f"{percent:.1f}".removesuffix(".0") + "%"
