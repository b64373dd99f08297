"""How far it went: both sides on one axis with the limits."""

import math

import pytest

from etude.figures.distance import distance_data, draw_distance
from etude.values.metric import METRICS, Limit
from etude.values.treatment import Level, Outcome

BRIER = METRICS["brier"]
LIMIT = Limit("brier", 0.25, 0.25, 0.05)


@pytest.fixture
def outcome(effect):
    return Outcome(Level(0.20, 0.18, 0.22), Level(0.10, 0.09, 0.11), effect, best=0.05)


def test_values_fall_in_proportion_between_the_best_possible_and_chance(outcome):
    # From 0.05 to 0.25 and 6 % of that more on each side, the axis is 0.038 to 0.262: 0.2 / 0.224 a per cent
    data = distance_data(outcome, BRIER, limit=LIMIT)
    assert data.before.at == pytest.approx(100 * (0.20 - 0.038) / 0.224)
    assert data.after.at == pytest.approx(100 * (0.10 - 0.038) / 0.224)
    assert data.reach[1] == pytest.approx((100 * (0.09 - 0.038) / 0.224, 100 * (0.11 - 0.038) / 0.224))


def test_limits_of_one_value_have_one_name(outcome):
    data = distance_data(outcome, BRIER, limit=LIMIT)
    assert [(mark.name, mark.value) for mark in data.limits] == [
        ("best possible", 0.05),
        ("chance and best constant", 0.25),
    ]


def test_names_that_would_touch_stand_in_lines_of_their_own(outcome):
    close = Limit("brier", 0.25, 0.249, 0.05)
    rows = {mark.name: mark.row for mark in distance_data(outcome, BRIER, limit=close).limits}
    assert rows == {"best possible": 0, "best constant": 0, "chance": 1}


def test_without_limits_the_sides_alone_make_the_axis(outcome):
    data = distance_data(outcome, BRIER)
    assert data.limits == ()
    assert 0 < data.after.at < data.before.at < 100


def test_a_side_that_never_finished_is_not_drawn(effect):
    broken = Outcome(Level(math.nan, math.nan, math.nan), Level(0.1, 0.09, 0.11), effect)
    assert distance_data(broken, BRIER, limit=LIMIT) is None


def test_the_drawing_says_in_words_what_it_shows(outcome):
    drawn = draw_distance(distance_data(outcome, BRIER, limit=LIMIT))
    assert "<title>Brier score before and after</title>" in drawn
    assert "From 0.200 to 0.100, lower is better; best possible 0.050; chance and best constant 0.250." in drawn
