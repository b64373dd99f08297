"""Some replicates get stuck where others of the very same recipe do not."""

import numpy as np

from etude.diagnosis.case import Arm
from etude.diagnosis.check import ArmCheck, Seen
from etude.diagnosis.outcomes import ADVICE, FEWEST, Floats, mean_of, share_of
from etude.diagnosis.saying import amount, figure
from etude.values.finding import Cause, Finding, NotRun, Prediction

SYMPTOM = "spread over initialisations"
LATE = 0.1
"""Share of the points at the end whose median is a replicate's final training loss: one batch's luck is no basin."""

APART = 3.0
"""Distance of the two groups' means, in standard deviations within them, from which they are two places."""

STUCK = 0.1
"""The least distance, as a share of what the better group learned, that is worth a remark."""

CAUSES = (
    Cause(
        "initial weights from which units die or do the same thing",
        "the stuck replicates with other initial weights and the same data",
    ),
    Cause("a learning rate that throws some runs out of the good place", "all replicates with a third of the rate"),
    Cause("some replicates drew harder data", "the stuck replicates' data with the others' initial weights"),
)
TREATMENTS = (
    "start several times and keep the best training loss",
    "a wider network",
    "other initial weights",
    "normalise the inputs",
)


def look(arm: Arm) -> Seen:
    """The final training losses of all replicates, in two groups with nothing between them."""
    if len(arm.cases) < FEWEST:
        return NotRun(SYMPTOM, f"it needs {FEWEST} replicates or more of one arm: {ADVICE}")
    bad, learned = _final(arm)
    if bad.size < FEWEST:
        return NotRun(SYMPTOM, f"it needs {FEWEST} replicates or more with a finite training loss")
    from etude.numerics.shape import shape_warning  # here, because it takes a while to load

    ascending = np.sort(bad)
    cut = int(np.diff(ascending).argmax()) + 1
    good, stuck = ascending[:cut], ascending[cut:]
    distance = float(stuck.mean() - good.mean())
    if shape_warning(bad) != "second basin" or distance < max(APART * _within(good, stuck), STUCK * learned):
        return None
    return _finding(arm, good, stuck)


def _final(arm: Arm) -> tuple[Floats, float]:
    """Badness of each replicate at its end, shape (n,), and how much the best one learned."""
    ends, begins = [], []
    for case in arm.cases:
        values = np.array([]) if case.train is None else case.train.values[np.isfinite(case.train.values)]
        if values.size and case.run.ended != "diverged":
            ends.append(float(np.median(values[-max(1, int(LATE * values.size)) :])))
            begins.append(float(values[0]))
    sign = -1.0 if arm.cases[0].higher else 1.0
    bad = sign * np.array(ends)
    return bad, float((sign * np.array(begins)).max() - bad.min()) if bad.size else 0.0


def _within(good: Floats, stuck: Floats) -> float:
    squares = sum(float(((side - side.mean()) ** 2).sum()) for side in (good, stuck))
    return float(np.sqrt(squares / (good.size + stuck.size - 2)))


def _finding(arm: Arm, good: Floats, stuck: Floats) -> Finding:
    n, unit, higher = good.size + stuck.size, arm.cases[0].unit, arm.cases[0].higher
    what, sign = ("training score", -1.0) if higher else ("training loss", 1.0)
    sides = [
        mean_of(f"{what} of those {word}", sign * side, unit)
        for word, side in (("that got there", good), ("that are stuck", stuck))
    ]
    distance = float(stuck.mean() - good.mean())
    share = stuck.size / n
    return Finding(
        SYMPTOM,
        f"{stuck.size} of {n} replicates end at a {what} of {amount(sides[1].value, unit)}, the others at "
        f"{figure(sides[0].value)}, with nothing between: where a run ends depends on its initial weights. A mean over "
        "all of them describes none.",
        "warning",
        0.85,
        (share_of("replicates that are stuck", stuck.size, n), *sides),
        causes=CAUSES,
        treatments=TREATMENTS,
        prediction=Prediction(
            TREATMENTS[0],
            f"mean {what} over replicates",
            "rises" if higher else "falls",
            0.5 * share * distance,
            1.2 * share * distance,
            unit,
        ),
    )


CHECK = ArmCheck(SYMPTOM, look)
