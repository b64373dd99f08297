"""Words about a name that is not known."""

from etude.values.nearest import nearest


def test_the_nearest_known_name_is_offered_and_all_are_listed():
    assert nearest("brir", ["brier", "accuracy"]) == "Did you mean 'brier'? Known: accuracy, brier."


def test_the_very_same_name_is_not_offered_where_only_some_have_it():
    assert nearest("val_acc", ["val_acc", "val_loss"]) == "Known: val_acc, val_loss."
