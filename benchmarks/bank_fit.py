"""Fit the constants of the verdicts on the bank's fitting part: writes src/etude/diagnosis/constants.json.

    python benchmarks/bank_fit.py

Nothing of the judging part is read. Thresholds are set on probabilities of models that have seen nothing of a run's
data set: of the runs that nothing helps, no more than `ALARMS` may be called ill.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from bank.fitting import VIEWS, Sample, fitted, left_out, plain, right, samples, sureness, threshold
from bank.runs import read_bank
from bank.truth import KINDS

TARGET = Path(__file__).parent.parent / "src" / "etude" / "diagnosis" / "constants.json"
ALARMS = 0.04
WIDE = (20, 80)
"""Percentiles of gains that are predicted."""


def gains(given: Sequence[Sample]) -> dict[str, list[float]]:
    """Of each verdict the range of what its best treatment gained, as a share of where the run began."""
    found: dict[str, list[float]] = {}
    for verdict, names in KINDS.items():
        of = [one for one in given if one.run.truth.verdict == verdict]
        shares = [
            max(one.run.truth.gains[name] for name in names if name in one.run.truth.gains)
            * one.run.row["chance"]
            / one.evidence.begin
            for one in of
        ]
        if shares:
            found[verdict] = [float(f"{max(value, 0.01):.2g}") for value in np.percentile(shares, WIDE)]
    return found


def main() -> None:
    """Fit every view, write the constants, and say how they do on data sets left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path(".bank/runs.jsonl"))
    runs = read_bank(parser.parse_args().bank, part="fit")
    models, first = {}, None
    for view in VIEWS:
        given = samples(runs, view)
        first = first or given
        smooth = samples(runs, view, smooth=True)
        found = left_out(given, smooth)
        model = replace(fitted([*given, *smooth]), sure=sureness(given, found))
        key, ill = " ".join(view), threshold(model, given, found, alarms=ALARMS)
        models[key] = replace(model, ill=ill)
        print(f"{key:26s} {len(given)} runs, right {right(given, found).mean():.3f}, ill from {ill:.2f}")
    assert first is not None
    print(len(runs), "runs:", dict(Counter(one.run.truth.verdict for one in first)))
    constants = {"schema": 1, "gains": gains(first), "models": plain(models)}
    TARGET.write_text(json.dumps(constants) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
