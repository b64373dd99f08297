"""Two spirals: arms of one and a half turns each, one rotated by half a turn against the other."""

import numpy as np

from etude.data.source import Floats, Source, arc_posterior, normal

TURNS = 1.5
RADIUS = 2.0
START = 0.2
"""The share of the radius at which an arm begins; nearer the centre the two would be one."""
LENGTH = 10.0
"""More than the length of an arm, which is 9.2."""


def arm(position: Floats, label: Floats | float) -> Floats:
    """Points at `position` (from 0, the inner end, to 1, the outer; shape (rows,)) of the arm of class `label`."""
    turned = np.sqrt(START**2 + (1 - START**2) * position)  # length grows with the square of the angle
    angle = 2 * np.pi * TURNS * turned + np.pi * np.asarray(label)
    return np.stack([RADIUS * turned * np.cos(angle), RADIUS * turned * np.sin(angle)], axis=1)


def draw(uniforms: Floats, noise: float) -> tuple[Floats, Floats]:
    """The first uniform picks the arm, the second the position along it, the other two blur it."""
    label = (uniforms[:, 0] < 0.5).astype(np.float64)
    return arm(uniforms[:, 1], label) + noise * normal(uniforms[:, 2:]), label


def truth(inputs: Floats, noise: float) -> Floats:
    """P(y = 1 | x), by quadrature along both arms."""
    return arc_posterior(inputs, arm, length=LENGTH, noise=noise)


SOURCE = Source(
    name="spirals",
    says="two spiral arms of 1.5 turns and radius 2, one a class, blurred by normal noise",
    kind="binary",
    draw=draw,
    truth=truth,
    from_noise=2,
    noise=0.15,
    least_noise=0.02,
)
