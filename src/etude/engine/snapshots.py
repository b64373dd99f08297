"""Small pictures of a trained model: its weights, and what it predicts over the plane of two inputs."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from etude.data.splits import Splits
from etude.engine.network import Network
from etude.engine.scoring import predictions

MOST_WEIGHTS = 20_000
"""Models with more parameters keep none of them in the run."""

GRID_POINTS = 41
"""Points along each input: odd, so that one is in the middle."""


def snapshots(network: Network, splits: Splits) -> dict[str, NDArray[np.float32]]:
    """The weights of a small model, and the decision surface of one with two inputs.

    "weights/<parameter>": as the model names it, in its own shape
    "decision/x1", "decision/x2": shape (41,), in the inputs' own units
    "decision/p": shape (41, 41), row i and column j at (x1[j], x2[i]): the probability of class 1, or a regression's
                  prediction in the target's unit; not for more than two classes
    """
    made: dict[str, NDArray[np.float32]] = {}
    if network.n_parameters <= MOST_WEIGHTS:
        made |= {f"weights/{name}": _frozen(values) for name, values in network.weights()}
    if len(splits.features) == 2 and splits.kind != "multiclass":
        x1, x2 = (central_range(column) for column in splits.train.inputs.T)
        surface = _surface(network, splits, x1, x2)
        made |= {"decision/x1": _frozen(x1), "decision/x2": _frozen(x2), "decision/p": _frozen(surface)}
    return made


def central_range(column: NDArray[np.float32]) -> NDArray[np.float64]:
    """Points over mean ± 3 standard deviations, rounded so that replicates of one task share them.

    The half width is rounded to one significant digit, the middle to a tenth of it.

    >>> central_range(np.array([-2.9, 3.1], dtype=np.float32))[[0, 20, 40]].tolist()
    [-9.0, 0.0, 9.0]
    """
    half = float(f"{3 * float(column.std()) or 1.0:.0e}")
    middle = round(float(column.mean()) / (half / 10)) * (half / 10)
    return np.linspace(middle - half, middle + half, GRID_POINTS)


def _surface(network: Network, splits: Splits, x1: NDArray[np.float64], x2: NDArray[np.float64]) -> NDArray[np.float64]:
    grid = np.stack(np.meshgrid(x1, x2), axis=-1).reshape(-1, 2).astype(np.float32)
    heights = predictions(network.outputs(grid), splits).reshape(GRID_POINTS, GRID_POINTS)
    return heights if splits.kind == "regression" else np.asarray(expit(heights), dtype=np.float64)


def _frozen(array: NDArray[np.floating]) -> NDArray[np.float32]:
    copied = np.array(array, dtype=np.float32)
    copied.setflags(write=False)
    return copied
