"""What the curves and the recipe of a run show, as numbers without unit: what every verdict is weighed from.

Levels are shares of where the run began, so that nats, squared errors and shares of mistakes are alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case, badness
from etude.diagnosis.known import limits_of
from etude.numerics.trends import running_median
from etude.values.curve import Curve

Floats = NDArray[np.float64]

POINTS = 150
"""A series of more points is put together to so many before its course is measured."""

FEWEST = 3
"""Points of a series below which nothing is weighed."""

CAP = 0.5
"""A rise or a gap of half of where the run began is as clear as any larger one."""

SMALL_CAP = 0.15
"""The same of small ones: around a tenth a treatment begins to be worth its while."""

LEAST_ERROR = 1e-3
"""The smallest standard error of a level that counts, as a share of where the run began."""

SMALL = 1e-5
"""The smallest noise that counts, as a share of where the run began."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A judged series with its level: less is better, and 1 is where the run began.

    steps:  shape (n,), n ≥ `FEWEST`
    raw:    shape (n,), all finite
    smooth: the running median of `raw`, over a twelfth of the points, shape (n,)
    """

    steps: Floats
    raw: Floats
    smooth: Floats

    def at(self, share: float) -> float:
        """The smooth level where that share of all steps was taken."""
        return float(np.interp(share * self.steps[-1], self.steps, self.smooth))


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a run shows.

    begin:      the level that counts as 1, in the unit of what is judged; of a score 1 − score where that is a share
    train, validation: their courses on common steps; None where a series is missing or too short
    finite:     whether every judged value is a finite number
    values:     name → number, see `MEANS`; only what could be measured is in it
    """

    begin: float
    train: Course | None
    validation: Course | None
    finite: bool
    values: Mapping[str, float]


def evidence_of(case: Case) -> Evidence:
    """Everything that could be measured of a run."""
    series = [(curve, levels(case, curve)) for curve in (case.train, case.validation) if curve is not None]
    finite = all(bool(np.isfinite(level).all()) for _, level in series)
    begin = _begin([level for _, level in series])
    train, validation = _courses(case, begin)
    values: dict[str, float] = {}
    for word, course in (("train", train), ("validation", validation)):
        if course is not None:
            values |= {f"{word} {name}": value for name, value in _of_one(course).items()}
    if train is not None and validation is not None:
        values |= _of_both(train, validation)
    if case.recipe is not None and values:
        values |= recipe_evidence(case) | _beside_constant(case, (train, validation), begin)
    return Evidence(begin, train, validation, finite, MappingProxyType(values))


def levels(case: Case, curve: Curve) -> Floats:
    """The judged values such that less is better and 0 is the best, shape (n,): a share's distance from 1."""
    bad = badness(case, curve)
    if not case.higher:
        return bad
    percent = np.nanmax(np.abs(curve.values), initial=0.0) > 1.5
    return bad + (100.0 if percent else 1.0)


def _begin(series: list[Floats]) -> float:
    """Where the run began: the first finite level, the larger one of the two series."""
    firsts = [level[np.isfinite(level)][:1] for level in series]
    return max((float(first[0]) for first in firsts if first.size), default=0.0)


def _courses(case: Case, begin: float) -> tuple[Course | None, Course | None]:
    if not begin > 0:
        return None, None
    train, validation = (
        None if curve is None else _finite(curve.steps.astype(np.float64), levels(case, curve) / begin)
        for curve in (case.train, case.validation)
    )
    if train is None or validation is None:
        return _course(train), _course(validation)
    if train[0].size > 1.5 * validation[0].size and validation[0].size >= FEWEST:
        train = _averaged(*train, validation[0])
    common, mine, theirs = np.intersect1d(train[0], validation[0], return_indices=True)
    if common.size >= max(FEWEST, 0.8 * validation[0].size):
        train, validation = (common, train[1][mine]), (common, validation[1][theirs])
    elif train[0].size >= FEWEST:  # measured at other steps: the training level where the validation was measured
        train = (validation[0], np.interp(validation[0], *train))
    return _course(train), _course(validation)


def _finite(steps: Floats, level: Floats) -> tuple[Floats, Floats]:
    there = np.isfinite(level)
    return steps[there], level[there]


def _averaged(steps: Floats, level: Floats, ends: Floats) -> tuple[Floats, Floats]:
    """A series of many steps as its mean up to each of `ends` from the one before: what an epoch's mean would be."""
    starts = np.searchsorted(steps, ends, side="right")
    sums = np.concatenate([[0.0], np.cumsum(level)])[np.concatenate([[0], starts])]
    counts = np.diff(np.concatenate([[0], starts]))
    there = counts > 0
    return ends[there], np.diff(sums)[there] / counts[there]


def _course(series: tuple[Floats, Floats] | None) -> Course | None:
    if series is None or series[0].size < FEWEST:
        return None
    steps, level = series
    if steps.size > 1.5 * POINTS:
        edges = np.linspace(0, steps.size, POINTS + 1).astype(int)[1:] - 1
        steps, level = _averaged(steps, level, steps[edges])
    width = max(3, steps.size // 12) | 1 if steps.size >= 6 else 1
    return Course(steps, level, running_median(level, width))


def _of_one(course: Course) -> dict[str, float]:
    smooth, raw, x = course.smooth, course.raw, course.steps / course.steps[-1]
    end, fall = float(smooth[-1]), float(smooth[0] - smooth.min())
    settled = raw[x >= 0.3] if (x >= 0.3).sum() >= FEWEST else raw
    late = x >= 0.5 if (x >= 0.5).sum() >= FEWEST else np.arange(x.size) >= x.size - FEWEST
    last = x >= 2 / 3 if (x >= 2 / 3).sum() >= FEWEST else late
    slope, error = _line(np.log(course.steps[late]), smooth[late])
    noise = float(np.std(np.diff(settled))) / np.sqrt(2)
    changes = np.diff(raw)
    return {
        "end": end,
        "end, log": float(np.log10(max(end, 1e-3))),
        "fall": fall,
        "points": float(np.log(x.size)),
        "to gain": -slope * float(np.log(3)),
        "to gain, late": -_line(np.log(course.steps[last]), smooth[last])[0] * float(np.log(3)),
        "to gain, surely": float(np.clip(-slope / (error + 1e-4), -30, 30)),
        "last quarter": course.at(0.75) - end,
        "early share": float(smooth[0] - course.at(0.25)) / fall if fall > 1e-3 else 0.5,
        "middle share": float(smooth[0] - course.at(0.5)) / fall if fall > 1e-3 else 0.7,
        "rise": end - float(smooth.min()),
        "rise, capped": min(end - float(smooth.min()), CAP),
        "noise": float(np.log10(noise + SMALL)),
        "noise of rest": float(np.log10((noise + SMALL) / (max(end, 0.0) + 0.01))),
        "up": float((changes > 0).mean()),
        "jump": float(np.log10(max(float(changes.max()), 0.0) + 1e-4)),
        "peak": float(np.log10(max(float(raw.max()), 1e-3))),
    }


def _of_both(train: Course, validation: Course) -> dict[str, float]:
    held = validation.smooth
    best = int(np.argmin(held))
    mine = np.interp(validation.steps, train.steps, train.smooth)
    gap = held - mine
    return {
        "gap": float(gap[-1]),
        "gap of rest": float(np.log10(max(float(held[-1]), 1e-3)) - np.log10(max(float(mine[-1]), 1e-3))),
        "best at": float(validation.steps[best] / validation.steps[-1]),
        "rise of best": min(float(np.log(max(held[-1] + 0.01, 1e-3) / max(held[best] + 0.01, 1e-3))), 3 * CAP),
        "rise while training gained": min(float(held[-1] - held[best]), CAP) if mine[best] >= mine[-1] else 0.0,
        "gap, capped": min(float(gap[-1]), CAP),
        "small gap": float(np.clip(gap[-1], 0, SMALL_CAP)),
        "small rise": min(float(held[-1] - held[best]), SMALL_CAP),
        "rise, in errors": float(np.log1p((held[-1] - held[best]) / _error_of_level(validation))),
        "gap since best": float(gap[-1] - gap[best]),
        "train since best": float(mine[best] - mine[-1]),
        "gap at begin": float(gap[0]),
    }


def _error_of_level(course: Course) -> float:
    """Standard error of a smooth level: the noise of neighbouring values over the root of how many make the level."""
    settled = course.raw[course.steps >= 0.3 * course.steps[-1]]
    settled = settled if settled.size >= FEWEST else course.raw
    return float(np.std(np.diff(settled)) / np.sqrt(2 * max(3, course.steps.size // 12))) + LEAST_ERROR


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope of the least-squares line and its standard error."""
    centred = x - x.mean()
    power = float(centred @ centred)
    if power == 0:
        return 0.0, 0.0
    slope = float(centred @ y) / power
    residual = y - y.mean() - slope * centred
    return slope, float(np.sqrt(residual @ residual / max(x.size - 2, 1) / power))


NO_LAYER = 10
"""What the width of a linear model counts as, which has no layer that could be wider, and of the user's own code."""

SCORED_BY = MappingProxyType(
    {
        "bce": ("log_loss",),
        "cross_entropy": ("log_loss",),
        "mse": ("squared_error", "brier"),
        "l1": ("absolute_error",),
    }
)
"""The metrics that a loss is the same as, on one kind of data each."""


LEARNED = 0.15
"""Tenfold logarithm of how far below the best constant's score a run has surely learned something: to 0.7 of it."""


def _beside_constant(case: Case, courses: tuple[Course | None, Course | None], begin: float) -> dict[str, float]:
    """Where each course stands beside the best constant answer: 0 as good, below 0 better, to −`LEARNED`."""
    constant = best_constant(case) or begin
    values: dict[str, float] = {}
    for word, course in zip(("train", "validation"), courses, strict=True):
        if course is not None:
            for name, level in (("best", float(course.smooth.min())), ("end", float(course.smooth[-1]))):
                beside = float(np.log10(max(level, 1e-3) * begin / constant))
                values[f"{word} {name} beside constant"] = max(beside, -LEARNED)
    return values


def best_constant(case: Case) -> float | None:
    """The best constant answer's loss, in the unit of what is judged; None where it is not known.

    Numbers are learned as standard scores, of which the mean has a squared error of 1.
    """
    assert case.recipe is not None
    known = limits_of(case) if isinstance(case.recipe.loss, str) and not case.higher else {}
    names = [name for name in SCORED_BY.get(str(case.recipe.loss), ()) if name in known]
    if not names:
        return None
    unit = known["squared_error"].best_constant if "squared_error" in known else 1.0
    power = {"squared_error": 1.0, "absolute_error": 0.5}.get(names[0], 0.0)
    return float(known[names[0]].best_constant / unit**power)


USUAL_RATE = MappingProxyType({"adam": 3e-3, "adamw": 3e-3, "rmsprop": 1e-3, "sgd": 0.1})
"""A rate at which each optimiser often does well on small networks, found on nothing of the bank."""


def recipe_evidence(case: Case) -> dict[str, float]:
    """What of a recipe bears on the verdicts; logarithms are to base 10."""
    recipe = case.recipe
    assert recipe is not None
    optimizer, model = dict(recipe.optimizer), dict(recipe.model)
    momentum = optimizer.get("momentum", 0.0) if optimizer["name"] == "sgd" else 0.0
    usual = USUAL_RATE[optimizer["name"]] * (1 - 0.9 * momentum)
    decay = optimizer.get("coupled_weight_decay", 0.0) + optimizer.get("decoupled_weight_decay", 0.0)
    hidden = model.get("hidden", model.get("channels", model.get("width", NO_LAYER)))
    widths = hidden if isinstance(hidden, tuple) else (hidden if isinstance(hidden, int) else 1,)
    squashed = len(widths) if model.get("activation") == "sigmoid" else 0
    return {
        "rate": float(np.log10(optimizer["learning_rate"] / usual)),
        "decay": float(np.log10(max(decay, 1e-6))),
        "dropout": float(model.get("dropout", 0.0)),
        "narrowest": float(np.log10(min(widths, default=NO_LAYER))),
        "sigmoid layers": float(squashed),
        "steps": float(np.log10(max(case.run.last_step, 1))),
        "epochs": float(np.log10(recipe.epochs)),
        "plain descent": float(optimizer["name"] == "sgd" and momentum == 0),
    }
