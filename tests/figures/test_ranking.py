"""The ranking: one half of the replicates chooses, the other half scores."""

import numpy as np
import pytest

from etude.figures.ranking import EACH_END, chosen_text, interval_text, ranking_data, scored_text
from etude.numerics.intervals import student_interval
from etude.values.metric import METRICS

LOSS, ACCURACY = METRICS["log_loss"], METRICS["accuracy"]
ARMS = tuple("abcdefghij")
SPREAD = np.array([-0.1, -0.1, 0.1, 0.1, 0.0, 0.0])


def outcomes():
    """Arm number i scores i on average in both halves."""
    return np.arange(10.0)[:, None] + SPREAD


def test_the_ends_are_in_order_with_the_interval_of_the_half_that_did_not_choose():
    found = ranking_data(ARMS, outcomes(), LOSS)
    assert [one.arm for one in (*found.best, *found.worst)] == ["a", "b", "c", "h", "i", "j"]
    assert [one.place for one in (*found.best, *found.worst)] == [1, 2, 3, 8, 9, 10]
    assert (found.choosing, found.scoring) == (3, 3)
    expected = student_interval(outcomes()[0, 1::2])
    assert (found.best[0].mean, found.best[0].low, found.best[0].high) == (expected.mean, expected.low, expected.high)


def test_where_more_is_better_the_highest_comes_first():
    assert ranking_data(ARMS, outcomes(), ACCURACY).best[0].arm == "j"


def test_luck_in_the_choosing_half_does_not_pass_into_the_score():
    lucky = np.ones((10, 20)) + 0.01 * np.random.default_rng(0).normal(size=(10, 20))
    lucky[4, ::2] -= 0.5  # good in the even replicates alone
    best = ranking_data(ARMS, lucky, LOSS).best[0]
    assert best.arm == "e"
    assert best.chosen == pytest.approx(0.5, abs=0.01)
    assert best.mean == pytest.approx(1.0, abs=0.01)
    assert 1 <= best.again <= 10


def test_the_score_of_the_best_of_equals_is_unbiased_and_its_interval_covers():
    rng = np.random.default_rng(1)
    found = [ranking_data(ARMS, rng.normal(size=(10, 10)), LOSS).best[0] for _ in range(1000)]
    assert np.mean([one.chosen for one in found]) < -0.5  # of ten means with standard error 0.45, 1.54 of them
    assert np.mean([one.mean for one in found]) == pytest.approx(0, abs=4 * np.sqrt(1 / 5 / 1000))
    covered = sum(one.low <= 0 <= one.high for one in found)
    assert abs(covered - 950) < 4 * np.sqrt(1000 * 0.95 * 0.05)


def test_an_arm_that_diverged_while_choosing_is_among_the_last():
    broken = outcomes()
    broken[0, 0] = np.nan
    for metric in (LOSS, ACCURACY):
        found = ranking_data(ARMS, broken, metric)
        assert found.worst[-1].arm == "a"
        assert chosen_text(found, found.worst[-1]) == "diverged"


def test_a_run_that_diverged_while_scoring_is_left_out_of_the_score_and_told():
    broken = outcomes()
    broken[0, 1] = np.nan
    found = ranking_data(ARMS, broken, LOSS)
    assert (found.best[0].arm, found.best[0].mean, found.best[0].diverged) == ("a", pytest.approx(0.05), 1)
    assert interval_text(found, found.best[0]).endswith(", 1 diverged")
    broken[0, 1::2] = np.nan
    found = ranking_data(ARMS, broken, LOSS)
    assert scored_text(found, found.best[0]) == "diverged"
    assert interval_text(found, found.best[0]) == "no interval, 3 diverged"


def test_few_arms_or_few_replicates_make_no_ranking():
    assert ranking_data(ARMS[: 2 * EACH_END + 1], outcomes()[: 2 * EACH_END + 1], LOSS) is None
    assert ranking_data(ARMS, outcomes()[:, :3], LOSS) is None


def test_scores_are_told_with_the_digits_their_intervals_deserve():
    found = ranking_data(ARMS, outcomes(), LOSS)
    assert scored_text(found, found.best[0]) == "0.00"
    assert interval_text(found, found.best[0]) == "−0.25 to 0.25"  # reach 4.303 * 0.1 / √3
