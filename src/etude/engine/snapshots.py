"""Small pictures of a trained model: its weights, what it predicts over a plane, its mistakes, what it looks at."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from etude.data.images import MIDDLE, REACH
from etude.data.splits import Splits
from etude.engine.attended import attended
from etude.engine.network import Network
from etude.engine.scoring import predictions, scored_rows

MOST_WEIGHTS = 20_000
"""Models with more parameters keep none of them in the run."""

GRID_POINTS = 41
"""Points along each input: odd, so that one is in the middle."""


MOST_MISTAKES = 12

MOST_CLASSES = 100
"""A problem of more classes keeps no confusion matrix."""

MOST_EXAMPLES, EXAMPLE_SIDE = 12, 32
"""Example images, each of another class, and pixels along a side: of a larger one every second is kept, or third."""

Arrays = dict[str, NDArray[Any]]


def snapshots(network: Network, splits: Splits, *, tested: NDArray[np.float32] | None = None) -> Arrays:
    """The weights of a small model, the surface of one with two inputs, mistakes of classes, what attention looks at.

    tested: raw outputs on the scored test rows, where they are known already

    "weights/<parameter>": as the model names it, in its own shape
    "decision/x1", "decision/x2": shape (41,), in the inputs' own units
    "decision/p": shape (41, 41), row i and column j at (x1[j], x2[i]): the probability of class 1, or a regression's
                  prediction in the target's unit; not for more than two classes
    "confusion/test": int64 of shape (classes, classes): scored test rows by true class and by likeliest class
    "mistakes/…": of images only, the wrong answers given with the largest probability, worst first: "images", uint8
                  pixels of shape (n, channels, height, width); "truth" and "said", class numbers; "p"
    "examples/…": of images only, the first test image of each class, with the same four arrays
    "attention/…": of a transformer only, as `attended` says
    """
    made: Arrays = {}
    if network.n_parameters <= MOST_WEIGHTS:
        made |= {f"weights/{name}": _frozen(values) for name, values in network.weights()}
    if len(splits.features) == 2 and splits.kind != "multiclass":
        x1, x2 = (central_range(column) for column in splits.train.inputs.T)
        surface = _surface(network, splits, x1, x2)
        made |= {"decision/x1": _frozen(x1), "decision/x2": _frozen(x2), "decision/p": _frozen(surface)}
    return made | mistakes(network, splits, tested) | attended(network, splits)


def mistakes(network: Network, splits: Splits, tested: NDArray[np.float32] | None = None) -> Arrays:
    """What a model of several classes takes for what, on the scored test rows; of images, examples beside it."""
    classes = len(splits.classes)
    if splits.kind != "multiclass" or splits.test is None or splits.each_position or classes > MOST_CLASSES:
        return {}
    chosen = scored_rows(splits)["test"]
    rows = np.arange(len(splits.test.targets)) if chosen is None else chosen
    truth = splits.test.targets[rows].astype(np.int64)
    outputs = predictions(network.outputs_by_split()["test"] if tested is None else tested, splits)
    if not np.isfinite(outputs).all():
        return {}
    said = outputs.argmax(axis=1)
    counts = np.bincount(truth * classes + said, minlength=classes**2).reshape(classes, classes)
    made: Arrays = {"confusion/test": counts.astype(np.int64)}
    if len(splits.form) == 3:
        made |= _pictures(rows, truth, outputs, splits)
    for array in made.values():
        array.setflags(write=False)
    return made


def _pictures(
    rows: NDArray[np.int64], truth: NDArray[np.int64], outputs: NDArray[np.float64], splits: Splits
) -> Arrays:
    """The worst mistakes, and an example of each class, among scored rows of which truth and outputs are known."""
    assert splits.test is not None
    said = outputs.argmax(axis=1)
    p = softmax(outputs, axis=1)[np.arange(len(said)), said]
    worst = np.argsort(np.where(said == truth, 2.0, -p), kind="stable")[:MOST_MISTAKES]
    worst = worst[said[worst] != truth[worst]]
    first = np.unique(truth, return_index=True)[1][:MOST_EXAMPLES]
    made: Arrays = {}
    for name, shown in (("mistakes", worst), ("examples", first)):
        made |= {f"{name}/images": _pixels(splits.test.inputs[rows[shown]], splits.form)}
        made |= {f"{name}/truth": truth[shown], f"{name}/said": said[shown], f"{name}/p": p[shown].astype(np.float32)}
    every = -(-max(splits.form[1:]) // EXAMPLE_SIDE)
    return made | {"examples/images": made["examples/images"][:, :, ::every, ::every]}


def _pixels(inputs: NDArray[np.float32], form: tuple[int, ...]) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = np.rint(inputs * REACH + MIDDLE).astype(np.uint8)
    return pixels.reshape(-1, *form)


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
