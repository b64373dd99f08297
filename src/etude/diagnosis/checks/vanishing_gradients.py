"""Gradients that fade on their way to the first layers, so that these hardly learn."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import layers
from etude.diagnosis.saying import figure
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "vanishing gradients"
RATIO = 0.03
"""First layer's gradient norm over the last's. Healthy networks of four layers have 0.5 to 12 on étude's tasks."""

WORSE = 1e-3
"""From here on the first layers stand still at any usual learning rate of SGD."""

LEAST_LAYERS = 3


def look(case: Case) -> Seen:
    """The gradient norm of the first layer against that of the last, as the median over the samples."""
    norms = layers(case, "gradient_norm")
    if len(norms) < LEAST_LAYERS:
        need = f"it needs gradient norms of at least {LEAST_LAYERS} layers with weights; record them with etude.watch"
        return NotRun(SYMPTOM, need)
    first, last = (norms[name] for name in (next(iter(norms)), list(norms)[-1]))
    ratios = _ratios(first, last)
    if not ratios.size or np.median(ratios) >= RATIO:
        return None
    return _finding(norms, ratios)


def _ratios(first: Curve, last: Curve) -> NDArray[np.float64]:
    shared, mine, theirs = np.intersect1d(first.steps, last.steps, return_indices=True)
    above, below = first.values[mine], last.values[theirs]
    usable = np.isfinite(above) & np.isfinite(below) & (above >= 0) & (below > 0)
    return np.asarray(above[usable] / below[usable], dtype=np.float64) if shared.size else np.empty(0)


def _finding(norms: Mapping[str, Curve], ratios: NDArray[np.float64]) -> Finding:
    names, ratio = list(norms), float(np.median(ratios))
    low, high = (float(np.quantile(ratios, q)) for q in (0.1, 0.9))
    gain = ratio ** (1 / (len(names) - 1))
    first = norms[names[0]]
    return Finding(
        SYMPTOM,
        f"The gradient of {names[0]} is {figure(ratio)} times that of {names[-1]} (80 % of samples: {figure(low)} to "
        f"{figure(high)}): on its way back it shrinks to {figure(gain)} per layer, and the first layers hardly learn.",
        "error" if ratio < WORSE else "warning",
        0.85 if ratio < WORSE else 0.6,
        (
            Measured(f"gradient norm of {names[0]} over that of {names[-1]}", ratio),
            Measured("what is left of a gradient per layer", gain),
            Measured("layers with weights", float(len(names))),
        ),
        (Place(first.name, int(first.steps[0]), int(first.steps[-1])),),
        (
            Cause(
                "sigmoid or tanh in many layers: their slope is at most 0.25 and 1, and 0 where they are flat",
                "ReLU in their place; the share of saturated units in each layer",
            ),
            Cause("initial weights that are too small", "He or Xavier initialisation: the ratio at the first sample"),
            Cause("dead units in between", "the share of dead units in each layer"),
        ),
        ("ReLU or GELU in place of sigmoid or tanh", "residual connections", "a norm layer", "Adam in place of SGD"),
        Prediction(
            "ReLU with He initialisation in place of the present activation",
            "gradient norm of the first layer over that of the last",
            "rises",
            0.05,
            10.0,
        ),
    )


CHECK = RunCheck(SYMPTOM, look)
