"""A claim: a sentence with a contrast behind it, and the verdict étude reaches on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from etude.values.effect import Effect
from etude.values.errors import RecipeError
from etude.values.metric import METRICS, Split
from etude.values.nearest import nearest
from etude.values.spec import Spec

ClaimVerdict = Literal["supported", "refuted", "not comparable", "confounded", "undecided"]
Expected = Literal["better", "worse", "equivalent", "different"]
Settings = Mapping[str, Any]

LARGEST_MARGIN = 1e6
"""A margin beyond this is a slip of the pen in any unit."""

OBJECTIVE = "objective"
"""The pseudo-metric of whatever each run minimised, in that run's own unit."""


class Contrast(Spec):
    """Treated minus control on one metric, paired over replicates, and which way it is expected to go.

    An arm is named, or given by the fields in which it differs from the study's base recipe. Three shapes: two
    arms on one split; one arm on two splits (`control_split`), which is a gap; and, with `beyond`, the
    difference between this effect and another.
    """

    treated: Settings | str = Field({}, description="the treated arm: its name, or the fields in which it differs")
    control: Settings | str = Field({}, description="the control arm: its name, or the fields in which it differs")
    metric: str | None = Field(None, description="a metric of design, or 'objective'; None: the study's own")
    split: Split | None = Field(None, description="train, validation or test; None: test where there is one")
    control_split: Split | None = Field(None, description="the control's split, where it is another")
    beyond: "Contrast | None" = Field(None, description="the contrast whose effect is subtracted from this one's")
    expect: Expected = Field("better", description="better, worse, equivalent or different")
    smallest_effect: float | None = Field(
        None, gt=0, le=LARGEST_MARGIN, description="margin of 'equivalent'; None: the study's"
    )
    as_a_whole: bool = Field(
        default=False, description="two recipes that differ in several fields, no cause being named"
    )
    says: str = Field("", description="the contrast in a person's words; made from the settings where empty")

    @model_validator(mode="after")
    def _names_a_metric(self) -> "Contrast":
        if self.metric is not None and self.metric not in (*METRICS, OBJECTIVE):
            raise RecipeError(f"no metric {self.metric!r}. {nearest(self.metric, [*METRICS, OBJECTIVE])}")
        if self.treated == self.control and self.control_split in (None, self.split):
            raise RecipeError("a contrast needs two sides: treated and control are the same arm on the same split.")
        return self


class Bound(Spec):
    """A statement about the best score possible: that on `metric` it is `value`, give or take `within`."""

    settings: Settings | str = Field({}, description="the arm: its name, or the fields in which it differs")
    metric: str = Field(description="the metric the bound is about")
    value: float = Field(description="the bound as claimed, in the metric's unit")
    within: float = Field(gt=0, description="how far off still counts as right")
    says: str = Field("", description="the bound in a person's words")

    @model_validator(mode="after")
    def _names_a_metric(self) -> "Bound":
        if self.metric not in METRICS:
            raise RecipeError(f"no metric {self.metric!r}. {nearest(self.metric, METRICS)}")
        return self


class Claim(Spec):
    """A sentence and the contrasts that decide it.

    stated:  the comparison the claimant made; all must come out as expected
    instead: valid comparisons that are shown beside it, where the stated one is not valid or not enough
    In TOML a claim with one contrast may give the contrast's fields directly.
    """

    text: str = Field(min_length=1, description="the sentence, in the claimant's words")
    stated: tuple[Contrast | Bound, ...] = Field(min_length=1, description="the contrasts behind the sentence")
    instead: tuple[Contrast | Bound, ...] = Field((), description="the comparisons that would be valid")
    about: str = Field("", description="what a reader should know before the verdict")

    @model_validator(mode="before")
    @classmethod
    def _one_contrast_in_place(cls, fields: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(fields, dict):
            return fields
        flat = {name: value for name, value in fields.items() if name in Contrast.model_fields}
        if not flat or "stated" in fields:
            return fields
        kept = {name: value for name, value in fields.items() if name not in flat}
        return {**kept, "stated": (Contrast(**flat),)}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a claim: the verdict, why, and the effects that say so.

    stated:  effects of the comparison as stated; empty where it was refused
    instead: effects of the valid comparisons
    """

    claim: Claim
    verdict: ClaimVerdict
    because: str
    stated: tuple[Effect, ...] = ()
    instead: tuple[Effect, ...] = ()
