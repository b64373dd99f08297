"""Fit the constants of the verdicts on the bank's fitting part: writes src/etude/diagnosis/constants.json.

    python benchmarks/bank_fit.py

Nothing of the judging part is read. Thresholds and sureness are set on probabilities of models that have seen neither a
run's data set nor its architecture: of the runs that nothing helps, no more than `ALARMS` may be called ill. What is
printed of each view is of these too, the calibration error with a sureness that was learned on other data.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from bank.fitting import (
    VIEWS,
    Floats,
    Sample,
    fitted,
    left_out,
    plain,
    right,
    samples,
    seen_as,
    stated,
    sureness,
    threshold,
    together,
)
from bank.judging import Said, score
from bank.runs import BankRun, read_bank
from bank.truth import KINDS

from etude.diagnosis.evidence import best_constant
from etude.diagnosis.verdict import VERDICTS, WELL, Model, confirmed

TARGET = Path(__file__).parent.parent / "src" / "etude" / "diagnosis" / "constants.json"
ALARMS = 0.04
POWERS = (1.0, 1.25, 1.5, 2.0)
WIDE = (20, 80)
"""Percentiles of gains that are predicted."""


def gains(given: Sequence[Sample]) -> dict[str, list[float]]:
    """Of each verdict the range of what its best treatment gained, as a share of where the run began."""
    found: dict[str, list[float]] = {}
    for verdict, names in KINDS.items():
        of = [one for one in given if one.run.truth.verdict == verdict]
        shares = [
            max(one.run.truth.gains[name] for name in names if name in one.run.truth.gains)
            * (best_constant(seen_as(one.run, VIEWS[0])) or one.evidence.begin)
            / one.evidence.begin
            for one in of
        ]
        if shares:
            found[verdict] = [float(f"{max(value, 0.01):.2g}") for value in np.percentile(shares, WIDE)]
    return found


def said(given: Sequence[Sample], found: Floats, chances: Floats, ill: float) -> list[Said]:
    """What would be said of runs that have these shares and chances."""
    likeliest = [VERDICTS[i] for i in found.argmax(axis=1)]
    told = [chance >= (WELL if one == "good fit" else ill) for one, chance in zip(likeliest, chances, strict=True)]
    return [
        Said(one.run, verdict if tell else "cannot tell", float(chance if tell else 1 - chance), verdict)
        for one, verdict, tell, chance in zip(given, likeliest, told, chances, strict=True)
    ]


def of_arms(model: Model, given: Sequence[Sample], found: Floats) -> str:
    """For powers of `SHARPEN`: how right the verdicts of whole arms are, and what they state."""
    parts = []
    for power in POWERS:
        arms, shares = together(given, found, power)
        chances = np.array([confirmed(model, float(share)) for share in shares.max(axis=1)])
        told = [one for one in said(arms, shares, chances, model.ill) if one.told]
        mean = np.mean([one.probability or 0.0 for one in told])
        parts.append(f"{power:g}: {np.mean([one.right for one in told]):.3f} for {mean:.3f}")
    return "; ".join(parts)


@cache
def fitting_part(bank: Path) -> Sequence[BankRun]:
    """Its runs, read once."""
    return read_bank(bank, part="fit")


def fit_view(bank: Path, view: Sequence[str]) -> Model:
    """The model of a view; how it does on what was left out is printed."""
    runs = fitting_part(bank)
    given = samples(runs, view)
    found = left_out(given)
    model = replace(fitted([*given, *samples(runs, view, smooth=True)]), sure=sureness(given, found))
    model = replace(model, ill=threshold(model, given, found, alarms=ALARMS))
    of = score(said(given, found, stated(given, found), model.ill))
    print(
        f"{' '.join(view):26s} {of.runs} runs, right {right(given, found).mean():.3f}, told {of.coverage:.3f}, "
        f"confirmed {of.right:.3f}, macro-F1 {of.told_f1:.3f}, calibration error {of.calibration:.3f}, "
        f"false alarms {of.false_alarms:.3f}, ill from {model.ill:.2f}; "
        f"replicates together, right for what is stated, by power: {of_arms(model, given, found)}",
        flush=True,
    )
    return model


def main() -> None:
    """Fit every view, write the constants, and say how they do on what was left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path(".bank/runs.jsonl"))
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    runs = fitting_part(asked.bank)  # before the fork, so that every process has them, and the limits of their data
    first = samples(runs, VIEWS[0])
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("fork")) as pool:
        found = pool.map(partial(fit_view, asked.bank), VIEWS)
        models = {" ".join(view): model for view, model in zip(VIEWS, found, strict=True)}
    print(len(runs), "runs:", dict(Counter(one.run.truth.verdict for one in first)))
    constants = {"schema": 1, "gains": gains(first), "models": plain(models)}
    TARGET.write_text(json.dumps(constants) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
