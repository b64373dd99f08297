"""The step of RMSprop."""

import torch
from torch.optim import RMSprop

from etude.engine.microscope.updates.moved import SCALE, Apart, Moved, common_factors

OPTIMIZER = RMSprop


def update(moved: Moved) -> Apart:
    """−η (μ M + G / (√v + ε)), for the whole gradient G and what momentum remembers, M.

    v is the running mean of G², with `centered` less the square of that of G. Source: Hinton (2012), lecture 6e;
    centred: Graves (2013), arXiv:1308.0850, equations 38 to 45, with ε outside the root as torch has it.
    """
    rate, smoothing, momentum = (moved.setting(name) for name in ("lr", "alpha", "momentum"))
    gradient, nothing = moved.whole_gradient, 0 * moved.weights
    squares = smoothing * moved.state.get("square_avg", nothing) + (1 - smoothing) * gradient * gradient
    if moved.settings["centered"]:
        mean = torch.lerp(moved.state.get("grad_avg", nothing), gradient, 1 - smoothing)
        squares = squares - mean * mean
    scale = 1 / (squares.sqrt() + moved.setting("eps"))
    parts = moved.gradient_parts(-rate * scale)
    if momentum:
        parts["momentum memory"] = -rate * momentum * moved.state.get("momentum_buffer", nothing)
    return Apart(parts, {**common_factors(moved), SCALE: scale})
