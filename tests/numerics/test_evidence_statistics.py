"""The published evidence, a twentieth of it, and the page it is published on."""

import importlib.util
import math
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "evidence_statistics.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("evidence_statistics", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


evidence = load()


@pytest.mark.slow
@pytest.mark.parametrize("position", range(len(evidence.CHECKS)), ids=lambda i: evidence.CHECKS[i].what)
def test_the_statistics_keep_their_promises(position: int):
    outcome = evidence.run(evidence.CHECKS[position], position=position, reduced=True)
    assert outcome.passed, f"measured {outcome.measured:.2%}, promised {outcome.check.target}"


@pytest.mark.parametrize("sampler", [evidence.normal, evidence.lognormal, evidence.second_basin])
def test_every_simulated_truth_is_a_mean_of_zero(sampler):
    values = sampler(100_000, evidence.np.random.default_rng(0))
    assert values.mean() == pytest.approx(0, abs=4 * values.std() / math.sqrt(values.size))


def test_the_published_page_shows_every_check_and_no_failure():
    page = evidence.EVIDENCE.read_text(encoding="utf-8")
    assert [check.what for check in evidence.CHECKS if f"| {check.what} |" not in page] == []
    assert "**FAIL**" not in page


def test_every_measured_number_the_explanation_quotes_is_in_the_evidence():
    explained = (evidence.EVIDENCE.parents[1] / "statistics.md").read_text(encoding="utf-8")
    quoted = re.findall(r"(\d+\.\d\d) %", explained)
    published = evidence.EVIDENCE.read_text(encoding="utf-8")
    assert len(quoted) > 10
    assert [number for number in quoted if f"| {number}% |" not in published] == []
