"""The arrays of one replicate: training, validation and, where there is one, test part."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.values.metric import Kind
from etude.values.sizes import Sizes


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some rows.

    inputs:  shape (rows, features), float32, scaled and encoded as the training part says; images and sequences lie
             flat, in row-major order, and a sequence that ends early is filled up with NaN
    targets: binary: shape (rows,), 0 or 1, or, where the task knows it, the probability of 1 (scores are then
             expectations over label noise); multiclass: shape (rows,), class numbers from 0, or, where every position
             is asked, shape (rows, positions); regression: shape (rows,), in the user's own unit
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
    form:           of one example: (channels, height, width), (positions, channels), or of a text (positions,); empty:
                    a row of a table
    characters:     how many different ones a text is made of; 0 for what is not text
    each_position:  whether every position is asked, as of a text that is to be continued
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
    form: tuple[int, ...] = ()
    characters: int = 0
    each_position: bool = False

    def sizes(self, outputs: int) -> Sizes:
        """What a network of so many raw outputs must take in and give out."""
        return Sizes(self.form or self.train.inputs.shape[1:], outputs, self.characters, self.each_position)

    def parts(self) -> dict[str, Part]:
        """The parts that exist, by split name, in the order train, validation, test."""
        found: dict[str, Any] = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in found.items() if part is not None}
