"""How verdicts do against the truths: scored alike for étude and for its peers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bank.runs import BankRun
from numpy.typing import NDArray

from etude.diagnosis.verdict import VERDICTS
from etude.values.finding import Verdict


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said of a run. `likeliest`: its best guess where the verdict abstains."""

    run: BankRun
    verdict: Verdict
    probability: float | None = None
    likeliest: Verdict | None = None

    @property
    def told(self) -> bool:
        """Whether it was not "cannot tell"."""
        return self.verdict != "cannot tell"

    @property
    def right(self) -> bool:
        """Whether an intervention confirms it."""
        return self.verdict in self.run.truth.accepted


@dataclass(frozen=True, slots=True)
class Score:
    """How well somebody does.

    runs:        judged
    coverage:    share with a verdict
    right:       share of the verdicts that an intervention confirms
    strict:      share of the verdicts that are the arm's one verdict
    told_f1:     macro-F1 over the verdicts that occur, of the runs with a verdict
    macro_f1:    the same of all runs, abstentions counting as missed
    false_alarms: share of the runs that nothing helps that were called ill
    calibration: debiased root mean square distance of stated from observed; None where nothing is stated
    """

    runs: int
    coverage: float
    right: float
    strict: float
    told_f1: float
    macro_f1: float
    false_alarms: float
    healthy: int
    calibration: float | None


def score(said: Sequence[Said]) -> Score:
    """All of it."""
    told = [one for one in said if one.told]
    healthy = [one for one in said if one.run.truth.accepted == {"good fit"}]
    return Score(
        runs=len(said),
        coverage=len(told) / len(said),
        right=float(np.mean([one.right for one in told])),
        strict=float(np.mean([one.verdict == one.run.truth.verdict for one in told])),
        told_f1=float(np.mean([f1(told, verdict) for verdict in occurring(told)])),
        macro_f1=float(np.mean([f1(said, verdict) for verdict in occurring(said)])),
        false_alarms=float(np.mean([one.verdict not in ("good fit", "cannot tell") for one in healthy])),
        healthy=len(healthy),
        calibration=calibration(told) if all(one.probability is not None for one in told) else None,
    )


def occurring(said: Sequence[Said]) -> list[Verdict]:
    """The verdicts that are true of some run."""
    return [verdict for verdict in VERDICTS if any(truth_beside(one) == verdict for one in said)]


def truth_beside(one: Said) -> Verdict:
    """The truth that a verdict is counted against: itself where it is right, else the arm's one verdict."""
    return one.verdict if one.right else one.run.truth.verdict


def f1(said: Sequence[Said], verdict: Verdict) -> float:
    """Of one verdict: twice what is rightly said, over what is said and what is true."""
    both = sum(one.verdict == verdict == truth_beside(one) for one in said)
    either = sum(one.verdict == verdict for one in said) + sum(truth_beside(one) == verdict for one in said)
    return 2 * both / either if either else 0.0


def calibration(told: Sequence[Said], bins: int = 10) -> float:
    """Debiased L2 calibration error of the stated probabilities, in bins of equal count.

    Runs of one arm are right or wrong together, so an arm counts as one draw in the sampling noise that is taken off.
    Source: Kumar, Liang and Ma (2019), arXiv:1909.10155.
    """
    order = sorted(told, key=lambda one: one.probability or 0.0)
    total = 0.0
    for part in np.array_split(np.arange(len(order)), min(bins, len(order))):
        of = [order[i] for i in part]
        was = np.array([one.right for one in of], dtype=float)
        stated = float(np.mean([one.probability or 0.0 for one in of]))
        arms = len({one.run.arm for one in of})
        noise = float(was.mean() * (1 - was.mean())) / max(arms - 1, 1)
        total += len(of) / len(order) * (float(was.mean() - stated) ** 2 - noise)
    return float(np.sqrt(max(total, 0.0)))


def confusion(said: Sequence[Said]) -> NDArray[np.int64]:
    """Counts: a row a truth, a column a verdict, "cannot tell" last, shape (verdicts, verdicts + 1)."""
    columns = [*VERDICTS, "cannot tell"]
    counts = Counter((truth_beside(one), one.verdict) for one in said)
    return np.array([[counts[truth, verdict] for verdict in columns] for truth in VERDICTS])


def by_arm(said: Sequence[Said]) -> dict[str, list[Said]]:
    """What was said of each arm's replicates."""
    arms: dict[str, list[Said]] = {}
    for one in said:
        arms.setdefault(one.run.arm, []).append(one)
    return arms
