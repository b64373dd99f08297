"""What may be held against what."""

from etude.values.comparable import Minimised, problems_apart, units_apart


def test_what_is_not_known_parts_nothing():
    assert not problems_apart(Minimised("nats", "the task xor"), Minimised("nats"))
    assert not units_apart(Minimised("nats", "the task xor"), Minimised("nats", "the task rings"))


def test_targets_that_are_standardised_by_other_data_are_apart_whatever_their_unit():
    one, other = (Minimised("variances of the training target", scale=data) for data in ("a.csv", "b.csv"))
    assert units_apart(one, other) == "each target is standardised by its own data"
    assert not units_apart(one, one)
