"""What is known of a run beside its judged curves: the limits of its data, other scores, and signals by layer."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case
from etude.numerics.trends import NORMAL_975
from etude.values.curve import Curve
from etude.values.errors import EtudeError
from etude.values.metric import Limit, Split

if TYPE_CHECKING:  # its validation takes a while to load, and a log of another tool has no recipe
    from etude.values.data import Data

WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
"""The words of a series' name, as the readers of logs tell them."""

SPLIT_WORDS: Mapping[Split, frozenset[str]] = MappingProxyType(
    {
        "train": frozenset({"train", "training"}),
        "validation": frozenset({"val", "valid", "validation", "eval", "dev"}),
        "test": frozenset({"test"}),
    }
)
LEAST_ERROR = 1e-6
"""Of an accuracy: so small a one would take 250 thousand million examples."""

SMOOTHED = frozenset({"smooth", "smoothed", "smoothen", "ema", "running", "moving", "rolling"})
RATES = frozenset({"lr", "learning rate", "signals learning rate"})


def limits_of(case: Case) -> Mapping[str, Limit]:
    """Of each metric what can be reached; empty where no recipe is known or its data are not here.

    Nothing is downloaded for it.
    """
    return MappingProxyType({}) if case.recipe is None else _limits(case.recipe.data)


def setting(case: Case, path: str) -> Any:  # noqa: ANN401 - whatever the field holds
    """A field of the recipe by its path, such as "data.flip"; None where there is no recipe or no such field."""
    if case.recipe is None:
        return None
    from etude.values.recipe import field_value  # here, because a log of another tool has no recipe

    return field_value(case.recipe, path)


def classes_of(case: Case) -> int | None:
    """How many classes there are, from the run's own counts, its data, or a parameter of the log that says so."""
    confusion = case.run.arrays.get("confusion/test")
    if confusion is not None:
        return int(confusion.shape[0])
    limit = limits_of(case).get("accuracy")
    if limit is not None:
        return round(1 / limit.chance)
    for name, value in case.run.provenance.items():
        if name.lower().rpartition("/")[2] in ("num_classes", "n_classes", "num_labels", "classes"):
            return value if isinstance(value, int) and value >= 2 else None
    return None


def scores(case: Case, split: Split, *bases: str) -> Curve | None:
    """The first curve of a split whose name says one of these and nothing else, such as "accuracy" or "acc"."""
    for base in bases:
        direct = case.run.curves.get(f"{split}/{base}")
        if direct is not None and direct.values.size:
            return direct
    for name in case.run.curves:
        words = [word.lower() for word in WORDS.findall(name)]
        left = [word for word in words if word not in SPLIT_WORDS[split] and word not in ("epoch", "metrics")]
        if len(left) < len(words) and " ".join(left) in bases and case.run.curves[name].values.size:
            return case.run.curves[name]
    return None


def smoothed(case: Case) -> bool:
    """Whether the training series says by its name that it was smoothed, so that its noise and jumps are hidden."""
    words = [word.lower() for word in WORDS.findall(str(case.run.provenance.get("train is", "")))]
    return not SMOOTHED.isdisjoint(words)


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """A curve's value at one step, finite, with its standard error; None where that is not known.

    value, error: in the curve's unit
    """

    curve: Curve
    step: int
    value: float
    error: float | None

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """Of 95 %, as a `Measured` takes it."""
        if self.error is None:
            return None, None
        return self.value - NORMAL_975 * self.error, self.value + NORMAL_975 * self.error


def score_at(case: Case, name: str, step: int | None = None) -> Score | None:
    """What the curve of that name has at a step, or for the weights that were kept.

    None where there is no such curve, no value by then, or one that is not finite.
    """
    curve = case.run.curves.get(name)
    if curve is None:
        return None
    i = int(np.searchsorted(curve.steps, case.run.kept_step if step is None else step, side="right")) - 1
    if i < 0 or not math.isfinite(curve.values[i]):
        return None
    error = math.nan if curve.standard_errors is None else float(curve.standard_errors[i])
    known = math.isfinite(error) and error >= 0
    return Score(curve, int(curve.steps[i]), float(curve.values[i]), error if known else None)


def examples(curve: Curve | None) -> int | None:
    """How many examples an accuracy a was counted on, from its standard error s: n − 1 = a(1 − a)/s²."""
    if curve is None or curve.standard_errors is None:
        return None
    usable = np.flatnonzero((curve.values > 0) & (curve.values < 1) & (curve.standard_errors > LEAST_ERROR))
    if not usable.size:
        return None
    a, s = (float(array[usable[0]]) for array in (curve.values, curve.standard_errors))
    return max(round(a * (1 - a) / s**2), 1) + 1


def learning_rate(case: Case) -> Curve | None:
    """The learning rate, wherever it was logged."""
    for name, curve in case.run.curves.items():
        words = [word.lower() for word in WORDS.findall(name)]
        if curve.values.size and (" ".join(words) in RATES or words[-2:] == ["learning", "rate"] or "lr" in words):
            return curve
    return None


def gradient_norm(case: Case) -> Curve | None:
    """The norm of the whole gradient, wherever it was logged."""
    for name, curve in case.run.curves.items():
        words = [word.lower() for word in WORDS.findall(name)]
        whole = not name.startswith("layers/") and "norm" in words and not {"grad", "gradient"}.isdisjoint(words)
        if whole and curve.values.size:
            return curve
    return None


def layers(case: Case, quantity: str) -> Mapping[str, Curve]:
    """Curves of each layer, ``"layers/<layer>/<quantity>"``, by layer, in the network's order."""
    start, end = "layers/", f"/{quantity}"
    return {
        name[len(start) : -len(end)]: curve
        for name, curve in case.run.curves.items()
        if name.startswith(start) and name.endswith(end) and curve.values.size
    }


def late(curve: Curve) -> NDArray[np.float64]:
    """The finite values of the last quarter of a curve, at least one where there is one."""
    finite = curve.values[np.isfinite(curve.values)]
    return finite[-max(1, math.ceil(finite.size / 4)) :]


def finite(curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps and values where the value is finite."""
    there = np.isfinite(curve.values)
    return curve.steps[there].astype(np.float64), curve.values[there]


@lru_cache(maxsize=256)
def _limits(data: "Data") -> Mapping[str, Limit]:
    from etude.data.load import LOADERS, limits  # here, because logs of other tools need none of it

    try:
        return MappingProxyType({}) if LOADERS[type(data)].fetch else limits(data, seed=0)
    except (EtudeError, OSError):  # the file is elsewhere, or has changed
        return MappingProxyType({})
