"""Exclusive or: the smallest pattern that no line separates."""

import numpy as np

from etude.data.source import Floats, Source, region_draw


def truth(inputs: Floats, _noise: float) -> Floats:
    """1 where exactly one of x1 and x2 is positive."""
    return np.where((inputs[:, 0] > 0) != (inputs[:, 1] > 0), 1.0, 0.0)


SOURCE = Source(
    name="xor",
    says="inputs N(0, 1); 1 where exactly one of x1 and x2 is positive",
    kind="binary",
    draw=region_draw(1.0, truth),
    truth=truth,
)
