"""The learning rate runs out before the loss does, or starts with a jolt."""

import numpy as np

from etude.diagnosis.case import Case, badness
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import learning_rate
from etude.diagnosis.saying import amount, figure, percent, when
from etude.numerics.trends import roughness, running_median
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "schedule"
LEAST_POINTS = 15
NEARLY_NOTHING = 0.05
"""Of the largest learning rate: where a schedule counts as run out."""

FROM, TO = 0.7, 0.95
"""Where the pace is measured, as shares of the sum of all rates: before the last steps, which settle what is noise."""

STILL = 0.9
"""Fall per learning rate in that stretch over that of the whole run. A loss that falls as far with each unit of the
rate as it did on the whole has 1; healthy runs with a full cosine have 0.3, nine in ten of them less than 0.9."""

LEAST_FALL = 0.05
"""Of the whole fall, within that stretch."""

JOLT = 0.5
"""Rise within the first tenth above the first value, as a share of that."""


def look(case: Case) -> Seen:
    """A rate that is nearly 0 at the end of a loss that still falls; a loss that jumps before it falls."""
    rate, train = learning_rate(case), case.train
    if rate is None or train is None or train.values.size < LEAST_POINTS:
        need = f"it needs the learning rate and a training series of at least {LEAST_POINTS} points"
        return NotRun(SYMPTOM, f"{need}; record the rate with etude.watch")
    values = badness(case, train)
    if not np.isfinite(values).all() or not np.isfinite(rate.values).all() or rate.values.max() <= 0:
        return None
    return _cut_short(case, train, rate) or _jolted(case, train, rate)


def _cut_short(case: Case, train: Curve, rate: Curve) -> Finding | None:
    """Learning that went on at its full pace until the rate was used up."""
    values = running_median(badness(case, train), 3)
    rates = np.array([rate.at(int(step)) if step >= rate.steps[0] else rate.values[0] for step in train.steps])
    if not rates.max() > 0:
        return None
    used, left = np.cumsum(rates) / rates.sum(), float(rates[-1] / rates.max())
    i, j = (int(np.searchsorted(used, share)) for share in (FROM, TO))
    fall, late = float(values[0] - values.min()), float(values[i] - values[j])
    if left > NEARLY_NOTHING or j <= i or fall <= 0 or late < LEAST_FALL * fall:
        return None
    pace = late / fall / float(used[j] - used[i])
    if pace < STILL or late < 2 * roughness(badness(case, train)):
        return None
    return _unfinished(case, train, rate, (i, j, late, fall, pace, left))


def _unfinished(
    case: Case, train: Curve, rate: Curve, measured: tuple[int, int, float, float, float, float]
) -> Finding:
    i, j, late, fall, pace, left = measured
    first, last = int(train.steps[i]), int(train.steps[j])
    word = "score rises" if case.higher else "loss falls"
    return Finding(
        SYMPTOM,
        f"The learning rate ends at {percent(left)} of its largest value, and until it ran out the training {word} as "
        f"fast for each unit of the rate as over the whole run ({figure(pace)} times): by {amount(late, train.unit)} "
        f"from {when(case, first)} to {when(case, last)}, {percent(late / fall)} of the whole. The schedule ended "
        "before the learning did.",
        "warning",
        0.85 if pace > 1.2 else 0.75,
        (
            Measured("pace before the rate ran out, over that of the whole run", pace),
            Measured("change in that stretch", late, train.unit),
            Measured("learning rate at the end", 100 * left, "% of its largest"),
        ),
        (Place(train.name, first, last), Place(rate.name, int(rate.steps[0]), int(rate.steps[-1]))),
        (
            Cause("a schedule tied to too few epochs", "twice the epochs with the schedule stretched alike"),
            Cause("a learning rate too small throughout", "three times the rate with the same schedule"),
        ),
        ("twice the epochs, with the schedule stretched alike", "three times the learning rate"),
        Prediction(
            "twice the epochs, with the schedule stretched alike",
            "training score" if case.higher else "training loss",
            "rises" if case.higher else "falls",
            0.3 * late,
            5 * late,
            train.unit,
        ),
    )


def _jolted(case: Case, train: Curve, rate: Curve) -> Finding | None:
    values = badness(case, train)
    early = values[: max(3, values.size // 10)]
    peak = int(early.argmax())
    rise = float(early[peak] - values[0])
    warm = rate.at(int(max(train.steps[0], rate.steps[0]))) < 0.5 * rate.values.max()
    if peak == 0 or case.higher or rise <= JOLT * abs(float(values[0])) or values[-1] >= early[peak]:
        return None
    first, last = int(train.steps[0]), int(train.steps[peak])
    return Finding(
        SYMPTOM,
        f"The training loss first jumps from {figure(float(values[0]))} to {figure(float(early[peak]))} at "
        f"{when(case, last)}, and only then falls: the first steps are too large for where training starts.",
        "note",
        0.6,
        (Measured("rise above the first value", rise, train.unit),),
        (Place(train.name, first, last),),
        (
            Cause("a warm-up that is too short" if warm else "no warm-up", "a warm-up over a tenth of the steps"),
            Cause("a learning rate that is too large", "a third of the rate"),
        ),
        ("a warm-up over a tenth of the steps", "divide the learning rate by 3"),
        Prediction("a warm-up over a tenth of the steps", "rise above the first value", "falls", 0.5 * rise, rise,
                   train.unit),
    )  # fmt: skip


CHECK = RunCheck(SYMPTOM, look)
