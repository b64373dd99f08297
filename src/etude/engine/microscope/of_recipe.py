"""Steps of a recipe's own training under the microscope: the reference loop trains, and is looked at on its way."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from etude.data.load import load
from etude.data.splits import Splits
from etude.engine.course import steps_per_epoch
from etude.engine.loop import fit
from etude.engine.machine import device_called, explained, facts, own_torch, seed_torch
from etude.engine.microscope.asked import EVERYTHING, Wanted
from etude.engine.microscope.double import STATE
from etude.engine.microscope.look import looked_at
from etude.engine.microscope.pictured import with_boundaries, with_surface
from etude.engine.microscope.scene import Scene
from etude.engine.trial import Trial, prepare
from etude.values.data import Images, Series, Task
from etude.values.errors import EngineError
from etude.values.recipe import Recipe
from etude.values.step_record import StepRecord


def stepped(
    recipe: Recipe, replicate: int, steps: Sequence[int], wanted: Wanted = EVERYTHING, device: str = "cpu"
) -> tuple[StepRecord, ...]:
    """Records of some optimiser steps of one replicate, 1 being the first, in the order in which they are asked for.

    It is trained as ever, from the same seeds on the same batches, up to the last of them. The training part is the
    whole set on which dead units are looked for, and labels that were flipped on purpose are marked. A plane through
    the weights is that in which training went, where three steps or more are looked at, and is of the last one.
    """
    where, splits = device_called(device), load(recipe.data, seed=recipe.seed, replicate=replicate)
    _check(steps, planned_steps(recipe, splits))
    each = replace(wanted, clip_norm=recipe.clip_norm, surface=False)
    with explained(recipe, replicate), own_torch(where):
        trial = prepare(recipe, splits, replicate, device=where)
        seed_torch(recipe.seed, replicate, building=False)
        eye = Eye(trial, steps, each, flipped_rows(recipe, splits, replicate))
        eye.follow()
        records = with_boundaries(eye.records, eye.scenes, recipe, splits)
        records = with_surface(records, eye.scenes, seed=recipe.seed) if wanted.surface else records
    known: dict[str, str | int | float] = {"replicate": replicate, "recipe": recipe.checksum, "data": splits.checksum}
    provenance = MappingProxyType({**known, "engine": "loop", **facts(device)})
    return tuple(replace(records[step], provenance=provenance) for step in steps)


def planned_steps(recipe: Recipe, splits: Splits) -> int:
    """The optimiser steps that a recipe takes, unless it stops before them."""
    return recipe.epochs * steps_per_epoch(recipe, len(splits.train.inputs))


def flipped_rows(recipe: Recipe, splits: Splits, replicate: int) -> NDArray[np.bool_] | None:
    """Of each training row, whether its label was flipped on purpose; None where nobody knows.

    Flips have a chance of their own, so that the same data without them has the same rows in the same places.
    """
    data = recipe.data
    if not isinstance(data, Task | Images | Series) or splits.kind == "regression":
        return None
    if not data.flip:
        return np.zeros(len(splits.train.targets), dtype=np.bool_)
    clean = load(data.model_copy(update={"flip": 0.0}), seed=recipe.seed, replicate=replicate)
    return np.asarray(clean.train.targets != splits.train.targets)


class _Over(Exception):  # noqa: N818 - no error: nothing further is asked for
    """All steps that were asked for are taken."""


class Eye:
    """Looks at the chosen steps of a trial while the reference loop takes them.

    records: by step
    scenes:  by step, for whoever has more to ask
    """

    def __init__(
        self, trial: Trial, steps: Sequence[int], wanted: Wanted, flipped: NDArray[np.bool_] | None = None
    ) -> None:
        """flipped: of each training row."""
        self.records: dict[int, StepRecord] = {}
        self.scenes: dict[int, Scene] = {}
        self._trial, self._steps, self._flipped = trial, frozenset(steps), flipped
        whole = trial.inputs["train"] if wanted.whole is None else wanted.whole
        self._wanted = replace(wanted, whole=whole)
        self._rows = _rows_of_steps(trial)
        self._step = 0

    def follow(self) -> None:
        """Train up to the last step that was asked for."""
        self._handle = self._trial.model.register_forward_pre_hook(self._before)
        try:
            course = fit(self._trial)
        except _Over:
            return
        finally:
            self._handle.remove()
        missing = sorted(self._steps - set(self.records))
        if missing:
            raise EngineError(
                f"step {missing[0]} is asked for, and this run {course.ended} at step {course.step}. Ask for one up to "
                f"that. {STATE}"
            )

    def _before(self, model: nn.Module, args: tuple[Any, ...]) -> None:
        """The loop is about to show the model a batch: in training, this begins a step."""
        if not model.training:
            return
        rows = next(self._rows)
        self._step += 1
        if self._step > max(self._steps):
            raise _Over
        if self._step in self._steps:
            self._handle.remove()
            self._look(args[0], rows)
            self._handle = model.register_forward_pre_hook(self._before)

    def _look(self, inputs: Tensor, rows: Tensor) -> None:
        trial, step = self._trial, self._step
        flipped = None if self._flipped is None else self._flipped[rows.cpu().numpy()]
        batch = (inputs, trial.targets["train"][rows])
        wanted = replace(self._wanted, step=step, flipped=flipped)
        self.records[step], self.scenes[step] = looked_at(trial.model, trial.loss, batch, trial.optimizer, wanted)


def _rows_of_steps(trial: Trial) -> Iterator[Tensor]:
    """Which training rows each step is shown, step by step: the trial's own batches, of row numbers for targets."""
    training = trial.targets["train"]
    numbers = torch.arange(len(training), device=training.device)
    numbered = replace(trial, targets={**trial.targets, "train": numbers})
    for epoch in itertools.count(1):
        for _, rows in numbered.batches(epoch):
            yield rows


def _check(steps: Sequence[int], planned: int) -> None:
    wrong = next((step for step in steps if not 1 <= step <= planned), None)
    if wrong is not None or not steps:
        asked = "no step is asked for" if wrong is None else f"step {wrong} is asked for"
        raise EngineError(f"{asked}, and this recipe takes the steps 1 to {planned}. Ask for one of them. {STATE}")
