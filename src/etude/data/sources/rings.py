"""A ring: class 1 surrounds a disc of class 0 and is surrounded by it."""

import numpy as np

from etude.data.source import Floats, Source, region_draw

INNER, OUTER = -2 * np.log(0.75), -2 * np.log(0.25)
"""Squared radii that a quarter of the rows fall within and beyond: |x|² is exponential with mean 2."""


def truth(inputs: Floats, _noise: float) -> Floats:
    """1 in the ring that holds the middle half of all rows."""
    squared = inputs[:, 0] ** 2 + inputs[:, 1] ** 2
    return np.where((squared > INNER) & (squared < OUTER), 1.0, 0.0)


SOURCE = Source(
    name="rings",
    says="inputs N(0, 1); 1 in the ring around the origin that holds the middle half of all rows",
    kind="binary",
    draw=region_draw(1.0, truth),
    truth=truth,
)
