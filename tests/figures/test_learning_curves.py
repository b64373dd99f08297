"""Learning curves: the numbers behind them, and their drawing."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from etude.figures.axes import Axis
from etude.figures.learning_curves import (
    Panel,
    draw_learning_curves,
    held_out,
    learning_curves_data,
    panels,
    table_rows,
)
from etude.values.curve import curve
from etude.values.metric import Limit
from etude.values.run import Run

LIMIT = Limit("log_loss", chance=0.6931, best_constant=0.6902, bayes=0.2)


def run(values, *, ended="completed", steps=None):
    steps = range(len(values)) if steps is None else steps
    names = ("train/log_loss", "test/log_loss")
    return Run("r", {name: curve(name, steps, values, unit="nats") for name in names}, ended=ended)


def data(*runs, limit=LIMIT):
    return learning_curves_data("arm", runs, "log_loss", splits=("train", "test"), limit=limit)


def test_median_and_band_are_percentiles_over_the_replicates():
    # eleven replicates at 0, 1, …, 10: the 10th percentile is 1, the median 5, the 90th 9
    train, _ = data(*(run([float(i), 0.0]) for i in range(11))).series
    assert [train.low[0], train.median[0], train.high[0]] == [1.0, 5.0, 9.0]
    assert train.replicates.shape == (11, 2)


def test_percentiles_equal_numpys_where_some_runs_have_ended():
    rng = np.random.default_rng(0)
    runs = [run(rng.standard_normal(length)) for length in (9, 9, 8, 7, 9, 6)]
    train, _ = data(*runs).series
    expected = np.nanpercentile(train.replicates, [10, 50, 90], axis=0)
    assert np.stack([train.low, train.median, train.high]) == pytest.approx(expected)


def test_the_median_stops_where_fewer_than_half_still_train():
    train, _ = data(run([1.0, 1.0, 1.0]), run([3.0, 3.0]), run([5.0])).series
    assert train.median[:2].tolist() == [3.0, 2.0]
    assert np.isnan(train.median[2])


def test_a_diverged_run_is_counted_and_its_infinities_are_gaps():
    found = data(run([1.0, np.inf], ended="diverged"), run([1.0, 0.5]))
    assert found.diverged == 1
    assert np.isnan(found.series[0].replicates[0, 1])
    assert found.series[0].median[1] == 0.5


def test_runs_measured_at_different_steps_share_a_grid():
    train, _ = data(run([1.0, 2.0], steps=[0, 10]), run([1.0, 4.0, 6.0], steps=[0, 5, 10])).series
    assert train.steps.tolist() == [0, 5, 10]
    assert train.replicates.tolist() == [[1.0, 1.0, 2.0], [1.0, 4.0, 6.0]]


def test_an_arm_without_the_curve_has_no_picture():
    assert learning_curves_data("arm", [run([1.0])], "brier", splits=("train", "test")) is None


def test_the_split_that_judges_is_test_where_there_is_one():
    assert held_out({"arm": (run([1.0]),)}, "log_loss") == "test"
    assert held_out({"arm": (run([1.0]),)}, "brier") == "validation"


def test_the_common_axis_holds_every_arm_and_every_limit():
    one, other = panels([data(run([0.9, 0.5])), data(run([0.7, 0.3]))])
    assert one.axis == other.axis
    assert one.axis.low < 0.2
    assert one.axis.high >= 0.9
    assert [one.own_scale, other.own_scale] == [False, False]


def test_an_arm_far_from_the_others_gets_a_scale_of_its_own():
    usual = [data(run(np.linspace(0.7, 0.6, 50))) for _ in range(4)]
    *alike, odd = panels([*usual, data(run(np.linspace(0.7, 3.3, 50)))])
    assert [panel.own_scale for panel in (*alike, odd)] == [False] * 4 + [True]
    assert alike[0].axis.high < 0.75
    assert odd.axis.high > 3.2
    assert odd.axis.low < 0.2  # its own limits are on it


def test_the_drawing_is_well_formed_and_names_the_limits():
    found = data(*(run(np.linspace(0.8, 0.4 + i / 100, 300)) for i in range(4)))
    drawn = draw_learning_curves(panels([found])[0], thin_points=40)
    labels = [t.text for t in ET.fromstring(drawn).findall(".//{*}text[@class='limit-label']")]
    assert labels == ["chance 0.693, best constant 0.69", "Bayes limit 0.2"]
    kinds = {p.get("class") for p in ET.fromstring(drawn).findall(".//{*}path")}
    assert {"thin train", "median train", "band train", "thin held-out"} <= kinds


def test_replicates_are_left_out_on_request():
    found = data(run([0.8, 0.4]), run([0.8, 0.5]))
    assert "thin" not in draw_learning_curves(panels([found])[0], thin=0)
    one, both = (ET.fromstring(draw_learning_curves(panels([found])[0], thin=n)) for n in (1, 2))
    lines = [drawn.find(".//{*}path[@class='thin train']").get("d").count("M") for drawn in (one, both)]
    assert lines == [1, 2]


def test_the_table_says_median_and_band():
    found = data(*(run([float(i), 0.0]) for i in range(11)), limit=None)
    assert table_rows(panels([found])[0])[0] == ("0", "5.0 (1.0 to 9.0)", "5.0 (1.0 to 9.0)")


def test_small_values_on_a_log_axis_keep_their_digits():
    found = data(run(np.geomspace(1.0, 0.0004, 50)), limit=None)
    panel = panels([found])[0]
    assert panel.axis.log
    assert table_rows(panel)[-1][1].startswith("0.0004")


def test_an_arm_that_diverged_from_the_start_still_draws():
    found = data(run([np.nan, np.nan], ended="diverged"), limit=None)
    ET.fromstring(draw_learning_curves(panels([found])[0]))


def test_a_label_keeps_clear_of_the_median():
    # the limit lies at 0.5 and both medians end just above it, so the label goes below its line
    limit = Limit("log_loss", chance=0.5, best_constant=0.5, bayes=None)
    found = data(*(run([1.0, 0.52, 0.52, 0.52]) for _ in range(2)), limit=limit)
    panel = Panel(found, Axis(0.0, 1.0), own_scale=False)
    (label,) = ET.fromstring(draw_learning_curves(panel)).findall(".//{*}text[@class='limit-label']")
    assert float(label.get("y")) == pytest.approx(14 + 168 / 2 + 10)
