"""What an arm of the bank is truly ill with, as the interventions show.

The rules were settled on the fitting part alone, and frozen before the judging part was read.

The outcome of a training is the test metric at its end (log loss of classes, squared error of numbers), no more than
`WORST` times what the best constant scores. An intervention's gain is the control's outcome less its own, paired by
replicate, as a share of what the best constant scores. It **helps** if the mean gain is at least `SMALLEST` and its
one-sided Student t bound of level `SURE` is above 0; it **may help** if only the bound of level `LIKELY` is. Each kind
of help names one verdict.

1. A run is `diverged` if its loss is not finite or ends above `DIVERGED` times the best constant's.
2. A run is `not learning` if on its own training part it never beat the best constant by `AT_CHANCE` of its score.
   Whatever helps such an arm is true as well.
3. What helps the held-out score while the training part ends worse helps by learning less by heart, whatever it is: it
   counts as a cure of overfitting. So a rate is too low or too high, a network too small, only where both parts gain.
4. Otherwise the truth is the arm's: of all that helps, what helps most, and everything that helps at least `AS_GOOD`
   times as much. The first of these in the order of `KINDS` is the arm's one verdict; the others are accepted.
   More epochs that help at least half as much as a wider network take precedence over it: capacity is when longer
   does not do.
5. Where nothing helps it is a `good fit`; what may help by `SMALLEST` is accepted too. Where the best gain is within
   `GREY` of the smallest that counts, both that verdict and good fit are accepted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import stats

from etude.values.finding import Verdict

SMALLEST, AT_CHANCE, WORST, DIVERGED = 0.1, 0.03, 3.0, 2.0
AS_GOOD, GREY = 0.75, (0.5, 1.5)
SURE, LIKELY = 0.975, 0.8

STOPPING = "stopping at the best validation epoch"

KINDS: Mapping[Verdict, tuple[str, ...]] = MappingProxyType(
    {
        "overfit": (STOPPING, "weight decay", "dropout 0.3"),
        "over-regularised": ("no regulariser",),
        "learning rate too high": ("rate / 3", "rate / 10"),
        "learning rate too low": ("3 x rate", "10 x rate"),
        "not converged": ("3 x epochs",),
        "underfit (capacity)": ("wider",),
        "underfit (optimisation)": ("plain optimisation",),
    }
)
"""Which interventions show which verdict; the cheapest to put right comes first."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Of one run. `accepted`: every verdict that would be right, `verdict` among them."""

    verdict: Verdict
    accepted: frozenset[Verdict]
    gains: Mapping[str, float]


def truths(rows: Sequence[Mapping[str, Any]]) -> Mapping[int, Truth]:
    """The truth of each replicate of one arm, from all of its trainings."""
    controls = {row["replicate"]: row for row in rows if row["intervention"] == "control"}
    chance = next(iter(controls.values()))["chance"]
    gains = _gains(rows, controls, chance)
    learned = _training_gains(rows, controls, chance)
    helps, may = (_by_kind(gains, learned, level) for level in (SURE, LIKELY))
    named, accepted = _named(helps, may)
    plain = {name: float(np.mean(values)) for name, values in gains.items()}
    found = {}
    for replicate, row in controls.items():
        if _diverged(row, chance):
            found[replicate] = Truth("diverged", frozenset({"diverged", *_also(helps)}), plain)
        elif _at_chance(row, chance):
            found[replicate] = Truth("not learning", frozenset({"not learning", *(accepted - {"good fit"})}), plain)
        else:
            found[replicate] = Truth(named, accepted, plain)
    return found


def _named(helps: Mapping[Verdict, float], may: Mapping[Verdict, float]) -> tuple[Verdict, frozenset[Verdict]]:
    """The arm's one verdict, and all that are accepted, from the gains of what helps and of what may help."""
    best = max(helps.values(), default=0.0)
    if best < SMALLEST:
        return "good fit", frozenset({"good fit", *_best_of(may, least=GREY[0] * SMALLEST)})
    right = _best_of(helps, least=SMALLEST)
    longer, wider = helps.get("not converged", 0.0), helps.get("underfit (capacity)", 0.0)
    if right[0] == "underfit (capacity)" and longer >= max(SMALLEST, 0.5 * wider):
        right = ["not converged", *right]
    grey = {"good fit"} if best < GREY[1] * SMALLEST else set()
    return right[0], frozenset({*right, *grey})


def _best_of(gains: Mapping[Verdict, float], *, least: float) -> list[Verdict]:
    """Verdicts of the greatest gains, in the order of `KINDS`."""
    best = max(gains.values(), default=0.0)
    return [verdict for verdict in KINDS if gains.get(verdict, 0.0) >= max(least, AS_GOOD * best)]


def _also(helps: Mapping[Verdict, float]) -> tuple[Verdict, ...]:
    """Why a run diverges, where the intervention says so."""
    return tuple(verdict for verdict in helps if verdict == "learning rate too high")


def _gains(
    rows: Sequence[Mapping[str, Any]], controls: Mapping[int, Mapping[str, Any]], chance: float
) -> dict[str, list[float]]:
    """As shares of the best constant's score, a list over replicates for each intervention."""
    gains: dict[str, list[float]] = {}
    for row in rows:
        if row["intervention"] != "control":
            gains.setdefault(row["intervention"], []).append(gained(controls[row["replicate"]], row, chance))
    gains[STOPPING] = [(_outcome(row, chance) - _stopped(row, chance)) / chance for row in controls.values()]
    return gains


def _training_gains(
    rows: Sequence[Mapping[str, Any]], controls: Mapping[int, Mapping[str, Any]], chance: float
) -> Mapping[str, float]:
    """Mean gain on the training part of each intervention, as a share of the best constant's score."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["intervention"] != "control":
            before, after = (_capped(one["train"], chance) for one in (controls[row["replicate"]], row))
            found.setdefault(row["intervention"], []).append((before - after) / chance)
    return {name: float(np.mean(values)) for name, values in found.items()}


def gained(control: Mapping[str, Any], treated: Mapping[str, Any], chance: float) -> float:
    """What a treated training gained over its control, as a share of the best constant's score."""
    return (_outcome(control, chance) - _outcome(treated, chance)) / chance


def _outcome(row: Mapping[str, Any], chance: float) -> float:
    return _capped(row["test"], chance)


def _capped(value: float | None, chance: float) -> float:
    return WORST * chance if value is None else min(value, WORST * chance)


def _stopped(row: Mapping[str, Any], chance: float) -> float:
    """The test metric where the validation objective was best."""
    curves = row["curves"]
    held_out = [np.inf if value is None else value for value in curves["validation/objective"]["values"]]
    step = curves["validation/objective"]["steps"][int(np.argmin(held_out))]
    test = curves[f"test/{row['metric']}"]
    return _capped(test["values"][test["steps"].index(step)] if step in test["steps"] else row["test"], chance)


def _by_kind(gains: Mapping[str, Sequence[float]], learned: Mapping[str, float], level: float) -> dict[Verdict, float]:
    """The greatest mean gain of each kind among those above 0 at that level; a kind without one is left out."""
    best: dict[Verdict, float] = {}
    for verdict, names in KINDS.items():
        for name in names:
            if name in gains and _above(gains[name], level):
                shows = verdict if learned.get(name, 0.0) > 0 else "overfit"
                best[shows] = max(best.get(shows, 0.0), float(np.mean(gains[name])))
    return best


def _above(gains: Sequence[float], level: float) -> bool:
    """Whether the one-sided bound of the mean gain is above 0; with one replicate, whether the gain is."""
    n, mean = len(gains), float(np.mean(gains))
    spread = float(np.std(gains, ddof=1)) * stats.t.ppf(level, n - 1) / np.sqrt(n) if n > 1 else 0.0
    return bool(mean > max(spread, 0.0))


def _diverged(row: Mapping[str, Any], chance: float) -> bool:
    losses = [row["train"], row["train_objective"]]
    return row["ended"] == "diverged" or None in losses or row["train"] > DIVERGED * chance


def _at_chance(row: Mapping[str, Any], chance: float) -> bool:
    values = [value for value in row["curves"][f"train/{row['metric']}"]["values"] if value is not None]
    return min(values) > (1 - AT_CHANCE) * chance
