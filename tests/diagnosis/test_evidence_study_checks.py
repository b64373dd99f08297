"""The published evidence of the checks over replicates and arms, and a small part of it on other seeds."""

import importlib.util
import sys
from pathlib import Path

import pytest
from scipy import stats

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "evidence_study_checks.py"
PAGE = ROOT / "docs" / "evidence" / "study-checks.md"

MOST_FALSE, LEAST_SEEN = 0.1, 0.1
"""No published row has more false alarms, or fewer detections."""


@pytest.fixture(scope="module")
def evidence():
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def rows():
    cells = (line.strip("| \n").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines())
    return [
        (row[0], row[1], row[2], *map(int, row[3].split(" of "))) for row in cells if len(row) == 5 and " of " in row[3]
    ]


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[0]}: {row[1]}")
def test_a_check_seldom_speaks_where_it_should_not_and_often_where_it_should(row):
    _, _, wanted, hits, n = row
    assert n >= 8
    assert hits >= LEAST_SEEN * n if wanted == "yes" else hits <= MOST_FALSE * n


@pytest.mark.slow
def test_units_are_told_as_published_on_other_seeds(evidence):
    found = {row.what: row for row in evidence.units(5_000_000)}
    right, wrong = (found[f"told {how} from loss and accuracy"] for how in ("rightly", "wrongly"))
    assert right.hits >= stats.binom.ppf(0.001, right.n, 0.95)
    assert wrong.hits <= stats.binom.ppf(0.999, wrong.n, 0.03)
