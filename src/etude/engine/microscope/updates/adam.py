"""The step of Adam and AdamW."""

import math

import torch
from torch import Tensor
from torch.optim import Adam

from etude.engine.microscope.updates.moved import SCALE, Apart, Moved, common_factors

OPTIMIZER = Adam


def update(moved: Moved) -> Apart:
    """−η m̂ / (√v̂ + ε), and −η λ w beside it where the decay is decoupled.

    For the whole gradient G at step t: m = β₁ M + (1 − β₁) G, m̂ = m / (1 − β₁ᵗ), and likewise v̂ of G², with `amsgrad`
    of the largest v so far. "Momentum memory" is β₁ M; "bias correction" is what dividing by 1 − β₁ᵗ adds to all parts
    before it, their sum times β₁ᵗ / (1 − β₁ᵗ). That of v is within v̂.
    Source: Kingma and Ba (2015), arXiv:1412.6980, algorithm 1; Loshchilov and Hutter (2019), arXiv:1711.05101,
    algorithm 2; Reddi et al. (2018), arXiv:1904.09237, algorithm 2, corrected as torch does it.
    """
    rate, (first, second) = moved.setting("lr"), (float(beta) for beta in moved.settings["betas"])
    scale = 1 / (_root(moved, second) + moved.setting("eps"))
    parts = moved.gradient_parts(-rate * (1 - first) * scale)
    parts["momentum memory"] = -rate * scale * first * moved.state.get("exp_avg", 0 * moved.weights)
    uncorrected = Apart(parts, {}).total
    correction = 1 / (1 - first**moved.count)
    parts["bias correction"] = (correction - 1) * uncorrected
    if moved.settings.get("decoupled_weight_decay") and moved.setting("weight_decay"):
        parts["decoupled decay"] = -rate * moved.setting("weight_decay") * moved.weights
    corrections = {"bias correction of m": correction, "bias correction of v": 1 / (1 - second**moved.count)}
    return Apart(parts, {**common_factors(moved), SCALE: scale, **corrections})


def _root(moved: Moved, second: float) -> Tensor:
    """√v̂; the largest v so far is of the uncorrected ones, as in torch."""
    gradient, nothing = moved.whole_gradient, 0 * moved.weights
    squares = second * moved.state.get("exp_avg_sq", nothing) + (1 - second) * gradient * gradient
    if moved.settings.get("amsgrad"):
        squares = torch.maximum(moved.state.get("max_exp_avg_sq", nothing), squares)
    return squares.sqrt() / math.sqrt(1 - second**moved.count)
