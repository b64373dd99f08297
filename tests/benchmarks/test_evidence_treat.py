"""The evidence of treating: its sums by hand, its page, and its null spaces at a reduced size."""

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def treating(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import treating.notebooks
    import treating.null
    import treating.page
    import treating.prescriptions
    import treating.search

    return treating


def row(verdict, gained, *, ill=True, predicted=0.2):
    told = {"treatment": "more epochs (3)", "verdict_of_arm": "not converged", "well": False}
    return {"arm": "a", "ill": ill, "verdict": verdict, "gained": gained, "predicted": predicted, **told}


def test_sums_of_the_prescriptions(treating):
    rows = [
        row("better", 0.15),  # 0.2 is within a factor of two of it
        row("better", 0.05),
        row("undecided", 0.3),
        row("better", 0.2, predicted=None),
        row("better", 0.12, ill=False),
        row("better", 0.02, ill=False),
        row("equivalent", 0.0, ill=False),
        {"arm": "b", "ill": True, "treatment": "dropout", "failed": "too large"},
    ]
    found = treating.prescriptions.summed(rows)
    assert (found["ill arms"], found["verified"], found["failed"]) == (4, 3, 1)
    assert (found["unmeasured first"], found["unmeasured verified"]) == (1, 1)
    assert (found["sized"], found["within a factor of two"]) == (3, 2)
    assert (found["healthy trials"], found["called better"], found["better by a tenth"]) == (3, 2, 1)


def test_the_page_gives_every_figure(treating):
    prescriptions = treating.prescriptions.summed(
        [row("better", 0.15), row("undecided", 0.3), row("better", 0.02, ill=False)]
    )
    notebook = {
        "notebook": "notebook 2",
        "seed": 1,
        "before": 0.21,
        "after": 0.09,
        "removed": [0.74, 0.68, 0.8],
        "changes": ["model.hidden 5 → 80"],
        "ended": "the budget is spent",
        "trainings": 700,
        "seconds": 300.0,
    }
    search = {
        "data": "digits",
        "recipe": "too short",
        "seed": 3,
        "untreated": 1.0,
        "treated": 0.2,
        "searched": 0.21,
        "difference": [-0.01, -0.02, 0.0],
        "verdict": "better",
        "trainings": [200, 250],
    }
    page = treating.page.page(
        {
            "prescriptions": prescriptions,
            "null": {"studies": 200, "treatments": 8, "kept": 7, "confirmed on fresh seeds": 1},
            "notebooks": {"notebooks": [notebook]},
            "search": {"rows": [search]},
        }
    )
    assert "of 2 ill arms | 50.0% | 80 %" in page
    assert "in 7 (3.5%; target 5 %)" in page
    assert "| notebook 2 | 1 | 0.2100 | 0.0900 | 74.0% (68.0% to 80.0%) | 700 | 5.0 |" in page
    scores = "| digits | too short | 3 | 1.000 | 0.200 | 0.210 | −0.010 (−0.020 to 0.000) | better"
    assert f"{scores} | 200, 250 |" in page
    assert "With the seeds below for both, treated is better or equivalent in 1 of 1" in page
    null = {"null": {"studies": 100, "treatments": 8, "kept": 1, "confirmed on fresh seeds": 0}}
    assert treating.page.page({}, page) == page
    assert "in 1 (1.0%; target 5 %)" in treating.page.page(null, page)
    assert scores in treating.page.page(null, page)
    assert treating.page.page(null, "# An unfinished page").count("\n## ") == 1


@pytest.mark.slow
def test_treatments_that_change_nothing_are_seldom_kept(treating, tmp_path):
    found = treating.null.measured(folder=tmp_path, reduced=True)
    assert found["studies"] == 30
    assert found["kept"] <= 6  # at 5 % more have a probability of 0.3 %


@pytest.mark.slow
def test_the_notebook_is_treated_within_a_small_budget(treating, tmp_path):
    (found,) = treating.notebooks.measured(folder=tmp_path, reduced=True)["notebooks"]
    assert found["trainings"] <= 120
    assert found["removed"][1] > 0.1  # what one or two rounds do, surely
