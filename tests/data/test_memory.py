"""Synthetic tasks on sequences: the answer follows from the sequence, and the limits from the answer."""

import numpy as np
import pytest

from etude.data.load import check, fingerprint, kind_of, limits, load
from etude.data.memory import QUESTIONS
from etude.values.data import Memory
from etude.values.errors import RecipeError
from etude.values.metric import METRICS_OF


def drawn(name, *, replicate=0, **fields):
    return load(Memory(memory=name, **{"rows": 500, "test_rows": 4000} | fields), seed=0, replicate=replicate)


def sequences(part, form):
    return part.inputs.reshape(-1, *form)


def test_adding_asks_for_the_sum_of_the_two_marked_values_one_in_each_half():
    splits = drawn("adding", length=7)
    values, marks = np.moveaxis(sequences(splits.test, splits.form), 2, 0)
    assert splits.form == (7, 2)
    assert (marks[:, :3].sum(axis=1) == 1).all()
    assert (marks[:, 3:].sum(axis=1) == 1).all()
    assert splits.test.targets == pytest.approx((values * marks).sum(axis=1), abs=1e-6)


def test_copy_shows_a_symbol_first_and_then_nothing():
    splits = drawn("copy", length=4, symbols=5)
    shown = sequences(splits.train, splits.form)
    assert (shown[:, 0].argmax(axis=1) == splits.train.targets).all()
    assert (shown[:, 0].sum(axis=1) == 1).all()
    assert not shown[:, 1:].any()
    assert splits.classes == ("0", "1", "2", "3", "4")


def test_parity_is_whether_an_odd_number_of_bits_is_1():
    splits = drawn("parity", length=6)
    assert (sequences(splits.train, splits.form).sum(axis=(1, 2)) % 2 == splits.train.targets).all()


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_same_seed_gives_the_same_bits_and_another_replicate_other_sequences(name):
    assert drawn(name).checksum == drawn(name).checksum != drawn(name, replicate=1).checksum


@pytest.mark.parametrize("name", QUESTIONS)
def test_fewer_sequences_are_the_first_of_more(name):
    few, many = drawn(name, rows=50), drawn(name, rows=80)
    pool = {row.tobytes() for part in (many.train, many.validation) for row in part.inputs}
    assert all(row.tobytes() in pool for part in (few.train, few.validation) for row in part.inputs)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_limits_are_those_of_the_metrics_and_the_best_constant_is_where_the_answers_put_it(name):
    data = Memory(memory=name, symbols=5)
    found, answers = limits(data, seed=0), drawn(name, symbols=5).test.targets
    assert set(found) == set(METRICS_OF[kind_of(data)])
    if name == "adding":  # 4,000 answers know a variance of 1/6 to about 2 %
        assert found["squared_error"].best_constant == pytest.approx(np.var(answers), rel=0.06)
        assert found["absolute_error"].best_constant == pytest.approx(np.abs(answers - 1).mean(), rel=0.06)
    else:
        assert found["accuracy"].best_constant == pytest.approx(np.bincount(answers.astype(int)).max() / 4000, abs=0.03)
    assert found[METRICS_OF[kind_of(data)][0]].bayes == 0


def test_too_few_sequences_are_refused_with_the_numbers():
    with pytest.raises(RecipeError, match=r"10 rows with validation=0\.95 leave 0 to learn from and 10"):
        check(Memory(memory="copy", rows=10, validation=0.95))


def test_the_identity_is_that_of_the_task_and_not_of_its_size():
    one, other = Memory(memory="adding"), Memory(memory="adding", length=50)
    assert fingerprint(one) == fingerprint(other) != fingerprint(Memory(memory="copy"))
