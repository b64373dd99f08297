"""The four signs of healthy training, measured: both losses fall, the gap is small, the way is smooth, it settles."""

import math

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case, badness
from etude.diagnosis.known import score_at
from etude.diagnosis.saying import amount, axis, figure, percent
from etude.numerics.trends import (
    NORMAL_975,
    Trend,
    difference_autocorrelation,
    median,
    roughness,
    share_against,
    theil_sen,
)
from etude.values.curve import Curve
from etude.values.finding import Measured, Sign
from etude.values.metric import METRICS

Floats = NDArray[np.float64]

LEAST_POINTS = 6
"""Of a series: with fewer, half of it or a fifth is too little for a trend."""

SMALL_GAP, LARGE_GAP = 0.1, 0.3
"""The gap as a share of what was learned, where no standard errors say what chance does: below the first it is small,
above the second it is not, between them nothing can be told."""

SMOOTH = 0.1
"""Noise as a share of what was learned, as the check for oscillation has it."""

ZIGZAG = -0.7
SETTLED = 0.01
"""Change within the last fifth as a share of what was learned, where the metric has no smallest effect of interest."""


def signs(case: Case) -> tuple[Sign, ...]:
    """The four signs, in the order in which people look for them."""
    return (_both_fall(case), _small_gap(case), _smooth(case), _settles(case))


def _both_fall(case: Case) -> Sign:
    """The Theil–Sen slopes of both series over the first half are below 0 with their intervals."""
    name = "both losses fall together"
    if case.train is None or case.validation is None:
        return _unknown(name, "there is only one series")
    trends = [_first_half(case, curve) for curve in (case.train, case.validation)]
    if any(trend is None for trend in trends):
        return _unknown(name, f"a series has fewer than {2 * LEAST_POINTS} finite points")
    known = [trend for trend in trends if trend is not None]
    falls, goes = all(trend.falls for trend in known), "rises" if case.higher else "falls"
    words = ("falls" if trend.falls else "rises" if trend.rises else "has no sure direction" for trend in known)
    how = " and ".join(f"{split} {word}" for split, word in zip(("training", "validation"), words, strict=True))
    unsure = any(not trend.falls and not trend.rises for trend in known) and not any(t.rises for t in known)
    says = f"Over the first half both get better ({goes})." if falls else f"Over the first half, as a loss, {how}."
    return Sign(name, None if unsure else falls, says, tuple(
        Measured(f"slope of the {split} series over the first half, as a loss", trend.slope,
                 f"{case.unit} per {axis(case)}".strip(), *_bounds(trend))
        for split, trend in zip(("training", "validation"), known, strict=True)
    ))  # fmt: skip


def _first_half(case: Case, curve: Curve) -> Trend | None:
    steps, values = _finite(case, curve)
    half = steps <= steps[0] + (steps[-1] - steps[0]) / 2 if steps.size else np.zeros(0, dtype=np.bool_)
    return theil_sen(steps[half], values[half]) if half.sum() >= LEAST_POINTS else None


def _small_gap(case: Case) -> Sign:
    """Validation minus training loss at the end, both in evaluation mode where that was scored."""
    name = "small gap"
    scored = _scored_gap(case)
    if scored is not None:
        return scored
    if case.train is None or case.validation is None:
        return _unknown(name, "there is only one series")
    (_, train), (_, held) = (_finite(case, curve) for curve in (case.train, case.validation))
    if min(train.size, held.size) < 3:
        return _unknown(name, "a series has fewer than 3 finite points")
    gap = median(held[-3:]) - median(train[-3:])
    learned = float(max(train[0], held[0]) - median(train[-3:]))
    if learned <= 0:
        return _unknown(name, "nothing was learned that it could be compared with")
    share = gap / learned
    small = True if share <= SMALL_GAP else False if share > LARGE_GAP else None
    unknown = "" if small is not None else " Without standard errors it cannot be told whether that is chance."
    return Sign(
        name,
        small,
        f"At the end (medians of the last three values) validation is {amount(abs(gap), case.unit)} "
        f"{'worse' if gap > 0 else 'better'} than training, {percent(abs(share))} of what was learned.{unknown}",
        (
            Measured("gap at the end (medians of the last three values), as a loss", gap, case.unit),
            Measured("gap as a share of what was learned", share),
        ),
    )


def _scored_gap(case: Case) -> Sign | None:
    """Of a run made here: one metric on both parts at the kept step, with standard errors."""
    for metric in ("log_loss", "squared_error"):
        train, held = (score_at(case, f"{split}/{metric}") for split in ("train", "validation"))
        if train is None or held is None or train.error is None or held.error is None or case.run.ended == "diverged":
            continue
        half, gap, unit = NORMAL_975 * math.hypot(train.error, held.error), held.value - train.value, held.curve.unit
        small = gap <= half or gap <= (METRICS[metric].smallest_effect or 0)
        return Sign(
            "small gap",
            small,
            f"At the end the {METRICS[metric].label} of the validation part is {figure(abs(gap))} {unit} "
            f"{'worse' if gap > 0 else 'better'} than that of the training part; chance alone gives up to "
            f"{figure(half)}.",
            (Measured(f"gap of the {METRICS[metric].label}", gap, unit, gap - half, gap + half),),
        )
    return None


def _smooth(case: Case) -> Sign:
    """The noise beside what was learned, the share of steps against the trend, and whether changes alternate."""
    name = "smooth convergence"
    judged = case.train or case.validation
    if judged is None:
        return _unknown(name, "there is no series")
    _, values = _finite(case, judged)
    if values.size < LEAST_POINTS:
        return _unknown(name, f"the series has fewer than {LEAST_POINTS} finite points")
    if values.size < judged.values.size:
        return Sign(name, healthy=False, says="It is not smooth: some values are not finite.")
    noise, learned = roughness(values), float(values[0] - median(values[-3:]))
    falling = values[: max(LEAST_POINTS, int(np.argmax(values <= values[0] - 0.9 * learned)) + 1)]
    against, turns = share_against(falling), difference_autocorrelation(values)
    share = noise / learned if learned > 0 else math.inf
    smooth = share <= SMOOTH and not (turns < ZIGZAG and share > SMOOTH / 5)
    return Sign(
        name,
        smooth,
        f"While it learns, {percent(against)} of its {axis(case)}s go against the trend; the noise is "
        f"{percent(share) if share < 10 else 'more than all'} of what was learned.",
        (
            Measured("changes against the trend while it learns", 100 * against, "%"),
            Measured("standard deviation of the noise", noise, judged.unit),
            Measured(
                "likeness of each change to the one before (lag-1 autocorrelation: noise has −0.5, a zigzag −1)", turns
            ),
        ),
    )


def _settles(case: Case) -> Sign:
    """The change within the last fifth, by its slope, against the smallest effect of interest."""
    name = "validation stabilises"
    if case.validation is None:
        return _unknown(name, "there is no validation series")
    steps, values = _finite(case, case.validation)
    last = steps >= steps[-1] - (steps[-1] - steps[0]) / 5 if steps.size else np.zeros(0, dtype=np.bool_)
    if last.sum() < LEAST_POINTS:
        return _unknown(name, f"its last fifth has fewer than {LEAST_POINTS} finite points")
    trend, length = theil_sen(steps[last], values[last]), float(np.ptp(steps[last]))
    change, low, high = (bound * length for bound in (trend.slope, trend.low, trend.high))
    margin = _margin(case, float(values[0] - values.min()))
    sure, small = trend.falls or trend.rises, abs(change) <= margin
    settled = True if small else False if sure else None
    way = "gets better" if change < 0 else "gets worse"
    ending = "as good as still" if settled else "still moving" if settled is False else "too noisy to tell"
    return Sign(
        name,
        settled,
        f"Over its last fifth validation {way} by {amount(abs(change), case.unit)}, against {figure(margin)} that "
        f"would matter: {ending}.",
        (
            Measured("change over the last fifth, as a loss", change, case.unit,
                     *((low, high) if math.isfinite(low) else (None, None))),
            Measured("smallest change that would matter", margin, case.unit),
        ),
    )  # fmt: skip


def _margin(case: Case, learned: float) -> float:
    """The smallest effect of interest of nats and of shares; of any other unit a share of what was learned."""
    if case.unit == "nats":
        return METRICS["log_loss"].smallest_effect or SETTLED * learned
    return SETTLED * learned


def _finite(case: Case, curve: Curve) -> tuple[Floats, Floats]:
    values = badness(case, curve)
    there = np.isfinite(values)
    return curve.steps[there].astype(np.float64), values[there]


def _bounds(trend: Trend) -> tuple[float | None, float | None]:
    return (trend.low, trend.high) if math.isfinite(trend.low) else (None, None)


def _unknown(name: str, because: str) -> Sign:
    return Sign(name, None, f"It could not be measured because {because}.")
