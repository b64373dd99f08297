"""The loss repeats itself every epoch: the same examples come in the same order."""

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case, badness
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.saying import axis, figure
from etude.numerics.trends import MAD_TO_SD, autocorrelation, running_median
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "data order"
LEAST_PER_EPOCH, LEAST_EPOCHS = 6, 4
"""Training points an epoch and epochs; with fewer an epoch's course cannot be told from noise."""

ALIKE, SIGMAS = 0.25, 4.0
"""Autocorrelation at an epoch's length above that at other lengths, and the standard errors it must exceed."""


def look(case: Case) -> Seen:
    """The autocorrelation of the training loss at a lag of one epoch, against lags of a part of one."""
    lag = _points_an_epoch(case)
    if case.train is None or lag is None:
        need = f"it needs the loss of single steps, {LEAST_PER_EPOCH} or more an epoch over {LEAST_EPOCHS} epochs"
        return NotRun(SYMPTOM, f"{need}, and a validation at the end of each")
    values = badness(case, case.train)
    if not np.isfinite(values).all():
        return None
    alike, error = _repetition(values, lag)
    if alike < max(ALIKE, SIGMAS * error):
        return None
    return _finding(case, case.train, lag, (alike, error))


def _points_an_epoch(case: Case) -> int | None:
    """Training points between two validations, where both are evenly spaced; these are taken for the epochs' ends."""
    if (
        case.train is None
        or case.validation is None
        or case.validation.steps.size < LEAST_EPOCHS
        or axis(case) != "step"
    ):
        return None
    often, seldom = (np.diff(one.steps) for one in (case.train, case.validation))
    if not often.size or np.ptp(seldom[:-1]) > 0 or (often != np.median(often)).mean() > 0.05:
        return None
    lag = float(np.median(seldom)) / float(np.median(often))
    whole = round(lag)
    enough = whole >= LEAST_PER_EPOCH and whole * LEAST_EPOCHS <= case.train.steps.size
    return whole if enough and abs(lag - whole) < 1e-9 else None


def _repetition(values: NDArray[np.float64], lag: int) -> tuple[float, float]:
    """Autocorrelation at the lag less the median of that at lags from half to one and a half of it, and its error."""
    course = running_median(values, 2 * lag + 1)
    rest = (values - course)[min(lag, values.size // 4) :]
    spread = 3 * MAD_TO_SD * float(np.median(np.abs(rest - np.median(rest))))
    rest = np.clip(rest - np.median(rest), -spread, spread)
    others = [other for other in range(lag - lag // 2, lag + lag // 2 + 1) if abs(other - lag) > lag // 8]
    beside = float(np.median([autocorrelation(rest, other) for other in others]))
    return autocorrelation(rest, lag) - beside, float(1 / np.sqrt(rest.size))


def _finding(case: Case, train: Curve, lag: int, measured: tuple[float, float]) -> Finding:
    alike, error = measured
    period = int(lag * np.median(np.diff(train.steps)))
    return Finding(
        SYMPTOM,
        f"The training {'score' if case.higher else 'loss'} repeats itself every {period:,} steps, once an epoch: "
        f"losses an epoch apart resemble each other by {figure(alike)} more than others do. The same examples seem to "
        "come in the same order each time.",
        "warning",
        0.85 if alike > 0.5 else 0.65,
        (
            Measured("autocorrelation at one epoch, above that at other lags", alike, "", alike - 2 * error,
                     alike + 2 * error),
            Measured("length of the repetition", float(period), "steps"),
        ),
        (Place(train.name, int(train.steps[0]), int(train.steps[-1])),),
        (
            Cause("examples that are not shuffled", "the same with a fresh order each epoch: the repetition vanishes"),
            Cause("examples sorted by class or by time", "the targets of the first batches"),
            Cause("a last batch that is small or odd", "where within the epoch the loss stands out"),
            Cause("a learning rate that follows the epoch", "the learning rate's curve"),
        ),
        ("shuffle the examples anew each epoch",),
        Prediction("shuffle the examples anew each epoch", "autocorrelation at one epoch", "falls", 0.7 * alike, alike),
    )  # fmt: skip


CHECK = RunCheck(SYMPTOM, look)
