"""What a replicate takes of a published set."""

import numpy as np
import pytest

from etude.data.pool import Draw, Pool, check_draw, pool_limits, taken
from etude.values.errors import DataError, RecipeError


def pool(classes=3, each=200) -> Pool:
    labels = np.tile(np.arange(classes), each)
    inputs = np.arange(labels.size, dtype=np.float32)[:, None]
    return Pool("a set", inputs, labels, inputs[:60], labels[:60], tuple("abcdefghij"[:classes]))


def rows(taken_rows):
    return set(taken_rows.train) | set(taken_rows.validation)


def test_every_row_is_in_one_part_and_the_test_rows_are_the_official_ones():
    found = taken(pool(), Draw(validation=0.25), seed=0, replicate=3)
    assert len(found.train) == 450
    assert len(found.validation) == 150
    assert rows(found) == set(range(600))
    assert found.test.tolist() == list(range(60))
    assert (found.labels == pool().labels).all()


def test_fewer_rows_are_among_those_of_more_and_a_replicate_takes_its_own():
    few, many = (taken(pool(), Draw(validation=0.2, rows=n), seed=0, replicate=0) for n in (100, 300))
    assert len(rows(few)) == 100
    assert rows(few) < rows(many)
    assert rows(few) != rows(taken(pool(), Draw(validation=0.2, rows=100), seed=0, replicate=1))


def test_a_class_keeps_its_share_and_the_others_all_of_theirs():
    found = taken(pool(), Draw(validation=0.2, class_shares=(("b", 0.1),)), seed=0, replicate=0)
    assert np.bincount(pool().labels[list(rows(found))]).tolist() == [200, 20, 200]


def test_a_class_has_its_share_among_fewer_rows_too():
    draw = Draw(validation=0.2, rows=300, class_shares=(("b", 0.1),))
    counts = [np.bincount(pool().labels[list(rows(taken(pool(), draw, seed=0, replicate=r)))]) for r in range(20)]
    assert np.sum(counts, axis=0) / 20 == pytest.approx([300 * 10 / 21, 300 / 21, 300 * 10 / 21], rel=0.1)


def test_flipped_labels_are_another_class_s_and_those_at_5_percent_are_among_those_at_10():
    labels = pool().labels
    some, more = (taken(pool(), Draw(validation=0.2, flip=p), seed=0, replicate=0).labels for p in (0.05, 0.1))
    assert set(np.flatnonzero(some != labels)) < set(np.flatnonzero(more != labels))
    assert np.mean(more != labels) == pytest.approx(0.1, abs=0.04)  # three standard deviations of 600 draws
    always = taken(pool(), Draw(validation=0.2, flip=0.999999), seed=0, replicate=0).labels
    assert (always != labels).all()
    assert set(always) == {0, 1, 2}


def test_a_part_of_the_test_rows_is_the_replicate_s_own():
    one, other = (taken(pool(), Draw(validation=0.2, test_rows=20), seed=0, replicate=r).test for r in (0, 1))
    assert len(one) == 20
    assert one.tolist() != other.tolist()


@pytest.mark.parametrize(
    ("draw", "error", "says"),
    [
        (Draw(validation=0.2, rows=601), DataError, r"rows=601 .* there are 600 to learn from and 60 to test on"),
        (Draw(validation=0.2, test_rows=61), DataError, "test_rows=61"),
        (Draw(validation=0.2, class_shares=(("z", 0.5),)), RecipeError, "has no class 'z'"),
        (Draw(validation=0.01, rows=20), DataError, "20 to learn from and 0 to validate on"),
    ],
)
def test_what_cannot_be_taken_is_refused(draw, error, says):
    with pytest.raises(error, match=says):
        check_draw(pool(), draw)


def test_two_classes_are_a_binary_problem_and_the_limits_are_those_of_the_test_labels():
    assert pool(classes=2).kind == "binary"
    assert pool_limits(pool(classes=2))["accuracy"].best_constant == 0.5
    assert pool_limits(pool())["accuracy"].best_constant == pytest.approx(1 / 3)
