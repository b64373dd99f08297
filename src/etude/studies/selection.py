"""What treatments are chosen by: validation scores, without the luck of an epoch that was chosen on them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from etude.values.curve import Curve
from etude.values.metric import Split
from etude.values.run import Run

Floats = NDArray[np.float64]
SPLIT: Split = "validation"
OBJECTIVE = "validation/objective"


def selection_scores(runs: Sequence[Run], metric: str, *, stops_early: bool) -> Floats:
    """The validation score of each replicate, shape (n,); NaN where one diverged.

    A run that stops early keeps the epoch that was best on its own validation part, and its score there is too good:
    noise chose it. Such a run is scored at the epoch that is best on average over the other replicates instead.
    """
    if not stops_early or len(runs) < 2:
        return np.array([run.score(metric, SPLIT) for run in runs])
    return np.array([_at_the_others_best(runs, i, metric) for i in range(len(runs))])


def _at_the_others_best(runs: Sequence[Run], i: int, metric: str) -> float:
    if runs[i].ended == "diverged":
        return float("nan")
    others = [run.curve(OBJECTIVE) for j, run in enumerate(runs) if j != i and run.ended != "diverged"]
    step = _best_step(others) if others else runs[i].kept_step
    return runs[i].curve(f"{SPLIT}/{metric}").at(max(step, int(runs[i].curve(f"{SPLIT}/{metric}").steps[0])))


def _best_step(curves: Sequence[Curve]) -> int:
    """Where the mean of the curves is lowest; each goes on at its lowest value after its end, which it keeps."""
    steps = np.unique(np.concatenate([one.steps for one in curves]))
    mean = np.mean([_held(one, steps) for one in curves], axis=0)
    return int(steps[int(np.argmin(mean))])


def _held(one: Curve, steps: NDArray[np.int64]) -> Floats:
    values = np.interp(steps, one.steps, one.values)
    return np.where(steps > one.steps[-1], np.nanmin(one.values), values)
