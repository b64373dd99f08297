"""Two arms under the glass, in words and as a picture."""

import math
import tomllib
from typing import TYPE_CHECKING, Any

from etude.figures.numbers import bounds, decimals, level, plural, signed
from etude.figures.pairs import PairsData, PairsRow, middle, pairs_data, pairs_row, ratio_text
from etude.figures.small import small
from etude.figures.words import field_words, level_words
from etude.values.errors import RecipeError
from etude.values.recipe import Recipe, changed

if TYPE_CHECKING:
    from etude.studies.under_glass import Contrast, UnderGlass

STATE = "Nothing was trained."

ARM_HEADS = ("quantity", "control", "treated", "treated against control", "pairs")

PROBABILITY_LOSSES = {"bce", "mse"}


def treated_in(told: str, recipe: Recipe) -> Recipe:
    """The recipe with a field set anew as people write it: FIELD=VALUE, the value as in TOML, or a plain word."""
    field, equals, value = told.partition("=")
    if not equals or not field.strip() or not value.strip():
        raise RecipeError(f"--vs {told!r}: write the field and its other value, such as --vs loss=mse. {STATE}")
    return changed(recipe, {field.strip(): _value(value.strip())})


def _value(told: str) -> Any:  # noqa: ANN401 - whatever a field holds
    try:
        return tomllib.loads(f"value = {told}")["value"]
    except tomllib.TOMLDecodeError:
        return told


def arms_title(compared: "UnderGlass") -> str:
    """What is compared, and when."""
    control, treated = names_of(compared)
    return f"{treated} against {control}, at step {compared.step:,}"


def arms_headline(compared: "UnderGlass") -> str:
    """What differs most tellingly: the first quantity that both arms measure in one unit."""
    control, treated = names_of(compared)
    told = next((one for one in compared.contrasts if one.how == "ratio" and not one.own_unit), None)
    named = f"Step {compared.step}, {_example(compared)}"
    if told is None or not math.isfinite(told.mean):
        return f"{named}: {treated} against {control}."
    return (
        f"{named}: under {treated} {told.name} is {small(told.mean)} times what it is under {control} "
        f"({small(told.low)} to {small(told.high)}, {plural(told.n_pairs, 'pair')})."
    )


def arms_subline(compared: "UnderGlass") -> str:
    """What the arms share, and how sure the intervals are."""
    sure = level(compared.contrasts[0].level) if compared.contrasts else "no"
    return (
        f"{plural(compared.replicates, 'replicate')}: the same rows, starting weights, order and example under both "
        f"arms; {field_words(compared.field)} is all that differs. Intervals are {sure}, by Student’s t."
    )


def arms_reason(compared: "UnderGlass") -> str:
    """Why it is so, where it follows from the formula of the loss; else nothing."""
    if compared.field != "loss" or {compared.control, compared.treated} != PROBABILITY_LOSSES:
        return ""
    is_right = compared.which == "most confidently right"
    heard = (
        "one that is confidently right is heard under neither, and least under the squared error"
        if is_right
        else "an example that is confidently wrong is hardly heard"
    )
    return (
        "With p = σ(z) the derivative of BCE by the logit z is p − y: the more wrong, the larger, up to 1. That of the "
        f"squared error is 2 (p − y) p (1 − p), whose last factors vanish as p nears 0 or 1: {heard}."
    )


def names_of(compared: "UnderGlass") -> tuple[str, str]:
    """The two values as people write them."""
    return level_words(compared.field, compared.control), level_words(compared.field, compared.treated)


def _example(compared: "UnderGlass") -> str:
    return compared.which if compared.which.startswith("example") else f"the {compared.which} example"


def arm_cells(one: "Contrast") -> tuple[str, ...]:
    """A row of the table of arms, under ARM_HEADS; sides are medians over replicates."""
    return (
        f"{one.name} ({'each in its own unit' if one.own_unit else one.unit})",
        small(middle(one.control)),
        small(middle(one.treated)),
        contrast_text(one),
        str(one.n_pairs),
    )


def contrast_text(one: "Contrast") -> str:
    """By how much treated differs from control, with the interval."""
    if one.how == "ratio":
        return ratio_text(_row(one))
    if not math.isfinite(one.mean):
        return "no estimate"
    places = decimals(one.high - one.low)
    return f"{signed(one.mean, places)} ({bounds(one.low, one.high, places)})"


def arms_picture(compared: "UnderGlass") -> PairsData | None:
    """The ratios, pair by pair."""
    control, treated = names_of(compared)
    rows = [_row(one) for one in compared.contrasts if one.how == "ratio"]
    sure = compared.contrasts[0].level if compared.contrasts else math.nan
    return pairs_data(rows, control=control, treated=treated, level=sure)


def _row(one: "Contrast") -> PairsRow:
    detail = "each in its own loss’s unit" if one.own_unit else one.unit
    return pairs_row(one.name, detail, (one.control, one.treated), (one.mean, one.low, one.high))
