"""The validation loss is below the training loss, all along."""

from dataclasses import dataclass

import numpy as np

from etude.diagnosis.case import Case, badness
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import setting
from etude.diagnosis.saying import amount, percent
from etude.numerics.trends import NORMAL_975
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "validation better"
LEAST_POINTS = 6
OFTEN = 0.8
"""Share of the points of the second half at which validation is better."""

BEYOND = 2.5
"""Standard errors of the validation loss that the gap must exceed where they are known."""

MUCH = 0.1
"""The gap as a share of the training value; less is what an easy draw of some hundred validation examples gives."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """Training minus validation, such that above 0 validation is better.

    half:  medians over the second half: the gap itself, and that left when the training means of an epoch are moved
           to the epoch's end
    share: of points at which validation is better
    level: what the gap is a share of
    """

    first: int
    last: int
    size: float
    moved: float
    share: float
    level: float


def look(case: Case) -> Seen:
    """Both judged series at the validation's points, over the second half of training."""
    gap = _gap(case)
    if gap is None:
        return NotRun(SYMPTOM, f"it needs training and validation series with {LEAST_POINTS} points in common")
    if gap.share < OFTEN or gap.size <= MUCH * gap.level:
        return None
    error = _error(case)
    if error is not None and gap.size < BEYOND * error:
        return None
    return _finding(case, gap, error)


def _gap(case: Case) -> _Gap | None:
    if case.train is None or case.validation is None:
        return None
    train, held = badness(case, case.train), badness(case, case.validation)
    steps = case.validation.steps
    inside = (steps >= case.train.steps[0]) & (steps <= case.train.steps[-1]) & np.isfinite(held)
    if not np.isfinite(train).all() or inside.sum() < LEAST_POINTS:
        return None
    at, held = steps[inside].astype(np.float64), held[inside]
    half = slice(at.size // 2, None)
    spacing = float(np.median(np.diff(case.train.steps))) if case.train.steps.size > 1 else 0.0
    beside = np.interp(at, case.train.steps, train)[half]
    later = np.interp(at + spacing / 2, case.train.steps, train)[half]
    gaps = beside - held[half]
    return _Gap(
        int(at[half][0]),
        int(at[-1]),
        float(np.median(gaps)),
        float(np.median(later - held[half])),
        float((gaps > 0).mean()),
        abs(float(np.median(beside))),
    )


def _error(case: Case) -> float | None:
    """The standard error of the validation series over its examples, told from that of a loss of the same kind.

    Where the unit is another, such as variances of the target, its share of the value is the same.
    """
    scored = case.run.curves.get("validation/log_loss", case.run.curves.get("validation/squared_error"))
    if scored is None or scored.standard_errors is None or case.validation is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = scored.standard_errors / np.abs(scored.values)
    known = shares[np.isfinite(shares)]
    level = abs(float(np.median(case.validation.values[case.validation.values.size // 2 :])))
    return level * float(np.median(known[known.size // 2 :])) if known.size else None


def _finding(case: Case, gap: _Gap, error: float | None) -> Finding:
    assert case.train is not None
    assert case.validation is not None
    word, unit = "score" if case.higher else "loss", case.train.unit
    interval = (None, None) if error is None else (gap.size - NORMAL_975 * error, gap.size + NORMAL_975 * error)
    better = "above" if case.higher else "below"
    return Finding(
        SYMPTOM,
        f"The validation {word} is {better} the training {word} at {percent(gap.share)} of the points of the second "
        f"half, by {amount(gap.size, unit)} ({percent(gap.size / gap.level)}). Mostly both are not measured alike.",
        "note",
        0.7 if gap.share > 0.95 else 0.5,
        (
            Measured("training minus validation" if not case.higher else "validation minus training", gap.size, unit,
                     *interval),
            Measured("the same with epochs' means moved to the epoch's end", gap.moved, unit),
            Measured("points with validation better", 100 * gap.share, "%"),
        ),
        (Place(case.validation.name, gap.first, gap.last),),
        _causes(case, gap),
        ("measure the training part as the validation part is: in evaluation mode, without penalty, at the same step",),
        Prediction(
            "measure the training part in evaluation mode at the same step",
            f"gap between training and validation {word}",
            "falls",
            0.5 * gap.size,
            1.5 * gap.size,
            unit,
        ),
    )  # fmt: skip


def _causes(case: Case, gap: _Gap) -> tuple[Cause, ...]:
    dropout = Cause(
        "dropout or augmentation that makes training examples harder than validation ones",
        "the training part scored in evaluation mode",
    )
    shift = Cause(
        "a training loss that is the mean over an epoch, while the network became better within it",
        "the training part scored at the end of the epoch; moving it half an epoch leaves "
        f"{percent(max(gap.moved, 0) / gap.size)} of the gap",
    )
    penalty = Cause("a penalty that is part of the training loss alone", "the loss without the penalty")
    easy = Cause("a validation part that is easier, or small and lucky", "another split, or k-fold")
    leak = Cause("validation examples that are also in the training part", "equal rows in both parts")
    moved = gap.moved < 0.5 * gap.size
    if case.recipe is None:
        return (shift, dropout, penalty, easy, leak) if moved else (dropout, penalty, easy, shift, leak)
    dropped = bool(setting(case, "model.dropout")) or case.recipe.augment is not None
    known = ((dropout,) if dropped else ()) + ((shift,) if moved else ())
    return (*known, easy, leak)


CHECK = RunCheck(SYMPTOM, look)
