"""The horizon: means and intervals by hand, up to where chance is excluded, and a picture that says so too."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from scipy import stats

from etude.figures.horizon import Outcomes, draw_horizon, horizon_data, sentences, table_rows
from etude.values.metric import METRICS

ACCURACY, R2 = METRICS["accuracy"], METRICS["r2"]
LENGTHS = (5, 15, 45)


def around(*means, spread=0.01):
    """Shape (lengths, 3): each mean, less and more by the spread."""
    return np.array(means)[:, None] + spread * np.array([-1, 0, 1])


def data(scores, *, level="gru", lengths=LENGTHS, metric=ACCURACY, chance=0.125, best=1.0):
    return horizon_data("cell", lengths, [Outcomes(level, scores, chance, best)], metric)


def test_three_replicates_have_the_interval_of_students_t():
    at = data(around(0.9, 0.5, 0.125)).lines[0].waited[1]
    half = stats.t.ppf(0.975, 2) * 0.01 / np.sqrt(3)
    assert (at.mean, at.low, at.high) == pytest.approx((0.5, 0.5 - half, 0.5 + half))
    assert at.scores == pytest.approx((0.49, 0.5, 0.51))


def test_no_interval_goes_beyond_what_a_score_can_be():
    found = data(around(0.98, 0.5, 0.01, spread=0.02)).lines[0].waited
    assert (found[0].high, found[2].low) == (1, 0)
    assert data(around(0.9, 0.5, -3), metric=R2, chance=0).lines[0].waited[2].low < -3


def test_memory_reaches_as_far_as_the_interval_lies_above_chance():
    line = data(around(0.99, 0.6, 0.13)).lines[0]
    assert (line.reach, line.near) == (2, 1)
    assert sentences(data(around(0.99, 0.6, 0.13))) == (
        "cell gru is above chance up to length 15, but at 45 the interval, 10.5 % to 15.5 %, holds chance, 12.5 %; "
        "it is near the best possible, 100 %, up to length 5.",
    )


@pytest.mark.parametrize(
    ("means", "says"),
    [
        (
            (0.99, 0.99, 0.99),
            "is above chance at every length, up to 45; it is near the best possible, 100 %, at every",
        ),
        (
            (0.13, 0.13, 0.13),
            "is not above chance even at the shortest length, 5: the interval, 10.5 % to 15.5 %, holds",
        ),
        ((0.13, 0.6, 0.13), "holds chance, 12.5 % (above it again at 15); it is never near the best possible"),
        ((0.99, 0.05, 0.13), "but at 15 the interval, 2.52 % to 7.48 %, lies below chance"),
    ],
)
def test_each_course_has_its_words(means, says):
    assert says in sentences(data(around(*means)))[0]


def test_near_the_best_is_a_twentieth_of_the_way_from_chance():
    # of 0.875 between chance and 1 a twentieth is 0.04375
    assert data(around(0.957, 0.956, 0.2)).lines[0].near == 1
    assert data(around(0.957, 0.957, 0.2)).lines[0].near == 2


def test_one_replicate_is_told_to_be_too_few():
    alone = data(np.array([[0.9], [0.5], [0.1]]))
    assert "even at the shortest length, 5: 1 run that finished cannot tell" in sentences(alone)[0]
    ET.fromstring(draw_horizon(alone))


def test_runs_that_diverged_are_left_out_and_counted():
    scores = around(0.9, 0.5, 0.125)
    scores[1, 0] = scores[2] = np.nan
    found = data(scores)
    assert (found.lines[0].waited[1].mean, found.lines[0].waited[1].diverged) == (pytest.approx(0.505), 1)
    assert table_rows(found)[1][1].endswith("; 1 diverged")
    assert table_rows(found)[2] == ("45", "all 3 diverged")
    ET.fromstring(draw_horizon(found))


def test_lengths_are_sorted_with_their_scores():
    shuffled = data(around(0.1, 0.9, 0.5), lengths=(45, 5, 15))
    assert shuffled.lengths == LENGTHS
    assert [at.mean for at in shuffled.lines[0].waited] == pytest.approx([0.9, 0.5, 0.1])


def test_a_best_score_that_is_not_known_has_no_line_and_no_claim():
    unknown = data(around(0.9, 0.5, 0.2), best=float("nan"))
    assert sentences(unknown)[0].endswith("; the best possible is not known.")
    drawn = ET.fromstring(draw_horizon(unknown))
    assert [label.text for label in drawn.findall("{*}text[@class='limit-label']")] == ["chance 12.5 %"]


def places(lengths):
    drawn = ET.fromstring(draw_horizon(data(around(0.9, 0.5, 0.2), lengths=lengths)))
    return [float(circle.get("cx")) for circle in drawn.findall(".//{*}circle")], drawn


def test_far_lengths_stand_on_a_logarithmic_axis_and_near_ones_do_not():
    (a, b, c), drawn = places((5, 15, 45))
    assert b - a == pytest.approx(c - b, abs=0.2)
    assert "length in steps, log scale" in [word.text for word in drawn.findall("{*}text")]
    (a, b, c), drawn = places((10, 20, 40))
    assert c - b == pytest.approx(2 * (b - a), abs=0.3)
    assert "length in steps" in [word.text for word in drawn.findall("{*}text")]


def test_chance_and_the_best_possible_are_lines_at_their_heights():
    drawn = ET.fromstring(draw_horizon(data(around(1.0, 0.5, 0.125, spread=0))))
    low, high = (float(path.get("d").split()[1].partition("h")[0]) for path in drawn.findall("{*}path[@class='limit']"))
    circles = [float(circle.get("cy")) for circle in drawn.findall(".//{*}circle")]
    assert (circles[0], circles[2]) == pytest.approx((high, low), abs=0.2)


def test_every_replicate_is_a_dot_and_every_line_is_told_apart_by_its_dashes():
    two = [Outcomes(level, around(0.9, 0.5, 0.2), 0.125, 1.0) for level in ("rnn", "<gru>")]
    drawn = ET.fromstring(draw_horizon(horizon_data("cell", LENGTHS, two, ACCURACY)))
    clouds = [path for path in drawn.iter() if path.get("stroke-linecap") == "round"]
    assert [cloud.get("d").count("h0") for cloud in clouds] == [9, 9]
    assert {name.text for name in drawn.findall("{*}text[@class='profile-name']")} == {"rnn", "<gru>"}
    samples = [path.get("stroke-dasharray") for path in drawn.findall("{*}path") if path.get("stroke-width") == "2"]
    assert len(set(samples)) == 2


def test_of_many_lines_some_are_drawn_and_all_are_told():
    many = [Outcomes(str(i), around(0.9, 0.5, 0.2), 0.125, 1.0) for i in range(9)]
    found = horizon_data("cell", LENGTHS, many, ACCURACY)
    assert [line.level for line in found.drawn] == ["0", "2", "3", "5", "6", "8"]
    assert len(sentences(found)) == 9
    assert len(table_rows(found)[0]) == 10


def test_a_score_far_below_chance_does_not_flatten_the_others():
    found = data(around(0.9, 0.5, -1000), metric=R2, chance=0.0)
    drawn = ET.fromstring(draw_horizon(found))
    first, second, far = (float(circle.get("cy")) for circle in drawn.findall(".//{*}circle"))
    assert second - first > 40
    assert far > 252  # outside the frame, which hides it; the table has it
    assert table_rows(found)[2][1].startswith("−1,000 ")
    # the sentence says on which side of chance it lies
    assert "lies below chance, 0" in sentences(found)[0]


def test_where_only_the_length_varies_there_is_one_line_without_a_name():
    alone = horizon_data("", LENGTHS, [Outcomes("", around(0.9, 0.5, 0.2), 0.125, 1.0)], ACCURACY)
    assert sentences(alone)[0].startswith("The network is above chance at every length")
    assert not ET.fromstring(draw_horizon(alone)).findall("{*}text[@class='profile-name']")
