"""The arrays of one replicate: training, validation and, where there is one, test part."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.values.metric import Kind


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some rows.

    inputs:  shape (rows, features), float32, scaled and encoded as the training part says
    targets: binary: shape (rows,), 0 or 1, or, where the task knows it, the probability of 1 (scores are then
             expectations over label noise); multiclass: shape (rows,), class numbers from 0;
             regression: shape (rows,), in the user's own unit
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """What one replicate learns from and is scored on.

    kind:           what is predicted
    classes:        the label of each class, in class order; empty for regression
    features:       the name of each input column
    target_center, target_scale: mean and standard deviation of the training targets of a regression (0 and 1
                    otherwise); networks are trained on (target − center) / scale and scored in the target's unit
    checksum:       sha256 of every array
    notes:          what was dropped, filled in or encoded, for people
    """

    train: Part
    validation: Part
    test: Part | None
    kind: Kind
    classes: tuple[str, ...]
    features: tuple[str, ...]
    target_center: float
    target_scale: float
    checksum: str
    notes: tuple[str, ...] = ()

    def parts(self) -> dict[str, Part]:
        """The parts that exist, by split name, in the order train, validation, test."""
        found: dict[str, Any] = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in found.items() if part is not None}
