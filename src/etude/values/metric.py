"""Metrics: the common scores every run is judged by, with unit, direction and smallest effect of interest."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["binary", "multiclass", "regression"]
Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One score: what it is called, what it is counted in, which way is better.

    smallest_effect: the smallest difference worth acting on, in the metric's unit. A convention that a study
        may replace; None where a sensible size depends on the user's own unit.
    """

    name: str
    label: str
    unit: str
    lower_is_better: bool
    smallest_effect: float | None
    says: str


def _table(*metrics: Metric) -> Mapping[str, Metric]:
    return MappingProxyType({metric.name: metric for metric in metrics})


METRICS: Mapping[str, Metric] = _table(
    Metric(
        "log_loss",
        "log loss",
        "nats",
        lower_is_better=True,
        smallest_effect=0.01,
        says="minus the log of the probability given to what happened",
    ),
    Metric(
        "brier",
        "Brier score",
        "squared probability",
        lower_is_better=True,
        smallest_effect=0.005,
        says="squared distance of the probability from what happened",
    ),
    Metric(
        "accuracy",
        "accuracy",
        "share correct",
        lower_is_better=False,
        smallest_effect=0.01,
        says="share of examples whose likeliest class is the right one",
    ),
    Metric(
        "calibration",
        "calibration error",
        "squared probability",
        lower_is_better=True,
        smallest_effect=0.002,
        says="squared distance between stated probability and observed frequency, debiased",
    ),
    Metric(
        "squared_error",
        "squared error",
        "target units²",
        lower_is_better=True,
        smallest_effect=None,
        says="mean squared distance of the prediction from the target",
    ),
    Metric(
        "absolute_error",
        "absolute error",
        "target units",
        lower_is_better=True,
        smallest_effect=None,
        says="mean distance of the prediction from the target",
    ),
    Metric(
        "r2",
        "R²",
        "share of variance",
        lower_is_better=False,
        smallest_effect=0.01,
        says="share of the target's variance that the prediction explains",
    ),
)

METRICS_OF: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        "binary": ("log_loss", "brier", "accuracy", "calibration"),
        "multiclass": ("log_loss", "brier", "accuracy", "calibration"),
        "regression": ("squared_error", "absolute_error", "r2"),
    }
)
"""The metrics of each kind of problem; the first is the primary one unless the study says otherwise."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What can be reached on one metric without learning, and what cannot be passed however long one learns.

    chance:        a predictor that knows nothing: equal probabilities; for regression, the best constant
    best_constant: the best prediction that ignores the inputs
    bayes:         the best prediction possible, scored on targets as noisy as the data; None where unknown
    """

    metric: str
    chance: float
    best_constant: float
    bayes: float | None
