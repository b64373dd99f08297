"""Names by locale, spelled as numbers."""

import numpy as np
import pytest

from etude.data.load import check, kind_of, limits, load
from etude.data.names import check_names
from etude.values.data import Names
from etude.values.errors import DataError, RecipeError


def test_a_name_is_its_letters_and_then_nan():
    spelled = check_names(Names(names=("en_US", "it_IT")))
    lengths = np.isfinite(spelled.codes).sum(axis=1)
    first = "".join(spelled.alphabet[int(code)] for code in spelled.codes[0, : lengths[0]])
    assert first.isalpha()
    assert first[0].isupper()
    assert lengths.min() >= 1
    assert lengths.max() == spelled.codes.shape[1]


def test_the_parts_have_their_shares_and_every_locale():
    splits = load(Names(names=("en_US", "de_DE", "it_IT")), seed=0, replicate=0)
    n = sum(len(part.targets) for part in splits.parts().values())
    assert len(splits.test.targets) == int(0.2 * n)
    assert splits.classes == ("en_US", "de_DE", "it_IT")
    assert all(set(part.targets) == {0, 1, 2} for part in splits.parts().values())
    highest = max(np.nanmax(part.inputs) for part in splits.parts().values())
    assert splits.characters == 1 + highest


def test_names_to_test_on_that_are_drawn_once_are_in_no_other_part_of_any_replicate():
    data = Names(names=("en_US", "de_DE"), test_drawn="once")

    def spelled(part):
        return {(row.tobytes(), label) for row, label in zip(part.inputs, part.targets, strict=True)}

    parts = [load(data, seed=0, replicate=r).parts() for r in range(20)]
    tested = spelled(parts[0]["test"])
    for part in parts:
        assert spelled(part["test"]) == tested
        assert not tested & (spelled(part["train"]) | spelled(part["validation"]))


def test_two_locales_are_a_binary_problem_with_its_limits():
    data = Names(names=("en_US", "de_DE"))
    assert kind_of(data) == "binary"
    assert limits(data, seed=0)["log_loss"].chance == pytest.approx(np.log(2))


def test_what_cannot_be_is_refused():
    with pytest.raises(RecipeError, match=r"no names of the locale 'en_UX'.*en_US"):
        check(Names(names=("en_UX", "de_DE")))
    with pytest.raises(DataError, match="leave nothing to learn from"):
        check(Names(names=("en_US", "de_DE"), validation=0.5, test=0.5))
