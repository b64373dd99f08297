"""Two interleaved half circles, blurred."""

import numpy as np

from etude.data.source import Floats, Source, arc_posterior, normal


def arc(position: Floats, label: Floats | float) -> Floats:
    """Points at `position` (from 0 to 1 along the arc; shape (rows,)) of the half circle of class `label`."""
    angle, lower = np.pi * position, np.asarray(label)
    x1 = np.cos(angle) * (1 - 2 * lower) + lower
    x2 = np.sin(angle) * (1 - 2 * lower) + 0.5 * lower
    return np.stack([x1, x2], axis=1)


def draw(uniforms: Floats, noise: float) -> tuple[Floats, Floats]:
    """The first uniform picks the half circle, the second the position along it, the other two blur it."""
    label = (uniforms[:, 0] < 0.5).astype(np.float64)
    return arc(uniforms[:, 1], label) + noise * normal(uniforms[:, 2:]), label


def truth(inputs: Floats, noise: float) -> Floats:
    """P(y = 1 | x), by quadrature along both half circles."""
    return arc_posterior(inputs, arc, length=np.pi, noise=noise)


SOURCE = Source(
    name="moons",
    says="two interleaved half circles of radius 1, one a class, blurred by normal noise",
    kind="binary",
    draw=draw,
    truth=truth,
    spread=0.7,
    from_noise=2,
    noise=0.2,
    least_noise=0.02,
)
