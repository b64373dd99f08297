"""The learner's task: a wavy checkerboard from a sine and a cosine."""

import numpy as np

from etude.data.source import Floats, Source, region_draw

SPREAD = 3.0


def truth(inputs: Floats, _noise: float) -> Floats:
    """1 where sin(x1) + cos(x2) is above 0."""
    return np.where(np.sin(inputs[:, 0]) + np.cos(inputs[:, 1]) > 0, 1.0, 0.0)


SOURCE = Source(
    name="sincos",
    says="inputs N(0, 3²); 1 where sin(x1) + cos(x2) > 0",
    kind="binary",
    draw=region_draw(SPREAD, truth),
    truth=truth,
    spread=SPREAD,
)
