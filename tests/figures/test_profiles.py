"""Profiles of two factors: means, intervals, and lines that can be told apart without colour."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from scipy import stats

from etude.figures.heatmap import Levels
from etude.figures.profiles import draw_profiles, profiles_data, table_rows
from etude.values.metric import METRICS

LOSS = METRICS["log_loss"]
WIDTH, DECAY = Levels("hidden units", ("4", "8", "16")), Levels("L2", ("0", "<0.01>"))


def outcomes(*, shared=0.0, own=0.1):
    """Shape (3, 2, 8): means 0 to 5, in every replicate a luck of its own, shared and not."""
    rng = np.random.default_rng(0)
    means = np.arange(6.0).reshape(3, 2, 1)
    return means + shared * rng.normal(size=8) + own * rng.normal(size=(3, 2, 8))


def test_the_factor_with_more_levels_runs_along_whichever_comes_first():
    given = outcomes(own=0.0)
    for found in (
        profiles_data((WIDTH, DECAY), given, LOSS),
        profiles_data((DECAY, WIDTH), given.swapaxes(0, 1), LOSS),
    ):
        assert (found.along, found.by) == (WIDTH, DECAY)
        assert [line.level for line in found.lines] == ["0", "<0.01>"]
        assert [line.means for line in found.lines] == [pytest.approx((0, 2, 4)), pytest.approx((1, 3, 5))]


def test_what_all_arms_of_a_replicate_share_widens_no_interval():
    quiet, shaken = (profiles_data((WIDTH, DECAY), outcomes(shared=luck), LOSS) for luck in (0.0, 50.0))
    for one, other in zip(quiet.lines, shaken.lines, strict=True):
        assert one.reach == pytest.approx(other.reach, rel=1e-6)


def test_of_two_points_the_interval_is_that_of_their_difference_over_root_two():
    # with k = 2, what is left of each point after the replicate's mean is ± half the difference; Morey's √(k/(k-1))
    # makes its standard deviation that of the difference over √2
    rng = np.random.default_rng(1)
    given = rng.normal(size=(2, 1, 12))
    found = profiles_data((Levels("a", ("0", "1")), Levels("b", ("0",))), given, LOSS)
    difference = given[1, 0] - given[0, 0]
    reach = stats.t.ppf(0.975, 11) * difference.std(ddof=1) / np.sqrt(12) / np.sqrt(2)
    assert found.lines[0].reach == pytest.approx((reach, reach))


def test_replicates_in_which_a_run_diverged_are_left_out():
    broken = outcomes()
    broken[0, 0, :3] = np.nan
    found, whole = (profiles_data((WIDTH, DECAY), given, LOSS) for given in (broken, outcomes()[..., 3:]))
    assert found.lines == whole.lines


def test_fewer_than_two_replicates_make_no_profiles():
    broken = outcomes()
    broken[0, 0, 1:] = np.nan
    assert profiles_data((WIDTH, DECAY), broken, LOSS) is None


def test_of_a_factor_with_many_levels_some_lines_are_drawn_from_the_first_to_the_last():
    many = Levels("rows", tuple(map(str, range(30))))
    given = np.random.default_rng(0).normal(size=(40, 30, 5))
    found = profiles_data((Levels("width", tuple(map(str, range(40)))), many), given, LOSS)
    assert [line.level for line in found.lines] == ["0", "6", "12", "17", "23", "29"]
    ET.fromstring(draw_profiles(found))


def test_the_lines_differ_in_their_dashes_and_are_named_at_their_ends():
    drawn = ET.fromstring(draw_profiles(profiles_data((WIDTH, DECAY), outcomes(), LOSS)))
    dashes = [path.get("stroke-dasharray") for path in drawn.findall("{*}path[@class]") if path.get("stroke-width")]
    assert len(set(dashes)) == 2
    assert {name.text for name in drawn.findall("{*}text[@class='profile-name']")} == {"0", "<0.01>"}
    assert len(drawn.findall(".//{*}circle")) == 6


def test_the_table_has_each_mean_with_its_reach():
    rows = table_rows(profiles_data((WIDTH, DECAY), outcomes(own=0.0), LOSS))
    assert rows[1] == ("8", "2.00 ± 0.00", "3.00 ± 0.00")
