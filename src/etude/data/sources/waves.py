"""The learner's surface as a regression: the height itself, with noise of known size."""

import numpy as np

from etude.data.source import Floats, Source, normal

SPREAD = 3.0


def truth(inputs: Floats, _noise: float) -> Floats:
    """E[y | x] = sin(x1) + cos(x2)."""
    return np.asarray(np.sin(inputs[:, 0]) + np.cos(inputs[:, 1]))


def draw(uniforms: Floats, noise: float) -> tuple[Floats, Floats]:
    """Two uniforms make the inputs, the third the noise."""
    inputs = SPREAD * normal(uniforms[:, :2])
    return inputs, truth(inputs, noise) + noise * normal(uniforms[:, 2])


SOURCE = Source(
    name="waves",
    says="inputs N(0, 3²); y = sin(x1) + cos(x2) + normal noise",
    kind="regression",
    draw=draw,
    truth=truth,
    spread=SPREAD,
    from_noise=1,
    noise=0.1,
)
