"""Every record checks itself once, says what is wrong in our words, and then never changes."""

import pytest
from pydantic import Field, ValidationError

from etude.values.errors import RecipeError
from etude.values.nearest import nearest
from etude.values.spec import Spec


class Inner(Spec):
    """A record with a checked field."""

    width: int = Field(ge=1, description="units of the layer")


class Outer(Spec):
    """A record that holds another."""

    inner: Inner
    rate: float = 0.1


def test_records_are_equal_when_their_fields_are_and_never_change():
    made = Outer(inner={"width": 3})
    assert made == Outer(inner=Inner(width=3), rate=0.1)
    assert made != Outer(inner={"width": 4})
    with pytest.raises(ValidationError, match="frozen"):
        made.rate = 0.2


def test_an_unknown_field_is_refused_with_the_nearest_known_one():
    with pytest.raises(RecipeError, match=r"outer has no field 'rat'. Did you mean 'rate'\? Known: inner, rate\."):
        Outer(inner={"width": 3}, rat=0.2)


def test_a_missing_field_and_a_wrong_value_are_refused_with_what_the_field_is():
    with pytest.raises(RecipeError, match=r"inner needs the field 'width', which is missing. It is units of the layer"):
        Inner()
    with pytest.raises(RecipeError, match=r"inner.width: .*greater than or equal to 1 \(got 0\)"):
        Inner(width=0)


@pytest.mark.parametrize("endless", [float("nan"), float("inf")])
def test_a_number_is_finite(endless):
    with pytest.raises(RecipeError, match=r"outer.rate: .*finite number"):
        Outer(inner={"width": 3}, rate=endless)


def test_a_name_unlike_any_other_gets_the_list_alone():
    assert nearest("zzz", ["brier", "accuracy"]) == "Known: accuracy, brier."
    assert nearest("zzz", []) == "Known: none."
