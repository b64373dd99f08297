"""What is known of a run's problem, on the scale of what it is judged by: chance, best constant, best possible."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from etude.diagnosis.case import case_of
from etude.diagnosis.known import classes_of, limits_of
from etude.diagnosis.units import NATS, SQUARED, told_unit
from etude.values.run import Run

METRIC_OF: Mapping[str, str] = MappingProxyType({NATS: "log_loss", SQUARED: "brier", "share correct": "accuracy"})
"""The metric whose limits hold for an objective or a score in this unit."""


def levels(run: Run) -> tuple[tuple[str, float], ...]:
    """(words, value) of each level; without a recipe chance alone, where unit and number of classes can be told.

    >>> from etude.values.curve import curve
    >>> levels(Run("a", {"train/objective": curve("train/objective", [0, 10], [0.69, 0.4])}))
    (('chance', 0.6931471805599453),)
    """
    case, unit = case_of(run), told_unit(run)
    limit = limits_of(case).get(METRIC_OF.get(unit.name, ""))
    if limit is not None:
        known = (("chance", limit.chance), ("best constant", limit.best_constant), ("best possible", limit.bayes))
        return tuple({value: (words, value) for words, value in known if value is not None}.values())
    classes = classes_of(case) or unit.classes
    return (("chance", math.log(classes)),) if unit.name == NATS and classes else ()
