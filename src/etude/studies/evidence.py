"""The runs of a study as outcomes: one number for each replicate of an arm, found by recipe."""

import contextlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.values.claim import OBJECTIVE
from etude.values.errors import NotComparableError, RecipeError
from etude.values.metric import METRICS, Metric, Split
from etude.values.recipe import Recipe, changed, field_path, field_value
from etude.values.run import Run
from etude.values.study import Arm, Plan


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a study has to judge by.

    runs: by arm label, in replicate order; every arm has the same replicates, so position pairs them
    """

    plan: Plan
    arms: tuple[Arm, ...]
    runs: Mapping[str, tuple[Run, ...]]

    def arm(self, recipe: Recipe) -> Arm:
        """The arm with this recipe."""
        return next(arm for arm in self.arms if arm.recipe.checksum == recipe.checksum)

    def outcomes(self, arm: Arm, metric: str, split: Split) -> NDArray[np.float64]:
        """The metric of each replicate of one arm on one split, shape (n_replicates,); NaN where it diverged."""
        return np.array([run.score(metric, split) for run in self.runs[arm.label]])

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that every run was scored on, the study's primary one first."""
        scored = [name for name in METRICS if all(f"train/{name}" in run.curves for run in self._one_run_an_arm)]
        primary = self.plan.metric or (scored[0] if scored else None)
        if primary not in scored:
            raise NotComparableError(
                f"not every arm is scored on {primary!r}: "
                "the arms solve problems of different kinds, and no metric is common to classes and numbers. "
                "Study them apart."
            )
        return (primary, *(name for name in scored if name != primary))

    @property
    def held_out(self) -> Split:
        """The split that judges: test where every arm has one, else validation."""
        tested = all(f"test/{self.metrics[0]}" in run.curves for run in self._one_run_an_arm)
        return "test" if tested else "validation"

    def metric(self, name: str, arm: Arm, split: Split) -> Metric:
        """What a metric's name means for an arm; the training objective has the unit its curve declares."""
        if name != OBJECTIVE:
            return METRICS[name]
        unit = self.runs[arm.label][0].curve(f"{split}/{OBJECTIVE}").unit
        return Metric(OBJECTIVE, "training objective", unit, lower_is_better=True, smallest_effect=None, says=unit)

    def matched(self, factor: str, control: Any, treated: Any) -> tuple[tuple[Arm, Arm], ...]:  # noqa: ANN401 - levels
        """Pairs of arms that are alike in every field but `factor`, at its control and its treated level.

        In a factorial only its own arms count, so an arm that a claim added does not shift a factor's effect.
        """
        path = field_path(self.plan.base, factor)
        ends = [repr(field_value(changed(self.plan.base, {path: level}), path)) for level in (control, treated)]
        groups: dict[str, dict[str, Arm]] = {}
        for arm in self._factorial if path in self._varied else self.arms:
            with contextlib.suppress(RecipeError):  # an arm without such a field, as a momentum of Adam's
                rest = changed(arm.recipe, {path: control}).checksum
                groups.setdefault(rest, {})[repr(field_value(arm.recipe, path))] = arm
        pairs = [tuple(group[end] for end in ends) for group in groups.values() if all(end in group for end in ends)]
        return tuple((one, other) for one, other in pairs)

    @property
    def _varied(self) -> tuple[str, ...]:
        return tuple(field_path(self.plan.base, factor) for factor in self.plan.vary)

    @property
    def _factorial(self) -> tuple[Arm, ...]:
        plan = self.plan
        cells = itertools.product(*plan.vary.values())
        made = {changed(plan.base, dict(zip(plan.vary, levels, strict=True))).checksum for levels in cells}
        return tuple(arm for arm in self.arms if arm.recipe.checksum in made)

    @property
    def _one_run_an_arm(self) -> list[Run]:
        return [self.runs[arm.label][0] for arm in self.arms]
