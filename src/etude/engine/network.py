"""A network as every engine shows it to what scores it and draws it."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Network(Protocol):
    """A network as it stands, in evaluation mode."""

    @property
    def n_parameters(self) -> int:
        """How many numbers are trained."""

    def outputs(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw outputs, shape (rows, outputs), of inputs of shape (rows, features)."""

    def outputs_by_split(self) -> Mapping[str, NDArray[np.float32]]:
        """Raw outputs on every part of the rows, which the engine has at hand, each of shape (rows, outputs)."""

    def weights(self) -> Iterable[tuple[str, NDArray[np.float32]]]:
        """Every parameter with its name."""
