"""Fit what treatments are expected to do: writes src/etude/diagnosis/expected.json.

    python benchmarks/bank_expect.py        after bank_train.py and bank_treatments.py

Nothing of the judging part is read.
"""

import argparse
import json
from pathlib import Path

from bank.expecting import fitted_effect, judged_left_out, measured_gains, weighed_of
from bank.fitting import samples
from bank.runs import read_bank

TARGET = Path(__file__).parent.parent / "src" / "etude" / "diagnosis" / "expected.json"

VIEWS = (("train", "validation", "recipe"), ("train", "validation"))
"""What must be known of a run: without a validation series nothing is predicted of one."""


def main() -> None:
    """Fit both views, write the constants, and say how the first choice does where it was left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path(".bank/runs.jsonl"))
    parser.add_argument("--treatments", type=Path, default=Path(".bank/treatments.jsonl"))
    asked = parser.parse_args()
    runs = read_bank(asked.bank, part="fit")
    gains = measured_gains(runs, asked.treatments)
    views = {}
    for view in VIEWS:
        given = samples(runs, view)
        weighed = weighed_of(given)
        treatments: dict[str, dict[str, object]] = {}
        for name, by_arm in gains.items():
            fit = fitted_effect(weighed, given, by_arm)
            treatments[name] = {"helps": _digits(fit.helps), "size": _digits(fit.size), "spread": round(fit.spread, 3)}
        numbers = {"centre": _digits(weighed.centre), "scale": _digits(weighed.scale)}
        views[" ".join(view)] = {"names": list(weighed.names), **numbers, "treatments": treatments}
        left = judged_left_out(given, gains)
        print(
            f"{' '.join(view)}: {len(given)} runs; of {left.ill} ill arms the first choice helps in {left.helps:.1%}, "
            f"its gain within a factor of two in {left.factor:.1%}"
        )
    TARGET.write_text(json.dumps({"schema": 1, "views": views}) + "\n", encoding="utf-8")


def _digits(numbers: object) -> list[float]:
    return [float(f"{number:.4g}") for number in numbers]  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
