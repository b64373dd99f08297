"""Does the statistics keep its word? Simulated studies with a known truth, judged by the code that judges yours.

`make evidence-statistics` runs this in full (a few minutes on one core) and writes docs/evidence/statistics.md.
`--reduced` runs a twentieth of it, allows for the chance that this adds, and writes nothing.
"""

import argparse
import math
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from etude.numerics.decisions import Decision, Question, Rule, UnpairedQuestion, decide
from etude.numerics.intervals import mean_interval
from etude.numerics.power import replicates_needed, replicates_to_decide
from etude.numerics.shape import shape_warning
from etude.numerics.stopping import LOOKS, e_process_interval
from etude.numerics.unpaired import welch_interval

SEED = 20_261_103
"""Of the published numbers; no constant of the code was tuned on it (tuning used seeds 11 to 19)."""

REDUCTION = 20
REDUCED_STANDARD_ERRORS = 3.5
"""At reduced size a check may miss its target by this many binomial standard errors: one false alarm in 2,000."""

EVIDENCE = Path(__file__).parents[1] / "docs" / "evidence" / "statistics.md"

PILOT = 10
MOST_FOLLOWED = 200
CALLED = ("better", "worse")
ADVISED_MARGIN = 0.3
"""Standard deviations; about 90 replicates would find a difference as large."""

Floats = NDArray[np.float64]
Sampler = Callable[[int, np.random.Generator], Floats]
Simulation = Callable[[int, np.random.Generator], float]


def normal(n: int, rng: np.random.Generator) -> Floats:
    """Standard normal differences: true mean 0."""
    return rng.standard_normal(n)


def lognormal(n: int, rng: np.random.Generator) -> Floats:
    """Skewed differences, lognormal with sigma 0.75, shifted to a true mean of 0."""
    return rng.lognormal(0.0, 0.75, n) - math.exp(0.75**2 / 2)


def second_basin(n: int, rng: np.random.Generator) -> Floats:
    """Of all replicates 15 % end five standard deviations away; shifted to a true mean of 0."""
    return rng.standard_normal(n) + 5 * (rng.random(n) < 0.15) - 0.75


def coverage(simulations: int, rng: np.random.Generator, *, sampler: Sampler, n: int) -> float:
    """Share of 95 % intervals of `mean_interval` that hold the true mean."""
    intervals = (mean_interval(sampler(n, rng), rng=rng) for _ in range(simulations))
    return sum(interval.low <= 0 <= interval.high for interval in intervals) / simulations


def flagged(simulations: int, rng: np.random.Generator, *, sampler: Sampler, n: int) -> float:
    """Share of samples about which `shape_warning` warns."""
    return sum(shape_warning(sampler(n, rng)) is not None for _ in range(simulations)) / simulations


def any_verdict(simulations: int, rng: np.random.Generator, *, family: int, n: int) -> float:
    """Share of studies of `family` questions without any effect that call at least one."""
    studies = (_decide(rng.standard_normal((family, n)), seed=seed) for seed in range(simulations))
    return sum(any(one.verdict != "undecided" for one in study) for study in studies) / simulations


def equivalent(simulations: int, rng: np.random.Generator, *, truth: float, family: int = 1, n: int = 11) -> float:
    """Share of studies that call any of `family` differences equivalent within ±1 standard deviation."""
    studies = (_decide(truth + rng.standard_normal((family, n)), seed=seed, margin=1.0) for seed in range(simulations))
    return sum(any(one.verdict == "equivalent" for one in study) for study in studies) / simulations


def looked(simulations: int, rng: np.random.Generator, *, truth: float = 0.0, margin: float | None = None) -> float:
    """Share of studies, stopped at the first verdict of the planned looks, whose verdict is wrong.

    Wrong is any verdict where there is no effect, and "equivalent" where the effect is as large as the margin.
    """
    wrong = {"equivalent"} if margin else {"better", "worse"}
    return sum(_stopped(truth + rng.standard_normal(LOOKS[-1]), i, margin) in wrong for i in range(simulations)) / (
        simulations
    )


def ever_excluded(simulations: int, rng: np.random.Generator) -> float:
    """Share of studies, looked at after each of replicates 2 to 40, whose e-process ever excludes the truth."""
    studies = (rng.standard_normal(40) for _ in range(simulations))
    return sum(any(e_process_interval(all_[:n]).p < 0.05 for n in range(2, 41)) for all_ in studies) / simulations


@dataclass(frozen=True, slots=True)
class Coarse:
    """Accuracies on `rows` test rows: `family` comparisons of `n` pairs each, judged at `margin`."""

    rows: int
    n: int
    margin: float
    family: int = 1


def coarse(simulations: int, rng: np.random.Generator, *, scores: Coarse, truth: float) -> float:
    """Share of studies with any accuracy called equivalent; treated loses each test row with probability `truth`."""
    shape = (scores.family, scores.n)
    studies = (-rng.binomial(scores.rows, truth, shape) / scores.rows for _ in range(simulations))
    judged = (_decide(study, seed=seed, margin=scores.margin) for seed, study in enumerate(studies))
    return sum(any(one.verdict == "equivalent" for one in study) for study in judged) / simulations


def coarse_without_effect(
    simulations: int, rng: np.random.Generator, *, scores: Coarse, verdicts: tuple[str, ...]
) -> float:
    """Share of `verdicts` where each test row is lost with probability 0.02 and won with 0.02: true difference 0."""
    counts = (rng.multinomial(scores.rows, (0.02, 0.02, 0.96), scores.n) for _ in range(simulations))
    studies = ((count[:, 0] - count[:, 1])[None] / scores.rows for count in counts)
    judged = (_decide(study, seed=seed, margin=scores.margin)[0].verdict for seed, study in enumerate(studies))
    return sum(verdict in verdicts for verdict in judged) / simulations


def advice_followed(simulations: int, rng: np.random.Generator, *, advise: Callable[[Floats, float], int]) -> float:
    """Share of studies without effect that call one, at 10 replicates or, undecided there, at the advised number."""
    wrong = 0
    for seed in range(simulations):
        differences = rng.standard_normal(MOST_FOLLOWED)
        verdict = _decide(differences[None, :PILOT], seed=seed, margin=ADVISED_MARGIN)[0].verdict
        if verdict == "undecided":
            n = min(max(PILOT, advise(differences[:PILOT], ADVISED_MARGIN)), MOST_FOLLOWED)
            verdict = _decide(differences[None, :n], seed=seed, margin=ADVISED_MARGIN)[0].verdict
        wrong += verdict in {"better", "worse"}
    return wrong / simulations


def advised_for_the_margin(differences: Floats, margin: float) -> int:
    """Replicates that would find a difference as large as the margin."""
    return replicates_needed(standard_deviation=float(differences.std(ddof=1)), smallest_effect=margin)


def advised_to_decide(differences: Floats, margin: float) -> int:
    """Replicates that would decide, were the estimate the truth."""
    mean, spread = float(differences.mean()), float(differences.std(ddof=1))
    return replicates_to_decide(standard_deviation=spread, margin=margin, difference=mean) or MOST_FOLLOWED


@dataclass(frozen=True, slots=True)
class Groups:
    """Two groups without pairs: how each is drawn, how many runs it has, and how many times as wide it is."""

    samplers: tuple[Sampler, Sampler]
    sizes: tuple[int, int]
    scales: tuple[float, float] = (1.0, 1.0)

    def draw(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """A score of each run, control and treated; both true means are 0."""
        control, treated = (
            scale * sampler(n, rng) for sampler, n, scale in zip(self.samplers, self.sizes, self.scales, strict=True)
        )
        return control, treated


def unpaired_coverage(simulations: int, rng: np.random.Generator, *, groups: Groups) -> float:
    """Share of 95 % Welch intervals that hold the true difference, 0."""
    intervals = (welch_interval(*groups.draw(rng)) for _ in range(simulations))
    return sum(interval.low <= 0 <= interval.high for interval in intervals) / simulations


def unpaired_flagged(simulations: int, rng: np.random.Generator, *, groups: Groups) -> float:
    """Share of comparisons about whose shape is warned."""
    questions = (UnpairedQuestion(*groups.draw(rng), None, lower_is_better=True) for _ in range(simulations))
    return sum(shape_warning(question.deviations) is not None for question in questions) / simulations


def unpaired_called(simulations: int, rng: np.random.Generator, *, groups: Groups, family: int = 1) -> float:
    """Share of families of comparisons without any effect that call at least one better or worse."""
    found = 0
    for seed in range(simulations):
        pairs = [groups.draw(rng) for _ in range(family)]
        questions = [UnpairedQuestion(*pair, None, lower_is_better=True) for pair in pairs]
        found += any(one.verdict in CALLED for one in decide(questions, seed=seed))
    return found / simulations


def unpaired_equivalent(simulations: int, rng: np.random.Generator, *, groups: Groups, truth: float) -> float:
    """Share of comparisons whose true difference, `truth`, is called equivalent within ±1."""
    found = 0
    for seed in range(simulations):
        control, treated = groups.draw(rng)
        question = UnpairedQuestion(control, treated + truth, 1.0, lower_is_better=True)
        found += decide([question], seed=seed)[0].verdict == "equivalent"
    return found / simulations


def unpaired_coarse(simulations: int, rng: np.random.Generator, *, scores: Coarse, right: float, truth: float) -> float:
    """Share of wrong verdicts on accuracies: equivalent where `truth` is the margin, better or worse where it is 0.

    Each test row is right with probability `right` in the control, and with `truth` more in the treated.
    """
    wrong = {"equivalent"} if truth else set(CALLED)
    found = 0
    for seed in range(simulations):
        shares = right, right + truth
        control, treated = (rng.binomial(scores.rows, share, scores.n) / scores.rows for share in shares)
        question = UnpairedQuestion(control, treated, scores.margin, lower_is_better=False)
        found += decide([question], seed=seed)[0].verdict in wrong
    return found / simulations


def _decide(
    differences: Floats, *, seed: int, margin: float | None = None, rule: Rule = "fixed"
) -> tuple[Decision, ...]:
    return decide([Question(row, margin, lower_is_better=True) for row in differences], rule=rule, seed=seed)


def _stopped(differences: Floats, seed: int, margin: float | None) -> str:
    looks = (_decide(differences[None, :n], seed=seed, margin=margin, rule="planned")[0].verdict for n in LOOKS)
    return next((verdict for verdict in looks if verdict != "undecided"), "undecided")


@dataclass(frozen=True, slots=True)
class Check:
    """One promise: what is measured, the range it must lie in, how often it is simulated, and how."""

    what: str
    low: float
    high: float
    simulations: int
    simulation: Simulation

    @property
    def target(self) -> str:
        """The range, as a person reads it."""
        if self.low == 0:
            return f"at most {self.high:.1%}"
        return f"at least {self.low:.0%}" if self.high == 1 else f"{self.low:.1%} to {self.high:.1%}"


def _coverage(shape: str, sampler: Sampler, n: int, low: float, high: float = 1.0) -> Check:
    return Check(
        f"coverage of the 95 % interval, {shape}, n = {n}", low, high, 10_000, partial(coverage, sampler=sampler, n=n)
    )


def _flagged(shape: str, sampler: Sampler, n: int, low: float, high: float = 1.0) -> Check:
    return Check(f"shape warning raised, {shape}, n = {n}", low, high, 10_000, partial(flagged, sampler=sampler, n=n))


def _coarse(rows: int, n: int, *, truth: float, margin: float) -> Check:
    return Check(
        f"accuracy on {rows} test rows, true difference {truth:.4g}, margin {margin:.4g}, {n} pairs: "
        "falsely equivalent",
        0,
        0.057,
        4_000,
        partial(coarse, scores=Coarse(rows, n, margin), truth=truth),
    )


def _welch(shape: str, sizes: tuple[int, int], low: float, scales: tuple[float, float] = (1.0, 1.0)) -> Check:
    one, _, other = shape.partition(" and ")
    wide = "" if scales[0] == scales[1] else f", one {max(scales):g} times as wide, {_which(sizes, scales)}"
    groups = Groups((SHAPES[one], SHAPES[other or one]), sizes, scales)
    return Check(
        f"two groups without pairs, {shape}, n = {sizes[0]} and {sizes[1]}{wide}: coverage of the 95 % interval",
        low,
        0.96 if shape == "normal" else 1.0,
        10_000,
        partial(unpaired_coverage, groups=groups),
    )


def _which(sizes: tuple[int, int], scales: tuple[float, float]) -> str:
    if sizes[0] == sizes[1]:
        return "of one size"
    return "the smaller" if (scales[0] > scales[1]) == (sizes[0] < sizes[1]) else "the larger"


SHAPES: Mapping[str, Sampler] = {"normal": normal, "skewed (lognormal 0.75)": lognormal, "second basin": second_basin}
BOTH_NORMAL = (normal, normal)

CHECKS: tuple[Check, ...] = (
    *(_coverage("normal differences", normal, n, 0.943, 0.957) for n in (5, 10, 20, 40)),
    _coverage("skewed (lognormal 0.75)", lognormal, 20, 0.92),
    _coverage("skewed (lognormal 0.75)", lognormal, 40, 0.93),
    _coverage("second basin (15 % at 5 sd)", second_basin, 20, 0.92),
    _coverage("second basin (15 % at 5 sd)", second_basin, 40, 0.93),
    _flagged("skewed (lognormal 0.75)", lognormal, 20, 0.70),
    _flagged("skewed (lognormal 0.75)", lognormal, 40, 0.80),
    _flagged("second basin (15 % at 5 sd)", second_basin, 20, 0.70),
    _flagged("second basin (15 % at 5 sd)", second_basin, 40, 0.80),
    _flagged("normal differences", normal, 20, 0, 0.06),
    *(
        Check(
            f"false verdict, no effect, fixed n = {n}", 0.043, 0.057, 10_000, partial(any_verdict, family=1, n=n)
        )
        for n in (10, 20)
    ),
    Check("false verdict, no effect, looks at 5, 10, 20, 40", 0, 0.057, 10_000, looked),
    Check("false verdict in a family of 10 without any effect (Holm), n = 10", 0, 0.057, 10_000,
          partial(any_verdict, family=10, n=10)),
    Check("no effect, margin 1 sd, n = 11: found equivalent", 0.78, 1, 10_000, partial(equivalent, truth=0.0)),
    Check("true difference at the margin, n = 11: falsely equivalent", 0, 0.057, 10_000,
          partial(equivalent, truth=1.0)),
    Check("true difference at the margin, looks at 5, 10, 20, 40: falsely equivalent", 0, 0.057, 5_000,
          partial(looked, truth=1.0, margin=1.0)),
    Check("family of 10 differences at the margin, n = 19: any falsely equivalent", 0, 0.057, 8_000,
          partial(equivalent, truth=1.0, family=10, n=19)),
    Check("e-process, no effect, a look after every replicate from 2 to 40: ever a verdict", 0, 0.05, 10_000,
          ever_excluded),
    *(
        _coarse(rows, n, truth=1.25 / rows, margin=1.25 / rows)
        for rows in (10, 30, 69, 200) for n in (5, 10, 20)
    ),
    _coarse(30, 5, truth=0.011, margin=0.01),
    _coarse(30, 10, truth=0.010, margin=0.01),
    _coarse(10, 5, truth=0.02, margin=0.02),
    _coarse(69, 5, truth=0.012, margin=0.01),
    _coarse(200, 20, truth=0.01, margin=0.01),
    Check("family of 10 accuracies on 200 test rows, differences at the margin 0.0105, 20 pairs: "
          "any falsely equivalent",
          0, 0.057, 4_000, partial(coarse, scores=Coarse(200, 20, 0.0105, family=10), truth=0.0105)),
    *(
        Check(f"accuracy on {rows} test rows, no effect, {n} pairs: false better or worse", 0, 0.057, 4_000,
              partial(coarse_without_effect, scores=Coarse(rows, n, 0.01), verdicts=("better", "worse")))
        for rows in (30, 200) for n in (5, 10, 20)
    ),
    *(
        Check(f"accuracy on {rows} test rows, no effect, margin {margin:g}, 10 pairs: found equivalent", low, 1, 4_000,
              partial(coarse_without_effect, scores=Coarse(rows, 10, margin), verdicts=("equivalent",)))
        for rows, margin, low in ((69, 0.03, 0.5), (200, 0.02, 0.5))
    ),
    Check("advice followed with the fixed rule (10, then as many as find the margin, at most 200), no effect: "
          "false verdict", 0.07, 0.12, 5_000, partial(advice_followed, advise=advised_for_the_margin)),
    Check("advice followed with the fixed rule (10, then as many as decide, at most 200), no effect: "
          "false verdict", 0.07, 0.12, 5_000, partial(advice_followed, advise=advised_to_decide)),
    *(_welch("normal", (n, n), 0.943) for n in (5, 10, 20)),
    *(_welch("normal", sizes, 0.94, scales=scales)
      for sizes in ((5, 20), (10, 20)) for scales in ((1.0, 3.0), (3.0, 1.0))),
    _welch("normal", (10, 10), 0.943, scales=(1.0, 3.0)),
    *(_welch("skewed (lognormal 0.75)", (n, n), 0.943) for n in (5, 10, 20)),
    *(_welch("skewed (lognormal 0.75) and normal", (n, n), 0.93) for n in (5, 10, 20)),
    *(_welch("skewed (lognormal 0.75)", (n, n), low, scales=(1.0, 3.0))
      for n, low in ((5, 0.86), (10, 0.88), (20, 0.91))),
    _welch("skewed (lognormal 0.75)", (5, 20), 0.9),
    *(_welch("second basin", (n, n), 0.93) for n in (5, 10, 20)),
    *(
        Check(f"two groups without pairs, no effect, n = {n} and {m}{wide}: false better or worse", 0, 0.06, 4_000,
              partial(unpaired_called, groups=Groups(BOTH_NORMAL, (n, m), scales)))
        for n, m, scales, wide in (
            (5, 5, (1.0, 1.0), ""), (10, 10, (1.0, 1.0), ""), (20, 20, (1.0, 1.0), ""),
            (5, 20, (3.0, 1.0), ", the smaller 3 times as wide"),
        )
    ),
    Check("two groups without pairs, family of 10 without any effect (Holm), n = 10: any better or worse",
          0, 0.06, 2_000, partial(unpaired_called, groups=Groups(BOTH_NORMAL, (10, 10)), family=10)),
    *(
        Check(f"two groups without pairs, true difference at the margin of 1 sd, n = {n} and {m}: falsely equivalent",
              0, 0.06, 4_000, partial(unpaired_equivalent, groups=Groups(BOTH_NORMAL, (n, m)), truth=1.0))
        for n, m in ((5, 5), (10, 10), (20, 20), (5, 20))
    ),
    Check("two groups without pairs, no effect, margin 1 sd, n = 20 and 20: found equivalent", 0.78, 1, 4_000,
          partial(unpaired_equivalent, groups=Groups(BOTH_NORMAL, (20, 20)), truth=0.0)),
    *(
        Check(f"two groups without pairs, accuracy on {rows} test rows, {right:.0%} right, no effect, n = {n} and {n}: "
              "false better or worse", 0, 0.06, 2_000,
              partial(unpaired_coarse, scores=Coarse(rows, n, 0.01), right=right, truth=0.0))
        for rows, right in ((30, 0.9), (30, 0.99), (200, 0.9)) for n in (5, 10, 20)
    ),
    *(
        Check(f"two groups without pairs, accuracy on {rows} test rows, {right:.3g} right, true difference "
              f"{1.25 / rows:.4g}, margin {1.25 / rows:.4g}, n = {n} and {n}: falsely equivalent", 0, 0.06, 2_000,
              partial(unpaired_coarse, scores=Coarse(rows, n, 1.25 / rows), right=right, truth=-1.25 / rows))
        for rows, right in ((30, 0.99), (200, 0.9), (200, 0.995)) for n in (5, 10, 20)
    ),
    Check("two groups without pairs, normal, n = 20 and 20: shape warning raised", 0, 0.065, 4_000,
          partial(unpaired_flagged, groups=Groups(BOTH_NORMAL, (20, 20)))),
    Check("two groups without pairs, skewed (lognormal 0.75), n = 20 and 20: shape warning raised", 0.8, 1, 4_000,
          partial(unpaired_flagged, groups=Groups((lognormal, lognormal), (20, 20)))),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check measured, with the Monte Carlo standard error of the measurement."""

    check: Check
    simulations: int
    measured: float
    passed: bool

    @property
    def standard_error(self) -> float:
        """Binomial, at the measured share."""
        return math.sqrt(self.measured * (1 - self.measured) / self.simulations)


def run(check: Check, *, position: int, reduced: bool) -> Outcome:
    """Simulate one check on its own stream of chance; at reduced size, within its binomial tolerance."""
    rng = np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=(position,)))
    simulations = check.simulations // (REDUCTION if reduced else 1)
    measured = check.simulation(simulations, rng)
    low, high = (
        bound + sign * reduced * REDUCED_STANDARD_ERRORS * math.sqrt(bound * (1 - bound) / simulations)
        for bound, sign in ((check.low, -1), (check.high, 1))
    )
    return Outcome(check, simulations, measured, low <= measured <= high)


def page(outcomes: Sequence[Outcome]) -> str:
    """The evidence as the Markdown page that is published."""
    rows = "\n".join(
        f"| {one.check.what} | {one.check.target} | {one.measured:.2%} | {one.standard_error:.2%} | "
        f"{one.simulations:,} | {'pass' if one.passed else '**FAIL**'} |"
        for one in outcomes
    )
    packages = ", ".join(f"{name} {version(name)}" for name in ("etude", "numpy", "scipy"))
    return PAGE.format(
        rows=rows,
        seed=SEED,
        versions=f"Python {platform.python_version()}, {packages}",
        passed=sum(one.passed for one in outcomes),
        checks=len(outcomes),
    )


PAGE = """# Evidence: the statistics

Each row simulates studies whose truth is known and judges them with the code that judges yours (`decide`,
`mean_interval`, `welch_interval`, `shape_warning`, `e_process_interval`). {passed} of {checks} rows lie within their
target.

| what | target | measured | Monte Carlo s.e. | simulations | |
|---|---|---|---|---|---|
{rows}

- Made by `make evidence-statistics`, which writes this file and fails if a target is missed. The test suite runs a
  twentieth of it, with tolerances from the binomial distribution.
- {versions}.
- Seed {seed}; the constants of the code were chosen on other seeds and then frozen.
- Agreement with scipy, statsmodels and pingouin, to 1e-10 for t, Holm, two one-sided tests and power, and to 1e-8 for
  the analysis of variance, is checked in `tests/numerics/`.
- Skewed differences are covered less often than 95 %, which is why the warning matters; below 20 replicates the
  interval is Student's t whatever the shape, and under skew or with a second basin it promises too much.
- Families and looks were simulated on normal differences. The two combined (Holm at a look) share out the look's own
  error rate, which by Bonferroni over the looks is at most 5.4 % for a family of any size.
- Accuracies: the treated arm loses each test row independently with the true difference as probability, the worst
  case that tuning found; where no effect is simulated, rows are lost and won with 2 % each. A rate of 0 beside a margin
  below one test row says that such scores are never called equivalent, whatever the truth.
- Two groups without pairs: Welch's t whatever the shape. What is skewed alike cancels in the difference, so that such
  groups are covered at least as often as promised; groups that are skewed and unlike in spread or in size are covered
  less often, which is why the warning matters. Their Holm family, equivalence and coarse scores follow the same rules.
- The two rows on advice followed are no promise but the price of judging the same replicates twice with the rule for
  once: their target is the range in which that price is known to lie (margin 0.3 standard deviations).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every check, say how it went, and in full write the page; 1 where a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reduced", action="store_true", help="a twentieth of the simulations; writes nothing")
    reduced = parser.parse_args(arguments).reduced
    outcomes = []
    for position, check in enumerate(CHECKS):
        start = time.perf_counter()
        outcome = run(check, position=position, reduced=reduced)
        outcomes.append(outcome)
        word = "pass" if outcome.passed else "FAIL"
        print(f"{word} {outcome.measured:7.2%} ± {outcome.standard_error:.2%}  ({check.target})  {check.what}  "
              f"[{time.perf_counter() - start:.1f} s]", flush=True)  # fmt: skip
    if not reduced:
        EVIDENCE.write_text(page(outcomes), encoding="utf-8")
        print(f"wrote {EVIDENCE.relative_to(EVIDENCE.parents[2])}")
    return 0 if all(one.passed for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
