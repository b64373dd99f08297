"""What a run minimised, as far as it can be told, and which runs may stand in one ranking."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from etude.diagnosis.case import Case, case_of
from etude.diagnosis.known import WORDS, classes_of, scores
from etude.diagnosis.saying import figure
from etude.values.comparable import Minimised, problems_apart, units_apart
from etude.values.curve import Curve
from etude.values.run import Run

NATS: Final = "nats"
SQUARED: Final = "squared probability"
UNKNOWN: Final = "?"

NAMED: tuple[tuple[str, str], ...] = (
    (r"perplexity|\bppl\b", "perplexity"),
    (r"\bbp[cbw]\b|\bbits?\b", "bits"),
    (r"\bkld?\b|divergence|elbo", "nats of divergence"),
    (r"cross ?entropy|\bx ?ent\b|\bce\b|bce|\bnll\b|neg\w* log|log ?loss|\bmlm loss", NATS),
    (r"brier", SQUARED),
    (r"huber|smooth l 1", "Huber loss"),
    (r"rmse|root mean squared?", "root of the squared error"),
    (r"\bmsle\b|squared? log", "squared error of logarithms"),
    (r"\bmse\b|squared? error|\bl 2 loss", "squared error"),
    (r"\bs?mape\b", "absolute error in %"),
    (r"\bmae\b|absolute error|\bl 1\b", "absolute error"),
    (r"hinge", "hinge loss"),
    (r"\bacc\b|accuracy|\btop 1\b", "share correct"),
)
"""What the words of a series' name say it counts; the first that fits."""

NEAR = 0.05
"""How far a first value may be from that of knowing nothing, as a share of it. None of 150 small
classifiers that were stripped of recipe and unit was told wrongly by it (seeds from 100,000)."""

USUAL_CLASSES = (2, 10, 100, 1000)
"""Numbers of classes that are looked for where no number is known."""

COSTS_NATS = 1.2
"""Loss a wrong answer, between that of squared probabilities and that of nats. Where probabilities are right, p(1 − p)
is at most min(p, 1 − p), so the first is at most 1; the entropy of p is at least 2 ln 2 times that, so the second is at
least 1.39. Networks that are too sure of themselves come to 1 as well, and to more than 1.39."""

LEAST_WRONG = 0.02
"""Share of wrong answers below which their cost is mostly that of the right ones."""

TOGETHER = 2.0
"""Series of one name start within this factor of each other if they have one unit: a loss in nats that has hardly begun
to fall and one in squared probabilities are a factor of 2.8 apart."""

SCORED_IN_PERCENT = 1.5
"""A share of right answers is at most 1."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of what a run minimised, or of the score it is judged by.

    name:        such as "nats"; "?" where it cannot be told
    told_by:     how, as words that go on after "told by"
    probability: that it is right, in [0, 1]; 0 where it cannot be told
    classes:     how many there are, where the first value says so; None elsewhere
    """

    name: str
    told_by: str
    probability: float
    classes: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Runs that may stand in one ranking, and why they may not stand in the first one; "" for that one itself."""

    unit: Unit
    runs: tuple[Run, ...]
    apart: str


def as_share(accuracy: Curve) -> Curve:
    """An accuracy in [0, 1], whether it was logged so or in per cent; needs a finite value.

    >>> from etude.values.curve import curve
    >>> as_share(curve("val_acc", [1, 2], [61.5, 80.0])).values.tolist()
    [0.615, 0.8]
    """
    if np.nanmax(accuracy.values) <= SCORED_IN_PERCENT:
        return accuracy
    errors = None if accuracy.standard_errors is None else accuracy.standard_errors / 100
    return Curve(accuracy.name, accuracy.steps, accuracy.values / 100, standard_errors=errors)


def objective_unit(run: Run) -> str:
    """The unit of what was minimised, "?" where it cannot be told.

    >>> from etude.values.curve import curve
    >>> objective_unit(Run("a", {"train/objective": curve("train/objective", [0, 10], [0.69, 0.4])}))
    'nats'
    """
    return told_unit(run).name


@lru_cache(maxsize=16)
def told_unit(run: Run) -> Unit:
    """The unit, by the first of these that tells: the run's own record, its recipe, the series' name, how it begins."""
    case = case_of(run)
    told = (tell(case) for tell in TELLERS)
    return next((unit for unit in told if unit is not None), Unit(UNKNOWN, "nothing in the log", 0.0))


def comparable(runs: Iterable[Run]) -> tuple[Ranking, ...]:
    """The runs in rankings, the one of most runs first.

    Each run joins the first ranking whose surest run it may be held against: one problem, one unit, one scale. A run
    whose unit cannot be told joins one whose series has the same name and starts alike.
    """
    groups: list[list[_Told]] = []
    for told in sorted(map(_told, runs), key=lambda told: -told.unit.probability):
        home = next((group for group in groups if not _apart(group[0], told)), None)
        if home is None:
            groups.append([told])
        else:
            home.append(told)
    groups.sort(key=len, reverse=True)
    return tuple(
        Ranking(group[0].unit, tuple(told.run for told in group), "" if i == 0 else _apart(group[0], groups[0][0]))
        for i, group in enumerate(groups)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """A run with what it minimised, the name of its series, and where that starts."""

    run: Run
    unit: Unit
    minimised: Minimised
    name: str
    start: float


def _told(run: Run) -> _Told:
    unit, case = told_unit(run), case_of(run)
    data = None if run.recipe is None else run.recipe.data
    problem = _logged_data(run) if data is None else data.problem
    if not problem and unit.classes is not None:
        problem = f"{unit.classes} classes"
    scale = repr(data) if data is not None and "train/r2" in run.curves else ""
    return _Told(run, unit, Minimised(unit.name, problem, scale), _name(case), _first(case))


def _apart(one: _Told, other: _Told) -> str:
    """Why the two may not stand in one ranking; "" where they may."""
    problem = problems_apart(one.minimised, other.minimised)
    if problem:
        return f"one {problem}"
    if UNKNOWN not in (one.unit.name, other.unit.name):
        return units_apart(one.minimised, other.minimised)
    low, high = sorted((one.start, other.start))
    if _base(one.name) != _base(other.name):
        return f"a unit is not known, and one series is called {one.name!r}, the other {other.name!r}"
    if low > 0 and high / low > TOGETHER:
        return f"a unit is not known, and one series starts at {figure(one.start)}, the other at {figure(other.start)}"
    return ""


def _base(name: str) -> str:
    """The words of a series' name but for those that say of which part, and how often, it was measured."""
    return " ".join(word.lower() for word in WORDS.findall(name) if word.lower() not in WHERE_AND_WHEN)


def _logged_data(run: Run) -> str:
    named = (value for name, value in run.provenance.items() if name.rpartition("/")[2].lower() in DATA_NAMES)
    return next((f"the data {value}" for value in named), "")


WHERE_AND_WHEN = frozenset(
    {"train", "training", "val", "valid", "validation", "eval", "dev", "test", "epoch", "step", "batch", "avg", "mean"}
)
DATA_NAMES = frozenset({"dataset", "data", "dataset_name", "data_name", "task", "task_name"})


def _by_record(case: Case) -> Unit | None:
    return Unit(case.unit, "the run's own record", 1.0) if case.unit else None


def _by_recipe(case: Case) -> Unit | None:
    """étude's own names of losses; the same ones as in its engine's table."""
    loss = None if case.recipe is None or case.higher else case.recipe.loss
    if not isinstance(loss, str):
        return None
    how = f"the recipe's loss {loss!r}"
    if loss in ("bce", "cross_entropy"):
        return Unit(NATS, how, 1.0)
    classes = classes_of(case)
    if loss == "mse" and classes is not None:
        return Unit(SQUARED if classes == 2 else f"{SQUARED}, mean over classes", how, 1.0)
    return Unit(f"{loss} of the standardised target", how, 1.0)


def _by_name(case: Case) -> Unit | None:
    for split in ("train", "validation"):
        series = str(case.run.provenance.get(f"{split} is", ""))
        words = " ".join(word.lower() for word in WORDS.findall(series))
        unit = next((unit for pattern, unit in NAMED if re.search(pattern, words)), None)
        if unit is not None:
            return _refined(case, unit, f"the name {series!r}")
    return None


def _refined(case: Case, unit: str, how: str) -> Unit:
    """A named unit made finer by the values: per cent or shares, and whose squared error it is."""
    judged = [curve for curve in (case.train, case.validation) if curve is not None]
    if unit == "share correct" and any(np.nanmax(curve.values) > SCORED_IN_PERCENT for curve in judged):
        return Unit("% correct", how, 0.95)
    if unit == "squared error" and (_accuracy(case) is not None or classes_of(case) is not None):
        return Unit(SQUARED, f"{how} beside an accuracy", 0.8)
    return Unit(unit, how, 0.95)


def _by_start(case: Case) -> Unit | None:
    """The first values against those of a network that knows nothing."""
    if case.higher:
        return None
    firsts = [float(curve.values[0]) for curve in (case.train, case.validation) if curve is not None]
    classes = classes_of(case)
    for n in USUAL_CLASSES if classes is None else (classes,):
        if any(_near(first, math.log(n)) for first in firsts) and not _contradicted(case):
            return Unit(NATS, f"the first value, which is near ln {n}", 0.9 if classes else 0.75, n)
    return _by_base_rate(case, firsts) or (
        Unit(SQUARED, "the first value, which is near a quarter", 0.6)
        if classes in (None, 2) and any(_near(first, 0.25) for first in firsts)
        else None
    )


def _by_base_rate(case: Case, firsts: Sequence[float]) -> Unit | None:
    """A first value that is the entropy, or the variance, of the majority's share, which the first accuracy tells."""
    accuracy = _accuracy(case)
    share = float(accuracy.values[0]) if accuracy is not None else math.nan
    if not 0.5 < share < 1:
        return None
    entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)
    for unit, level in ((NATS, entropy), (SQUARED, share * (1 - share))):
        if any(_near(first, level) for first in firsts) and not (unit == NATS and _contradicted(case)):
            return Unit(unit, f"the first value, which fits the first accuracy of {figure(share)}", 0.6)
    return None


def _by_accuracy(case: Case) -> Unit | None:
    """A loss beside an accuracy: what a wrong answer costs tells nats from squared probabilities."""
    cost = _cost_of_error(case)
    if case.higher or cost is None or case.validation is None:
        return None
    shown = f"what it costs a wrong answer beside it, {figure(cost)}"
    if cost >= COSTS_NATS:
        return Unit(NATS, shown, 0.9 if cost > 1.5 * COSTS_NATS else 0.75)
    return Unit(SQUARED, shown, 0.8) if np.nanmax(case.validation.values) <= 1 else None


def _contradicted(case: Case) -> bool:
    """Whether an accuracy says that the loss is too small to be nats."""
    cost = _cost_of_error(case)
    return cost is not None and cost < COSTS_NATS


def _cost_of_error(case: Case) -> float | None:
    """Median over steps of held-out loss / share of wrong answers; None where errors are too few to tell."""
    accuracy = _accuracy(case)
    if accuracy is None or case.validation is None:
        return None
    _, mine, theirs = np.intersect1d(case.validation.steps, accuracy.steps, return_indices=True)
    wrong, loss = 1 - accuracy.values[theirs], case.validation.values[mine]
    telling = (wrong >= LEAST_WRONG) & np.isfinite(loss)
    return float(np.median(loss[telling] / wrong[telling])) if telling.any() else None


def _accuracy(case: Case) -> Curve | None:
    """The held-out accuracy as a share."""
    found = scores(case, "validation", "accuracy", "acc")
    if found is None or not np.isfinite(found.values).any():
        return None
    return as_share(found)


def _near(value: float, level: float) -> bool:
    return abs(value / level - 1) <= NEAR


def _first(case: Case) -> float:
    judged = case.train or case.validation
    finite = np.array([]) if judged is None else judged.values[np.isfinite(judged.values)]
    return abs(float(finite[0])) if finite.size else 0.0


def _name(case: Case) -> str:
    named = (str(case.run.provenance.get(f"{split} is", "")) for split in ("train", "validation"))
    return next((name for name in named if name), "score" if case.higher else "loss")


TELLERS: tuple[Callable[[Case], Unit | None], ...] = (_by_record, _by_recipe, _by_name, _by_start, _by_accuracy)
