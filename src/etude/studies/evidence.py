"""The runs of a study as outcomes: one number for each replicate of an arm, found by recipe."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.values.claim import OBJECTIVE
from etude.values.errors import NotComparableError, RecipeError
from etude.values.metric import METRICS, Metric, Split
from etude.values.recipe import Recipe, changed, field_path, field_value
from etude.values.run import Run
from etude.values.study import Arm, Plan


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a study has to judge by.

    runs: by arm label, in replicate order; every arm has the same replicates, so position pairs them
    What is asked for again and again (an arm by its recipe, the outcomes of an arm) is looked up once.
    """

    plan: Plan
    arms: tuple[Arm, ...]
    runs: Mapping[str, tuple[Run, ...]]
    _scored: dict[tuple[str, str, str], NDArray[np.float64]] = field(default_factory=dict, init=False, repr=False)

    def arm(self, recipe: Recipe) -> Arm:
        """The arm with this recipe."""
        return self._by_recipe[recipe.checksum]

    def outcomes(self, arm: Arm, metric: str, split: Split) -> NDArray[np.float64]:
        """The metric of each replicate of one arm on one split, shape (n_replicates,); NaN where it diverged."""
        asked = (arm.label, metric, split)
        if asked not in self._scored:
            self._scored[asked] = np.array([run.score(metric, split) for run in self.runs[arm.label]])
        return self._scored[asked]

    @cached_property
    def cells(self) -> NDArray[np.object_]:
        """The arms of the factorial, an axis a factor in the order of `plan.vary`, along it the factor's levels."""
        shape = tuple(len(levels) for levels in self.plan.vary.values())
        made = np.empty(shape, dtype=object)
        for place in np.ndindex(shape):
            levels = {factor: among[i] for (factor, among), i in zip(self.plan.vary.items(), place, strict=True)}
            made[place] = self.arm(changed(self.plan.base, levels))
        return made

    def cell_outcomes(self, metric: str, split: Split) -> NDArray[np.float64]:
        """The outcomes of every cell of the factorial, shape (levels of factor 1, …, n_replicates)."""
        found = [self.outcomes(arm, metric, split) for arm in self.cells.ravel()]
        return np.array(found).reshape(*self.cells.shape, -1)

    @cached_property
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

    @cached_property
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
        alike = self._along(self.factors.index(path)) if path in self.factors else self._alike_but(path, control)
        groups = [{repr(field_value(arm.recipe, path)): arm for arm in arms} for arms in alike]
        pairs = [tuple(group[end] for end in ends) for group in groups if all(end in group for end in ends)]
        return tuple((one, other) for one, other in pairs)

    @cached_property
    def factors(self) -> tuple[str, ...]:
        """The full paths of the factors in `plan.vary`."""
        return tuple(field_path(self.plan.base, factor) for factor in self.plan.vary)

    def _along(self, axis: int) -> Sequence[Sequence[Arm]]:
        """The cells of the factorial in groups that differ in the factor of this axis alone."""
        lines: list[list[Arm]] = np.moveaxis(self.cells, axis, -1).reshape(-1, self.cells.shape[axis]).tolist()
        return lines

    def _alike_but(self, path: str, level: object) -> Sequence[Sequence[Arm]]:
        groups: dict[str, list[Arm]] = {}
        for arm in self.arms:
            with contextlib.suppress(RecipeError):  # an arm without such a field, as a momentum of Adam's
                groups.setdefault(changed(arm.recipe, {path: level}).checksum, []).append(arm)
        return list(groups.values())

    @cached_property
    def _by_recipe(self) -> Mapping[str, Arm]:
        return {arm.recipe.checksum: arm for arm in self.arms}

    @property
    def _one_run_an_arm(self) -> list[Run]:
        return [self.runs[arm.label][0] for arm in self.arms]
