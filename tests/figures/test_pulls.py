"""What the step does to each example."""

import re

import numpy as np
import pytest

from etude.figures.pulls import describe, draw_pulls, label_text, pulls_data, table_rows
from etude.values.step_record import Pull, Pulls


def pull(example, by, flipped=None):
    return Pull(example, 0.5, by, -np.sign(by) * 0.5, "class 1", flipped)


def pulls(values, **more):
    values = np.asarray(values, dtype=float)
    return Pulls(values, **{"helped": (), "hurt": (), "share_helped": float((values < 0).mean()), **more})


def test_every_example_is_in_one_bar():
    values = np.random.default_rng(0).normal(size=500)
    assert sum(pulls_data(pulls(values)).counts) == 500


def test_no_bar_holds_both_those_helped_and_those_hurt():
    values = [-0.0101, -0.0099, 0.0001, 0.3]
    drawn = draw_pulls(pulls_data(pulls(values)))
    helped, hurt = (re.search(rf'<path d="([^"]*)" class="{kind}"', drawn)[1] for kind in ("helped", "hurt"))
    assert (helped.count("M"), hurt.count("M")) == (1, 2)


def test_examples_that_are_far_out_stand_in_the_outermost_bar_and_are_counted():
    values = np.append(np.random.default_rng(0).normal(size=500), 1e4)
    data = pulls_data(pulls(values))
    assert data.axis.high < 100
    assert data.beyond == (0, 1)
    assert sum(data.counts) == 501


def test_the_most_helped_come_first_and_the_most_hurt_last():
    data = pulls_data(pulls([-2, -1, 1, 3], helped=(pull(0, -2.0), pull(1, -1.0)), hurt=(pull(3, 3.0), pull(2, 1.0))))
    assert [row[0] for row in table_rows(data)] == ["0", "1", "2", "3"]
    assert describe(data) == (
        "Of 4 examples the step helps 50 %, to first order. Most it helps example 0, by −2. Most it hurts example 3, "
        "by +3."
    )


def test_flipped_labels_are_ringed_and_told():
    data = pulls_data(pulls([-1, 1], helped=(pull(0, -1.0, flipped=True),), hurt=(pull(1, 1.0, flipped=False),)))
    assert draw_pulls(data).count('class="flipped"') == 1
    assert [row[-1] for row in table_rows(data)] == ["flipped", "as it was"]
    assert label_text(pull(0, 1.0)) == "not known"


@pytest.mark.parametrize("values", [[0.0, 0.0], [1e-12], [-3.0], [5.0, 5.0, 5.0]])
def test_pulls_that_are_all_alike_are_drawn(values):
    assert sum(pulls_data(pulls(values)).counts) == len(values)


def test_without_a_finite_pull_there_is_no_picture():
    assert pulls_data(pulls([np.nan])) is None


def test_the_words_for_a_side_that_is_empty_have_room():
    drawn = draw_pulls(pulls_data(pulls([0.1, 0.2, 0.3])))
    at = float(re.search(r'<text x="([\d.]+)"[^>]*>← helped', drawn)[1])
    assert at >= 50  # they end there, and are about 45 units long
