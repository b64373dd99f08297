"""Fitting what treatments are expected to do, on the bank's fitting part, and judging it by leaving parts of it out."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bank.fitting import Sample
from bank.runs import BankRun
from bank.truth import gained
from numpy.typing import NDArray
from scipy.optimize import minimize

from etude.diagnosis.verdict import Model, standardised

Floats = NDArray[np.float64]

TREATMENT_OF: Mapping[str, tuple[str, ...]] = {
    "3 x epochs": ("more epochs (3)",),
    "3 x rate": ("larger learning rate (3)",),
    "10 x rate": ("larger learning rate (10)",),
    "rate / 3": ("smaller learning rate (3)",),
    "rate / 10": ("smaller learning rate (10)",),
    "wider": ("wider network (4)", "wider network (16)"),
    "weight decay": ("more weight decay (10)",),
    "dropout 0.3": ("dropout (0.3)",),
    "no regulariser": ("less weight decay (0)", "less dropout (0)"),
    "stopping at the best validation epoch": ("early stopping",),
}
"""The bank's interventions as treatments that étude prescribes."""

LEAST_ARMS = 50
"""Arms that a treatment must have been tried in: a regression on fewer says more of the arms than of the treatment."""

HELPS = 0.03
"""A gain that counts as help here, as a share of the best constant's score."""

PENALTY_HELPS, PENALTY_SIZE = 1e-2, 1e-1
"""Of the squared weights; of 0.01 to 0.1 and 0.03 to 1 none did better by more than a hundredth, data sets and
architectures left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Of one intervention: weights of the logit of help, of the logarithm of the gain, and its spread."""

    helps: Floats
    size: Floats
    spread: float


Gains = Mapping[str, Mapping[str, float]]
"""Treatment → arm → what it gained there, a mean over replicates, as a share of the best constant's score."""


def measured_gains(runs: Sequence[BankRun], further: Path) -> Gains:
    """What treatments gained in these runs' arms: the bank's interventions, and those that bank_treatments.py made.

    Of the latter only those that were tried in `LEAST_ARMS` arms or more.
    """
    found: dict[str, dict[str, float]] = {}
    for intervention, names in TREATMENT_OF.items():
        tried = {one.arm: one.truth.gains[intervention] for one in runs if intervention in one.truth.gains}
        found |= dict.fromkeys(names, tried)
    controls = {(one.arm, one.row["replicate"]): one.row for one in runs}
    made: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in further.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        control = controls.get((row["arm"], row["replicate"]))
        if control is not None:
            made[row["intervention"]][row["arm"]].append(gained(control, row, control["chance"]))
    means = {name: {arm: float(np.mean(of)) for arm, of in arms.items()} for name, arms in sorted(made.items())}
    return found | {name: arms for name, arms in means.items() if len(arms) >= LEAST_ARMS}


def gains_of(given: Sequence[Sample], gains: Mapping[str, float]) -> Floats:
    """What a treatment gained in each sample's arm; NaN where it was not tried."""
    return np.array([gains.get(one.run.arm, np.nan) for one in given])


def fitted_effect(weighed: Model, given: Sequence[Sample], by_arm: Mapping[str, float]) -> Fit:
    """Both regressions; the replicates of an arm count as one arm together."""
    gains = gains_of(given, by_arm)
    tried = np.isfinite(gains)
    z = standardised(weighed, np.array([one.weighed for one in given]))[tried]
    gains = gains[tried]
    there = gains >= HELPS
    helps = _logistic(z, there)
    if not there.any():
        return Fit(helps, np.append(np.zeros(z.shape[1] - 1), np.log(HELPS)), 0.0)
    size = _ridge(z[there], np.log(gains[there]))
    spread = float(np.std(np.log(gains[there]) - z[there] @ size))
    return Fit(helps, size, spread)


def _logistic(z: Floats, was: NDArray[np.bool_]) -> Floats:
    def loss(w: Floats) -> tuple[float, Floats]:
        logit = z @ w
        shrunk = np.append(w[:-1], 0.0)
        slope = z.T @ (1 / (1 + np.exp(-logit)) - was) / len(z) + PENALTY_HELPS * shrunk
        return float(np.mean(np.logaddexp(0, logit) - was * logit) + PENALTY_HELPS * shrunk @ shrunk / 2), slope

    return np.asarray(minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B").x)


def _ridge(z: Floats, y: Floats) -> Floats:
    penalty = PENALTY_SIZE * len(z) * np.eye(z.shape[1])
    penalty[-1, -1] = 0.0
    return np.asarray(np.linalg.solve(z.T @ z + penalty, z.T @ y))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How the first choice does in arms whose data set and architecture the regressions have not seen.

    ill:    arms in which some intervention gains a tenth of the best constant's score
    helps:  share of them in which the first choice gains at least `HELPS`
    factor: share of them in which its gain was predicted within a factor of two
    """

    ill: int
    helps: float
    factor: float


ILL = 0.1


def judged_left_out(given: Sequence[Sample], gains: Gains) -> LeftOut:
    """The first choice: the greatest product of the probability of help and the gain, at most the whole score."""
    arms = sorted({one.run.arm for one in given})
    nth = {arm: i for i, arm in enumerate(arms)}
    of = np.array([nth[one.run.arm] for one in given])
    known, helps, sizes = (np.full((len(gains), len(arms)), np.nan) for _ in range(3))
    for row, by_arm in enumerate(gains.values()):
        found = _left_out(given, by_arm)
        for table, numbers in zip((known, helps, sizes), (gains_of(given, by_arm), *found), strict=True):
            for arm in range(len(arms)):
                table[row, arm] = numbers[of == arm].mean()
    expected = np.where(np.isfinite(known), helps * np.minimum(np.exp(sizes), 1), -1.0)
    first, columns = expected.argmax(axis=0), np.arange(len(arms))
    ill = np.nan_to_num(known, nan=-1.0).max(axis=0) >= ILL
    gained_, predicted = known[first, columns][ill], np.minimum(np.exp(sizes[first, columns][ill]), 1)
    ratio = predicted / np.maximum(gained_, 1e-9)
    within = (ratio > 0.5) & (ratio < 2)
    return LeftOut(int(ill.sum()), float(np.mean(gained_ >= HELPS)), float(within.mean()))


def _left_out(given: Sequence[Sample], by_arm: Mapping[str, float]) -> tuple[Floats, Floats]:
    """The probability of help, and the logarithm of the gain, by regressions that have not seen the sample's like."""
    helps, size = (np.full(len(given), np.nan) for _ in range(2))
    for data, architecture in sorted({(one.run.data, one.run.architecture) for one in given}):
        mine = [i for i, one in enumerate(given) if (one.run.data, one.run.architecture) == (data, architecture)]
        others = [one for one in given if one.run.data != data and one.run.architecture != architecture]
        weighed = weighed_of(others)
        fit = fitted_effect(weighed, others, by_arm)
        z = standardised(weighed, np.array([given[i].weighed for i in mine]))
        helps[mine], size[mine] = 1 / (1 + np.exp(-z @ fit.helps)), z @ fit.size
    return helps, size


def weighed_of(given: Sequence[Sample]) -> Model:
    """Which evidence is weighed, its mean and its standard deviation."""
    table = np.array([one.weighed for one in given])
    names = tuple(sorted(given[0].evidence.values))
    return Model(names, table.mean(axis=0), table.std(axis=0) + 1e-9, np.zeros((0, 0)))
