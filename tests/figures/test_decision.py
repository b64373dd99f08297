"""What two-feature arms learned."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from etude.figures.decision import decision_data, draw_decision, table_columns, table_rows
from etude.values.curve import curve
from etude.values.run import Run

X = np.linspace(-2, 2, 21)


def run(p, *, truth=None, x=X, name="test/log_loss"):
    arrays = {"decision/x1": x, "decision/x2": x, "decision/p": p}
    arrays |= {} if truth is None else {"decision/truth": truth}
    return Run("r", {name: curve(name, [0], [0.5])}, arrays=arrays)


def ramp(at):
    """P(class 1) that crosses one half at x1 = `at`, whatever x2."""
    return np.clip(0.5 + np.tile(X - at, (21, 1)) / 10, 0, 1)


def test_the_median_boundary_is_where_the_middle_replicate_has_it():
    data = decision_data("arm", [run(ramp(at)) for at in (-1.0, 0.25, 1.5)])
    (line,) = data.boundaries
    assert line[:, 0] == pytest.approx(0.25)
    assert np.ptp(line[:, 1]) == pytest.approx(4)
    assert len(data.each) == 3


def test_agreement_is_the_share_of_the_plane_with_the_same_class():
    # of 21 columns from -2 to 2, the two boundaries at -0.1 and 0.9 disagree on those at 0, 0.2, 0.4, 0.6, 0.8
    data = decision_data("arm", [run(ramp(-0.1), truth=ramp(0.9))])
    assert data.agreement == pytest.approx(16 / 21)
    assert data.bayes[0][:, 0] == pytest.approx(0.9)


def test_without_the_truth_the_bayes_boundary_is_left_out():
    data = decision_data("arm", [run(ramp(0.0))])
    assert data.bayes == ()
    assert "Bayes" not in draw_decision(data)


def test_a_diverged_run_and_one_on_another_grid_are_left_out():
    broken = run(np.full((21, 21), np.nan))
    data = decision_data("arm", [run(ramp(0.5), x=2 * X), broken, run(ramp(0.3)), run(ramp(0.3))])
    assert data.runs == 2
    assert data.x1.max() == 2


def test_an_arm_without_a_plane_has_no_picture():
    assert decision_data("arm", [Run("r", {})]) is None
    assert decision_data("arm", [run(np.full((21, 21), np.nan))]) is None


def test_a_regression_is_coloured_over_its_own_range_and_has_no_boundary():
    data = decision_data("arm", [run(10 * ramp(0.0), name="test/squared_error")])
    assert not data.is_probability
    assert data.scale == pytest.approx((3, 7))
    assert data.boundaries == data.each == ()
    ET.fromstring(draw_decision(data))


def test_the_drawing_is_well_formed_and_shows_the_top_row_of_the_plane_at_the_top():
    data = decision_data("arm <b>", [run(ramp(0.0), truth=ramp(0.2))])
    drawn = ET.fromstring(draw_decision(data))
    assert drawn.find(".//{*}image").get("href").startswith("data:image/png;base64,")
    assert [t for t, *_ in table_rows(data)][:2] == ["2.0", "1.4"]
    assert table_columns(data)[1] == "-2.0"
