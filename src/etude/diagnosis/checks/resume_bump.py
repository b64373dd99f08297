"""The loss jumps to a worse level at one moment, as when a job goes on with only a part of its state."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case, badness
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import learning_rate, smoothed
from etude.diagnosis.saying import amount, figure, percent, when
from etude.numerics.trends import roughness
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "resume bump"
LEAST_POINTS = 24
AROUND = 7
"""Points before and after, whose medians are compared: a single spike moves neither."""

ABOVE_NOISE = 8.0
"""Standard deviations of the noise that the jump must exceed, at the place where it is largest of all."""

OF_FALL = 0.2
"""The jump as a share of what had been learned before it."""

AT_ONCE = 0.6
"""Share of the jump that happens from one point to the next: a restart is sudden, a divergence grows."""


@dataclass(frozen=True, slots=True)
class _Jump:
    place: int
    size: float
    noise: float
    share: float


def look(case: Case) -> Seen:
    """A sudden step up in the level of the training series, in what fell before it."""
    if case.train is None or case.train.values.size < LEAST_POINTS:
        return NotRun(SYMPTOM, f"it needs a training series of at least {LEAST_POINTS} points")
    if smoothed(case):
        return NotRun(
            SYMPTOM, f"{case.run.provenance['train is']} is smoothed, as its name says: it needs the raw series"
        )
    values = badness(case, case.train)
    if not np.isfinite(values).all():
        return None
    jump = _largest(values)
    return None if jump is None else _finding(case, case.train, jump)


def _largest(values: NDArray[np.float64]) -> _Jump | None:
    windows = np.median(np.lib.stride_tricks.sliding_window_view(values, AROUND), axis=1)
    rises = windows[AROUND:] - windows[:-AROUND]
    sudden = np.diff(values)[AROUND - 1 : AROUND - 1 + rises.size]
    candidates = np.where(sudden >= AT_ONCE * rises, rises, -np.inf)
    i = int(candidates.argmax())
    size, noise = float(rises[i]), roughness(values)
    learned = float(values[: i + AROUND].max() - windows[i])
    if not np.isfinite(candidates[i]) or size <= max(ABOVE_NOISE * noise, OF_FALL * learned) or learned <= 0:
        return None
    return _Jump(i + AROUND, size, noise, size / learned)


def _finding(case: Case, train: Curve, jump: _Jump) -> Finding:
    step, before = int(train.steps[jump.place]), int(train.steps[jump.place - 1])
    warm, known = _rate_rose(case, before, step), _restarted(case, train, jump.place)
    ratio = f", {figure(jump.size / jump.noise)} times its noise" if jump.noise > 0 else ""
    return Finding(
        SYMPTOM,
        f"Between {when(case, before)} and {when(case, step)} the training {'score' if case.higher else 'loss'} gets "
        f"worse by {amount(jump.size, train.unit)} at once{ratio}, and stays there at first: {percent(jump.share)} of "
        "what had been learned.",
        "note" if warm else "warning",
        0.9 if known else 0.4 if warm else 0.6,
        (
            Measured("jump of the level", jump.size, train.unit),
            Measured("standard deviation of the noise", jump.noise, train.unit),
        ),
        (Place(train.name, before, step),),
        _causes(warm=warm),
        ("save and restore optimiser, schedule, random state and place in the data along with the weights",),
        Prediction("restore all state", "jump of the training loss", "falls", 0.8 * jump.size, jump.size, train.unit),
    )


def _rate_rose(case: Case, before: int, step: int) -> bool:
    rate = learning_rate(case)
    return rate is not None and rate.steps[0] <= before and rate.at(step) > 1.2 * rate.at(before)


def _restarted(case: Case, train: Curve, place: int) -> bool:
    """Whether the log itself tells of a restart: a note of its reader, or a gap in the steps just here."""
    gaps = np.diff(train.steps)
    return bool(gaps[place - 1] != np.median(gaps)) or any("resumed" in note for note in case.run.notes)


def _causes(*, warm: bool) -> tuple[Cause, ...]:
    state = Cause(
        "a job that went on with its weights but without the optimiser's state",
        "whether the job was restarted here; an uninterrupted run has no such jump",
    )
    rate = Cause("a schedule that started anew and raised the learning rate", "the learning rate at this moment")
    data = Cause("other data, or another loss, from here on", "what changed in the job at this moment")
    thrown = Cause("one huge gradient that threw the weights off", "the gradient's norm at this moment")
    return (rate, state, thrown, data) if warm else (state, thrown, data, rate)


CHECK = RunCheck(SYMPTOM, look)
