"""A study: one base recipe, the factors that vary, the replicates of each arm, and the claims on trial."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from etude.values.claim import LARGEST_MARGIN, Claim, Judgement, Settings
from etude.values.effect import Effect, VarianceShare
from etude.values.errors import RecipeError
from etude.values.metric import METRICS, Limit
from etude.values.nearest import nearest
from etude.values.recipe import Recipe, changed, field_path
from etude.values.run import Run
from etude.values.spec import Spec

MOST_ARMS = 10_000
MOST_REPLICATES = 1_000_000
"""As far as growth was measured and reckoned (docs/cluster.md); what is larger is a slip of the pen."""

DEFAULT_ENGINE = "native"
"""The engine that trains, wherever it can."""

MINIMUM_REPLICATES = 5
"""Fewer give no verdict (design.md, comparison)."""


class Plan(Spec):
    """A designed comparison, before anything has run: what `etude run FILE` reads and `etude.Study` holds.

    The arms are every combination of the levels in `vary`, those listed in `arms`, and those the claims need.
    """

    name: str = Field(
        "study", pattern=r"^[\w.-]+$", max_length=100, description="letters, digits, '.', '_' and '-'; names the report"
    )
    title: str = Field("", description="the report's heading")
    about: str = Field("", description="a paragraph under the heading")
    base: Recipe = Field(description="the recipe every arm starts from")
    vary: Mapping[str, tuple[Any, ...]] = Field({}, description="factor → levels; the first level is the control")
    arms: Mapping[str, Settings] = Field({}, description="further arms: name → the fields that differ from the base")
    claims: tuple[Claim, ...] = Field((), description="sentences to put on trial")
    replicates: Annotated[int, Field(ge=2, le=MOST_REPLICATES)] | Literal["until decided"] = Field(
        10, description="runs of each arm: at least 2 (5 for a verdict), or 'until decided'"
    )
    looks: Literal["planned", "any time"] = Field(
        "planned",
        description="'until decided' looks at 5, 10, 20, 40 (O'Brien–Fleming), or after every replicate (e-process)",
    )
    max_replicates: int = Field(
        40, ge=MINIMUM_REPLICATES, le=MOST_REPLICATES, description="where 'until decided' gives up"
    )
    metric: str | None = Field(None, description="the primary metric; None: log loss or squared error")
    smallest_effect: Mapping[str, float] = Field({}, description="metric → smallest difference worth acting on")
    level: float = Field(0.95, ge=0.5, le=0.9999, description="coverage of the study's intervals")

    @model_validator(mode="after")
    def _factors_and_metrics_exist(self) -> "Plan":
        _check_size(self)
        _check_overlap([field_path(self.base, factor) for factor in self.vary])
        for factor, levels in self.vary.items():
            _check_factor(self.base, factor, levels)
        for metric in (*self.smallest_effect, *([self.metric] if self.metric else [])):
            if metric not in METRICS:
                raise RecipeError(f"no metric {metric!r}. {nearest(metric, METRICS)}")
        odd = [name for name, margin in self.smallest_effect.items() if not 0 < margin <= LARGEST_MARGIN]
        if odd:
            raise RecipeError(
                f"smallest_effect.{odd[0]} must be above 0, at most {LARGEST_MARGIN:g}: a difference worth acting on."
            )
        return self


def _check_overlap(paths: list[str]) -> None:
    """No two factors set the same field, be it as a part of a whole that is varied too."""
    clash = [(one, other) for one, other in itertools.permutations(paths, 2) if f"{one}.".startswith(f"{other}.")]
    if clash:
        one, other = clash[0]
        raise RecipeError(
            f"vary: {one!r} and {other!r} set the same field. Vary its parts, or the whole with its parts in it."
        )


def _check_factor(base: Recipe, factor: str, levels: tuple[Any, ...]) -> None:
    path = field_path(base, factor)
    if path in ("seed", "score_every"):
        raise RecipeError(f"vary: {path!r} is no factor: replicates already vary all chance. Leave it out.")
    if len(levels) < 2 or len({changed(base, {factor: level}).checksum for level in levels}) < len(levels):
        raise RecipeError(f"vary: {factor!r} has levels {list(levels)}; give at least two, each once.")


def _check_size(plan: Plan) -> None:
    n_arms = math.prod(len(levels) for levels in plan.vary.values())
    if n_arms > MOST_ARMS:
        raise RecipeError(
            f"vary: {n_arms:,} combinations of levels are more than the {MOST_ARMS:,} arms a study may have. "
            "Vary fewer factors at once, or list the arms that matter under `arms`."
        )


@dataclass(frozen=True, slots=True)
class Arm:
    """One combination of levels: the full path of each field that some arm changes, and the recipe it gives."""

    label: str
    levels: Mapping[str, Any]
    recipe: Recipe


@dataclass(frozen=True, slots=True, eq=False)
class StudyResult:
    """What a study found: every run, and what follows from them.

    arms:       in the order they were designed
    runs:       by arm label, in replicate order; every arm has the same replicates
    limits:     by arm label, then by metric: chance, best constant, Bayes
    effects:    of each factor in `plan.vary`, one family per metric; then what every two of them do together
    judgements: one for each claim
    variance:   shares of variance where the arms are a full factorial of two factors or more, else empty
    notes:      what a reader must know: diverged runs, replicates needed, mixed versions
    provenance: versions, engine, workers, seconds, command
    """

    plan: Plan
    arms: tuple[Arm, ...]
    runs: Mapping[str, tuple[Run, ...]]
    limits: Mapping[str, Mapping[str, Limit]]
    effects: tuple[Effect, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    variance: tuple[VarianceShare, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, str | int | float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a study is.

    done:    runs finished, of those planned so far; a study "until decided" may plan more
    kept:    how many of the finished ones the store had already
    arms, replicates: the size of what is planned so far
    engines: who trains them
    """

    done: int
    planned: int
    kept: int
    arms: int
    replicates: int
    engines: str = ""
