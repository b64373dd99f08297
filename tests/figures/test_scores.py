"""Final scores of the arms, and the summary of a study."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from types import MappingProxyType

import pytest

from etude.figures.scores import (
    draw_scores_axis,
    draw_scores_row,
    limit_text,
    means_and_deviations,
    median_text,
    metrics_of,
    off_the_scale,
    range_text,
    run_scores,
    scores_data,
    typical_scores,
)
from etude.figures.summary import recipe_fields, run_facts, summary_data
from etude.values.claim import Claim, Contrast, Judgement
from etude.values.curve import curve
from etude.values.metric import Limit
from etude.values.recipe import Recipe
from etude.values.run import PICTURED, Run
from etude.values.study import Arm, Plan, StudyResult

BASE = Recipe(data={"task": "sincos"}, loss="bce")


def run(score, *, ended="completed", **provenance):
    curves = {f"test/{m}": curve(f"test/{m}", [0, 9], [0.7, score]) for m in ("log_loss", "accuracy")}
    return Run("r", curves, ended=ended, last_step=9, kept_step=9, provenance=MappingProxyType(provenance))


@pytest.fixture
def result():
    claim = Claim(text="it helps", stated=(Contrast(treated={"loss": "mse"}),))
    return StudyResult(
        plan=Plan(base=BASE, metric="accuracy", claims=(claim,)),
        arms=(Arm("a", {}, BASE), Arm("b", {}, BASE)),
        runs={
            "a": (run(0.2, data="x", seconds=1.0), run(0.3, data="y", seconds=3.0), run(0.9, data="z", seconds=2.0)),
            "b": (run(0.5, torch="2"), run(0.4, torch="2"), run(0.1, ended="diverged")),
        },
        limits={"a": {"log_loss": Limit("log_loss", 0.69, 0.68, None)}},
        judgements=(Judgement(claim, "undecided", "too few"), Judgement(claim, "supported", "yes")),
        provenance={"seconds": 12.5},
    )


def test_median_and_range_leave_diverged_runs_out_and_count_them(result):
    a, b = scores_data(result, "log_loss").rows
    assert (a.median, a.low, a.high, a.diverged) == (0.3, 0.2, 0.9, 0)
    assert (b.median, b.diverged) == (pytest.approx(0.45), 1)


def test_a_limit_that_is_not_known_is_a_dash(result):
    (a, b) = scores_data(result, "log_loss").rows
    assert limit_text(a, "chance", 3) == "0.690"
    assert limit_text(a, "Bayes limit", 3) == limit_text(b, "chance", 3) == "–"


def test_the_primary_metric_comes_first(result):
    assert metrics_of(result) == ("accuracy", "log_loss")


def test_a_metric_nobody_measured_has_no_table(result):
    assert scores_data(result, "brier") is None


def test_every_finite_replicate_is_a_dot(result):
    data = scores_data(result, "log_loss")
    drawn = ET.fromstring(draw_scores_row(data, data.rows[1]))
    assert n_dots(drawn) == 2
    ET.fromstring(draw_scores_axis(data))


def n_dots(drawn):
    return sum(path.get("d").count("M") for path in drawn.findall(".//{*}path[@class='dots']"))


def test_of_very_many_runs_the_first_are_dots_and_all_are_counted(result):
    many = replace(result, runs={**result.runs, "a": tuple(run(i / 1000) for i in range(1001))})
    row = scores_data(many, "log_loss").rows[0]
    assert (row.runs, len(row.scores), row.median, row.high) == (1001, PICTURED, 0.5, 1.0)


def test_mean_and_deviation_are_over_the_runs_that_finished(result):
    # 0.2, 0.3 and 0.9 have mean 0.4667 and squared distances 0.0711, 0.0278 and 0.1878
    assert means_and_deviations(result, "log_loss") == (("0.4667", "0.3786"), ("0.45", "0.07071"))
    gone = replace(result, arms=result.arms[:1], runs={"a": (run(0.1, ended="diverged"), run(0.4))})
    assert means_and_deviations(gone, "log_loss") == (("0.4", "–"),)


def test_an_arm_far_off_leaves_the_others_the_axis_and_says_so():
    scores = {"a": (0.50, 0.60), "b": (0.55, 0.60), "c": (0.50, 0.55), "odd": (3.0, 3.2), "half": (0.55, 3.0)}
    study = StudyResult(
        plan=Plan(base=BASE),
        arms=tuple(Arm(name, {}, BASE) for name in scores),
        runs={name: tuple(map(run, found)) for name, found in scores.items()},
        limits={},
    )
    data = scores_data(study, "log_loss")
    assert data.axis.high < 0.7
    assert [off_the_scale(data, row) for row in data.rows] == [(0, 0), (0, 0), (0, 0), (0, 2), (0, 1)]
    words = [[t.text for t in ET.fromstring(draw_scores_row(data, row)).findall("{*}text")] for row in data.rows]
    assert words == [[], [], [], ["off the scale →"], ["1 off the scale →"]]
    assert n_dots(ET.fromstring(draw_scores_row(data, data.rows[4]))) == 1


def test_an_arm_without_a_finite_score_has_dashes():
    arms = {"good": (run(0.5), run(0.4)), "gone": (run(0.1, ended="diverged"),)}
    study = StudyResult(Plan(base=BASE), tuple(Arm(name, {}, BASE) for name in arms), arms, {})
    data = scores_data(study, "log_loss")
    good, gone = data.rows
    assert (median_text(data, gone), range_text(data, gone)) == ("–", "–")
    assert (median_text(data, good), range_text(data, good)) == ("0.450", "0.400 to 0.500")
    assert run_scores(arms["gone"][0], [data]) == ("–", "–")
    assert run_scores(arms["good"][0], [data]) == ("–", "0.50000")  # no train curve was kept


def test_typical_scores_are_nan_where_a_run_diverged(result):
    assert str(typical_scores(result, "b", ("accuracy",))) == "[0.5, 0.4, nan]"


def test_the_summary_counts_claims_runs_and_failures(result):
    found = summary_data(result)
    assert (found.claims, found.arms, found.runs, found.replicates, found.diverged) == (2, 2, 6, 3, 1)
    assert found.verdicts == (("supported", 1), ("undecided", 1))
    assert found.seconds is None  # one run in three does not say how long it took


def test_the_training_time_is_the_sum_over_the_runs(result):
    timed = replace(result, runs={"a": result.runs["a"]}, arms=result.arms[:1])
    assert summary_data(timed).seconds == 6.0


def test_facts_of_runs_say_one_value_a_range_or_how_many(result):
    facts = dict(run_facts(run for arm in result.runs.values() for run in arm))
    assert facts["torch"] == "2"
    assert facts["data"] == "3 different values over the runs"
    assert facts["seconds"] == "median 2, from 1 to 3 over the runs"


def test_a_recipe_is_told_field_by_field():
    fields = dict(recipe_fields(BASE))
    assert fields["data.task"] == "sincos"
    assert fields["model.hidden"] == "16"
    assert "batch_size" not in fields
