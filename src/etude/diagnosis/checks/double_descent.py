"""A peak between two valleys: more width, or more training, first hurts and then helps again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etude.diagnosis.case import Arm
from etude.diagnosis.check import ArmCheck, Seen, StudyCheck
from etude.diagnosis.differing import BUDGETS, WIDTHS, design_of, field_words, level_words, size
from etude.diagnosis.outcomes import (
    ADVICE,
    FEWEST,
    Floats,
    Judge,
    judge_of,
    mean_of,
    on_training,
    outcomes,
    replicated,
    tables,
)
from etude.diagnosis.saying import amount, figure, when
from etude.values.finding import Cause, Finding, NotRun, Place

SYMPTOM = "double descent"
LEVELS = 3
BLOCKS = 12
"""Equal stretches that a curve over epochs is cut into before its peak is looked for."""

MEMORISED = 0.1
"""Training loss at the peak, as a share of the largest one, below which the data are just fitted there."""

ALPHA = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Peak:
    """A level that is worse than one before it and one after it.

    before, at, after: positions of the levels
    rise, fall:        how much worse than the one before, and than the one after, in each replicate
    level:             of the simultaneous intervals that both exclude 0
    """

    before: int
    at: int
    after: int
    rise: Floats
    fall: Floats
    level: float


def look(arms: Sequence[Arm]) -> Seen:
    """Over widths, or numbers of epochs, of arms that differ in nothing else."""
    enough = replicated(arms)
    lines = _lines(enough) if len(enough) >= LEVELS else []
    judge = judge_of(enough) if lines else None
    if judge is None:
        need = f"it needs {LEVELS} arms that differ in width or in epochs alone, each of {FEWEST} replicates or more"
        return NotRun(SYMPTOM, f"{need}: {ADVICE}")
    for line in lines:
        along = [enough[i] for i in line.arms]
        table = _paired(along, judge)
        peak = peak_of(table, families=len(lines)) if table.shape[1] >= FEWEST else None
        if peak is not None:
            return _over_arms(along, judge, peak, line.labels)
    return None


def look_over_epochs(arm: Arm) -> Seen:
    """Over the epochs of one arm: its held-out curve rises and falls again in the mean over replicates."""
    if len(arm.cases) < FEWEST:
        return NotRun(SYMPTOM, f"it needs {FEWEST} replicates or more: {ADVICE}")
    judge = judge_of([arm])
    table = None if judge is None else tables(arm, judge.curve)
    if judge is None or table is None or table[0].size < 2 * BLOCKS:
        return NotRun(SYMPTOM, f"it needs a held-out curve of {2 * BLOCKS} points or more in every replicate")
    steps, values = table
    bad = (-values if judge.higher else values)[np.isfinite(values).all(axis=1)]
    if bad.shape[0] < FEWEST:
        return None
    places = np.array_split(np.arange(steps.size), BLOCKS)
    peak = peak_of(np.array([bad[:, place].mean(axis=1) for place in places]))
    if peak is None:
        return None
    first, last = (int(steps[places[i][0]]) for i in (peak.before, peak.after))
    labels = [when(arm.cases[0], int(steps[place[0]])) for place in places]
    return _finding(judge, peak, labels, (Place(judge.curve, first, last),), memorised=False, over="more training")


def peak_of(table: Floats, *, families: int = 1) -> Peak | None:
    """The highest peak whose rise and fall are both sure, of badness of shape (levels, replicates).

    All pairs of levels of all `families` that are looked at are tested at once (Bonferroni), so that a peak is found
    where there is none in at most 5 %.
    """
    from etude.numerics.intervals import student_t  # here, because it takes a while to load

    n = table.shape[0]
    alpha = ALPHA / families / (n * (n - 1) / 2)
    means = table.mean(axis=1)
    found: list[tuple[float, Peak]] = []
    for at in range(1, n - 1):
        before = int(means[:at].argmin())
        after = at + 1 + int(means[at + 1 :].argmin())
        rise, fall = table[at] - table[before], table[at] - table[after]
        if all(student_t(side).bounds(alpha)[0] > 0 for side in (rise, fall)):
            peak = Peak(before, at, after, rise, fall, 1 - alpha)
            found.append((min(float(rise.mean()), float(fall.mean())), peak))
    return max(found, key=lambda one: one[0])[1] if found else None


@dataclass(frozen=True, slots=True)
class _Line:
    """Arms that differ in one field alone, from its smallest level to its largest, and what each level is called."""

    arms: tuple[int, ...]
    labels: tuple[str, ...]


def _lines(arms: Sequence[Arm]) -> list[_Line]:
    design = design_of(arms)
    lines = []
    for field in (*design.named(WIDTHS), *design.named(BUDGETS)):
        levels = design.fields[field]
        for group in design.alone(field):
            ascending = sorted(group, key=lambda i: size(levels[i]))
            labels = tuple(f"{field_words(field)} {level_words(levels[i])}" for i in ascending)
            lines.append(_Line(tuple(ascending), labels))
    return [line for line in lines if len(line.arms) >= LEVELS]


def _paired(line: Sequence[Arm], judge: Judge) -> Floats:
    """Badness of the replicates that every level has, shape (levels, replicates)."""
    found = [outcomes(arm, judge) for arm in line]
    keys = [key for key in found[0] if all(key in one for one in found)]
    table = np.array([[one[key] for key in keys] for one in found], dtype=np.float64)
    table = table[:, np.isfinite(table).all(axis=0)]
    return -table if judge.higher else table


def _over_arms(line: Sequence[Arm], judge: Judge, peak: Peak, labels: Sequence[str]) -> Finding:
    training = on_training(judge, line)
    memorised = False
    if training is not None and not training.higher:
        means = _paired(line, training).mean(axis=1)
        memorised = bool(means.size and means[peak.at] < MEMORISED * means.max())
    return _finding(judge, peak, labels, (), memorised=memorised, over="more of it")


def _finding(  # noqa: PLR0913 - the parts of one sentence
    judge: Judge, peak: Peak, labels: Sequence[str], where: tuple[Place, ...], *, memorised: bool, over: str
) -> Finding:
    rise = mean_of(f"worse at {labels[peak.at]} than at {labels[peak.before]}", peak.rise, judge.unit, level=peak.level)
    fall = mean_of(f"worse at {labels[peak.at]} than at {labels[peak.after]}", peak.fall, judge.unit, level=peak.level)
    return Finding(
        SYMPTOM,
        f"The {judge.words} is worst at {labels[peak.at]}: by {amount(rise.value, judge.unit)} worse than at "
        f"{labels[peak.before]} and by {figure(fall.value)} than at {labels[peak.after]} ({peak.rise.size} replicates, "
        f"intervals at {100 * peak.level:.4g} %). So {over} hurts first and then helps.",
        "warning",
        0.9 if memorised else 0.75,
        (rise, fall),
        where,
        causes=_causes(memorised=memorised, over=over),
        treatments=(
            f"{labels[peak.after]} or more",
            f"stop at {labels[peak.before]}",
            "more weight decay, which flattens the peak",
        ),
        prediction=None,
    )


def _causes(*, memorised: bool, over: str) -> tuple[Cause, ...]:
    threshold = Cause(
        "the network is just large enough to fit all training examples, noise included, and has only one way to do so"
        + ("; its training loss is nearly 0 there" if memorised else ""),
        "the training error at the peak is about 0; with fewer flipped labels the peak is lower",
    )
    rate = Cause(
        "a learning rate that was lowered, which makes any noisy curve fall", "the same run with a constant rate"
    )
    return (threshold, rate) if over == "more training" else (threshold,)


CHECK = StudyCheck(SYMPTOM, look)
ARM_CHECK = ArmCheck(SYMPTOM, look_over_epochs)
