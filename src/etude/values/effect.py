"""An effect: how much a treatment changed an outcome, how sure we are, and what follows."""

from dataclasses import dataclass
from typing import Literal

from etude.values.metric import METRICS

Verdict = Literal["better", "worse", "equivalent", "undecided"]

SPLIT_FACTOR = "split"
"""The factor of a gap: one arm on two splits."""

AND, BEYOND, TO = " + ", " beyond ", " → "
"""How an effect's `factor` joins several fields, or two changes; how its levels name the ends of a change."""


@dataclass(frozen=True, slots=True, repr=False)
class Effect:
    """Mean difference, treated minus control, in the metric's own unit.

    mean, low, high:  the estimate and its interval at `level`; the level is the one the verdict was reached at
    n_pairs:          replicates in which both sides gave a finite score; 0 where runs have no pairs
    verdict:          better, worse, equivalent (smaller than `smallest_effect`) or undecided
    factor:           what differs between the two sides: one field, or several joined by " + "
    control, treated: the two levels, as a person reads them
    differences:      treated minus control in each replicate, in replicate order
    p:                two-sided, by the interval's own method; p_sign_flip: by sign flips, for comparison
    method:           "Student t", "Welch t", "bootstrap-t" or "t e-process"
    smallest_effect:  the margin of "equivalent", in the metric's unit; None: equivalence was not asked about
    family:           how many effects share the error rate (Holm)
    says:             the comparison in a person's words, where somebody put it so
    notes:            warnings on the shape of the differences, diverged runs, replicates needed
    n_runs:           control and treated runs with a finite score, where runs have no pairs; None where they have
    """

    mean: float
    low: float
    high: float
    level: float
    n_pairs: int
    verdict: Verdict
    metric: str
    unit: str
    split: str
    lower_is_better: bool
    factor: str
    control: str
    treated: str
    differences: tuple[float, ...]
    p: float
    p_sign_flip: float
    method: str
    smallest_effect: float | None = None
    family: int = 1
    notes: tuple[str, ...] = ()
    says: str = ""
    n_runs: tuple[int, int] | None = None

    @property
    def based_on(self) -> str:
        """How many pairs, or runs on either side, it was estimated from."""
        if self.n_runs is None:
            return f"{self.n_pairs:,} pair{'' if self.n_pairs == 1 else 's'}"
        return f"{self.n_runs[1]:,} against {self.n_runs[0]:,} runs"

    def __repr__(self) -> str:
        """The same line, marked as an Effect: the fields are many and have names."""
        return f"Effect({self})"

    def __str__(self) -> str:
        """One line: what against what, mean [low, high] unit (coverage, pairs): verdict."""
        label = METRICS[self.metric].label if self.metric in METRICS else self.metric
        what = f"{self.factor}, {self.treated} against {self.control}: {label} ({self.split})"
        interval = f"{self.mean:+.4g} [{self.low:+.4g}, {self.high:+.4g}] {self.unit}"
        return f"{what} {interval} ({100 * self.level:.4g} % interval, {self.based_on}): {self.verdict}"


@dataclass(frozen=True, slots=True)
class VarianceShare:
    """How much of an outcome's variance one factor, or one interaction of factors, explains in a full factorial.

    term:    a factor, several joined by " × ", "replicate" (the blocks) or "residual"
    share:   its sum of squares over the total, from 0 to 1
    degrees: degrees of freedom
    f, p:    the F statistic against the residual and its p value; NaN for "replicate" and "residual"
    """

    metric: str
    term: str
    share: float
    degrees: int
    f: float
    p: float
