"""The best epoch is a matter of luck: another seed, or another draw of the noise, would have named another one."""

from collections.abc import Sequence

import numpy as np

from etude.diagnosis.case import Arm, Case, badness
from etude.diagnosis.check import ArmCheck, RunCheck, Seen
from etude.diagnosis.outcomes import ADVICE, FEWEST, Floats, mean_of
from etude.diagnosis.saying import amount, axis, figure, percent, when
from etude.numerics.trends import roughness, running_median
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "early stop unreliable"
LEAST_POINTS = 16
WIDE = 0.18
"""Share of a run over which its validation series cannot be told from its best: any of these epochs could win. On the
tuning seeds 21 % of runs with 20 validation rows exceed it, and 2 % of runs with 400."""

SCATTERED, BESIDE_MEDIAN = 0.1, 0.5
"""How far apart the best epochs of the middle half of the replicates are, as a share of the run and of the median best
epoch: both must be exceeded. Tuned on small networks that overfit, with 20 and with 400 validation rows."""

SMOOTHED = 6
"""The part of a series that its running median goes over: over a twelfth, noise alone broke half of the stretches of
simulated valleys that are flat over half of the run, over a sixth one in nine."""

WORSE = 2.0
"""Standard deviations of the noise by which the end is above the best where an epoch has to be chosen."""


def look(case: Case) -> Seen:
    """Where a choice of epoch matters: how long a stretch is as good as the best, as far as the noise lets one see."""
    if case.validation is None or np.isfinite(case.validation.values).sum() < LEAST_POINTS:
        return NotRun(SYMPTOM, f"it needs a validation series of at least {LEAST_POINTS} points")
    bad = badness(case, case.validation)
    if not np.isfinite(bad).all():
        return None
    noise, smooth = roughness(bad), running_median(bad, max(5, bad.size // SMOOTHED) | 1)
    if not _matters(case, smooth, noise):
        return None
    first, last = (int(case.validation.steps[i]) for i in _stretch(smooth, noise))
    share = (last - first) / max(1, int(case.validation.steps[-1] - case.validation.steps[0]))
    luck = float(smooth[int(bad.argmin())] - bad.min())
    return _of_run(case, case.validation, (first, last, share), (noise, luck)) if share > WIDE else None


def look_over_replicates(arm: Arm) -> Seen:
    """The best epochs of all replicates, and what it costs to stop one where another was best."""
    curves = [(case, case.validation) for case in arm.cases if case.validation is not None]
    clean = [(case, curve) for case, curve in curves if curve.steps.size >= 3 and np.isfinite(curve.values).all()]
    if len(clean) < FEWEST:
        return NotRun(SYMPTOM, f"it needs {FEWEST} replicates or more with a finite validation series: {ADVICE}")
    bests = np.array([int(curve.steps[badness(case, curve).argmin()]) for case, curve in clean], dtype=np.float64)
    ends = np.array([int(curve.steps[-1]) for _, curve in clean], dtype=np.float64)
    low, high = np.quantile(bests, [0.25, 0.75])
    scatter = float(high - low) / float(ends.max())
    chosen = any(_is_stopped(case) for case, _ in clean) or float(np.median(bests / ends)) < 0.9
    if not chosen or scatter <= SCATTERED or high - low <= BESIDE_MEDIAN * float(np.median(bests)):
        return None
    return _of_arm(clean, bests, scatter)


def _stretch(smooth: Floats, noise: float) -> tuple[int, int]:
    """The first and the last place of those about the lowest that are all within one standard deviation of it."""
    best = int(smooth.argmin())
    apart = np.flatnonzero(smooth > smooth[best] + noise)
    before, after = apart[apart < best], apart[apart > best]
    return int(before[-1]) + 1 if before.size else 0, int(after[0]) - 1 if after.size else smooth.size - 1


def _matters(case: Case, smooth: Floats, noise: float) -> bool:
    """Whether an epoch was chosen, or would have to be because the end is worse than the best."""
    return _is_stopped(case) or float(smooth[-1] - smooth.min()) > WORSE * noise


def _is_stopped(case: Case) -> bool:
    return case.run.ended == "stopped early" or (case.recipe is not None and case.recipe.early_stopping is not None)


def _of_run(case: Case, curve: Curve, window: tuple[int, int, float], noise: tuple[float, float]) -> Finding:
    first, last, share = window
    unit = curve.unit
    return Finding(
        SYMPTOM,
        f"From {when(case, first)} to {when(case, last)} ({percent(share)} of the run) the smoothed validation series "
        f"stays within {amount(noise[0], unit)} of its best: less than one standard deviation of its noise. Which "
        f"{axis(case)} of these is called the best is luck, and its value flatters by about {amount(noise[1], unit)}.",
        "note",
        0.7,
        (
            Measured("stretch that is as good as the best", float(last - first), f"{axis(case)}s"),
            Measured("noise of the validation series (standard deviation)", noise[0], unit),
            Measured("best value below the smoothed one at its place", noise[1], unit),
        ),
        (Place(curve.name, first, last),),
        CAUSES,
        TREATMENTS,
        Prediction(
            "judge the chosen weights on data that did not choose them",
            "the value of the best epoch",
            "falls" if case.higher else "rises",
            0.0,
            2 * max(noise[1], noise[0]),
            unit,
        ),
    )


def _of_arm(clean: Sequence[tuple[Case, Curve]], bests: Floats, scatter: float) -> Finding:
    case = clean[0][0]
    low, middle, high = np.quantile(bests, [0.25, 0.5, 0.75])
    cost = _cost(clean, bests)
    regret = mean_of("cost of stopping a replicate where another was best", cost, case.unit)
    counts = f"{axis(case)}s"
    return Finding(
        SYMPTOM,
        f"The best {axis(case)} of the middle half of {len(clean)} replicates is anywhere from {figure(low)} to "
        f"{figure(high)}, {percent(scatter)} of the run. Stopping one where another was best costs "
        f"{amount(regret.value, case.unit)} on average.",
        "warning" if regret.low is not None and regret.low > _worth(clean) else "note",
        0.8,
        (
            Measured("best place, median over replicates", float(middle), counts, *_median_interval(bests)),
            Measured("best places of the middle half: how far apart", float(high - low), counts),
            regret,
        ),
        (Place(clean[0][1].name, int(low), int(high)),),
        CAUSES,
        TREATMENTS,
    )


def _cost(clean: Sequence[tuple[Case, Curve]], bests: Floats) -> Floats:
    """For each replicate: its smoothed level where the others are best, beyond its lowest, on average; shape (n,)."""
    costs = []
    for i, (case, curve) in enumerate(clean):
        bad = badness(case, curve)
        smooth = running_median(bad, max(3, bad.size // 12) | 1)
        there = np.interp(np.delete(bests, i), curve.steps, smooth)
        costs.append(float(there.mean() - smooth.min()))
    return np.array(costs)


def _worth(clean: Sequence[tuple[Case, Curve]]) -> float:
    """A cost worth acting on: a fiftieth of what was learned."""
    falls = [badness(case, curve)[0] - badness(case, curve).min() for case, curve in clean]
    return 0.02 * float(np.median(falls))


def _median_interval(values: Floats) -> tuple[float | None, float | None]:
    """Interval of the median between two order statistics that covers it with 95 % or more; none below 6 values.

    Source: the binomial distribution of how many of n values lie below the median.
    """
    ordered, n = np.sort(values), values.size
    tail, term, rank = 0.0, 0.5**n, 0
    while tail + term <= 0.025:
        tail, rank = tail + term, rank + 1
        term *= (n - rank + 1) / rank
    return (None, None) if rank == 0 else (float(ordered[rank - 1]), float(ordered[n - rank]))


CAUSES = (
    Cause("too few validation rows, so that the series is noisy", "the same weights on a larger validation part"),
    Cause(
        "a flat valley: many epochs are equally good", "the smoothed series within it; then the choice costs nothing"
    ),
    Cause("a learning rate so high that the series jumps", "a third of the rate: the series is smoother"),
)
TREATMENTS = (
    "choose on a smoothed validation series, or on the mean over replicates",
    "more validation rows",
    "a patience that is longer than the noise",
)

CHECK = RunCheck(SYMPTOM, look)
ARM_CHECK = ArmCheck(SYMPTOM, look_over_replicates)
